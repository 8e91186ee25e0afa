"""The cache of columns: it may be damaged, foreign, read-only or shared, and no answer changes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from labctl_sim.macrospin.cache import Store, name_of, read_set, user_folder, write_set
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


@pytest.mark.parametrize("damage", [b"", b"foreign", "cut", "flip", "other"])
def test_a_damaged_or_foreign_file_is_made_again(tmp_path, some, damage):
    Store(tmp_path).put(POINT.key(), some)
    path = tmp_path / "columns" / f"{name_of(POINT.key())}.npz"
    whole = path.read_bytes()
    if damage == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "flip":
        middle = len(whole) // 2
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :])
    elif damage == "other":
        np.savez(path, key=np.array(POINT.key()), chance=np.full((2, 4), 7.0), numbers=np.zeros(2))
    else:
        path.write_bytes(damage)
    store = Store(tmp_path)
    assert store.get(POINT.key()) is None
    store.put(POINT.key(), some)
    assert Store(tmp_path).get(POINT.key()) is not None


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


def test_the_folder_is_where_the_system_keeps_caches(tmp_path):
    assert user_folder({"LABCTL_CACHE": str(tmp_path)}) == tmp_path
    assert user_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "labctl"
    if sys.platform != "win32":
        assert user_folder({}).is_relative_to(Path.home())
