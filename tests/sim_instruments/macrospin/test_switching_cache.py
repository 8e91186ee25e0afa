"""The cache of columns: it may be damaged, foreign, read-only or shared, and no answer changes."""

import os
import subprocess
import sys

import numpy as np
import pytest

from labctl_sim.macrospin.cache import Store, name_of, read_set, write_set
from labctl_sim.macrospin.columns import Point, column

POINT = Point(12.0, 3.0, 0.0, 0.3, 12.0, 0.0, 0.0, 0.2, (), ())


@pytest.fixture(scope="module")
def some():
    return column(POINT)


def same(a, b):
    np.testing.assert_array_equal(a.chance, b.chance)
    assert (a.step, a.rate) == (b.step, b.rate)


def test_a_column_comes_back_as_it_was_put(tmp_path, some):
    kept = Store(tmp_path).put(POINT.key(), some)
    found = Store(tmp_path).get(POINT.key())
    same(found, kept)
    np.testing.assert_allclose(found.chance, some.chance, atol=2e-6)  # stored in steps of 2^-18
    assert Store(tmp_path).get("something else") is None


def foreign(path):
    np.savez(path, key=np.array(POINT.key()), chance=np.full((2, 4), 0.5), numbers=np.ones(2))


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "foreign": foreign,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"1"),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),  # would be waited for
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_file_counts_as_absent(tmp_path, some, damage):
    if damage == "a pipe" and not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes on this system")
    Store(tmp_path).put(POINT.key(), some)
    DAMAGES[damage](tmp_path / "columns" / f"{name_of(POINT.key())}.npz")
    store = Store(tmp_path)
    assert store.get(POINT.key()) is None
    kept = store.put(POINT.key(), some)
    same(store.get(POINT.key()), kept)
    if damage != "a folder":  # in whose place no file goes
        same(Store(tmp_path).get(POINT.key()), kept)


def test_no_changed_bit_is_overlooked(tmp_path, some):
    Store(tmp_path).put(POINT.key(), some)
    write_set(tmp_path / "set.npz", {POINT.key(): some})
    for path, read in (
        (tmp_path / "columns" / f"{name_of(POINT.key())}.npz", lambda: Store(tmp_path).get(POINT.key())),
        (tmp_path / "set.npz", lambda: read_set(tmp_path / "set.npz") or None),
    ):
        whole = path.read_bytes()
        assert read() is not None
        with path.open("r+b", buffering=0) as file:
            for place, byte in enumerate(whole):
                os.pwrite(file.fileno(), bytes([byte ^ 1 << place % 8]), place)
                assert read() is None, place
                os.pwrite(file.fileno(), bytes([byte]), place)
        assert read() is not None


def test_what_a_killed_process_left_behind_is_swept_up(tmp_path, some):
    old, new = tmp_path / "columns" / "tmpold.part", tmp_path / "columns" / "tmpnew.part"
    old.parent.mkdir()
    for path in (old, new):
        path.write_bytes(b"half a col")
    os.utime(old, (1e9, 1e9))
    Store(tmp_path).put(POINT.key(), some)
    assert not old.exists()
    assert new.exists()  # another process may be writing it


def test_a_place_that_cannot_be_written_costs_nothing_but_time(tmp_path, some):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    store = Store(blocked)
    kept = store.put(POINT.key(), some)
    same(store.get(POINT.key()), kept)
    assert Store(blocked).get(POINT.key()) is None


WRITER = """
import sys, numpy as np
from pathlib import Path
from labctl_sim.macrospin.cache import Store
from labctl_sim.macrospin.columns import Column
store = Store(Path(sys.argv[1]))
for _ in range(40):
    store.put("shared", Column(np.full((2, 500), 0.25), 0.1, 0.0))
"""


def test_two_processes_may_write_at_once(tmp_path):
    workers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)]) for _ in range(2)]
    assert [worker.wait() for worker in workers] == [0, 0]
    assert Store(tmp_path).get("shared").chance[0, 0] == 0.25
    assert not list((tmp_path / "columns").glob("*.part"))


def test_a_set_is_shipped_as_one_file(tmp_path, some):
    write_set(tmp_path / "set.npz", {POINT.key(): some})
    store = Store(shipped=[tmp_path / "set.npz", tmp_path / "absent.npz"])
    np.testing.assert_allclose(store.get(POINT.key()).chance, some.chance, atol=2e-6)  # stored in steps of 2^-18
    (tmp_path / "set.npz").write_bytes(b"PK damaged")
    assert read_set(tmp_path / "set.npz") == {}
