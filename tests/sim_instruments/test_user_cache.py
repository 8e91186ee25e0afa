"""Where columns and compiled code are kept, on any system and for users without a home."""

import subprocess
import sys
from pathlib import Path

import pytest

from labctl_sim.macrospin import compiled_code, simd
from labctl_sim.macrospin.shipped import store_for
from labctl_sim.user_cache import user_folder

needs_numba = pytest.mark.skipif(not simd.available(), reason="numba is not installed (extra: fast)")


def test_the_folder_is_where_the_system_keeps_caches(tmp_path):
    assert user_folder({"LABCTL_CACHE": str(tmp_path)}) == tmp_path
    assert user_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "labctl"
    assert user_folder({}).is_relative_to(Path.home())


@pytest.mark.skipif(sys.platform == "win32", reason="there, homes are found otherwise")
def test_a_user_without_a_home_keeps_nothing(monkeypatch):
    for name in ("HOME", "XDG_CACHE_HOME", "LABCTL_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda number: {}[number])  # as in a container: no such user
    assert user_folder() is None
    assert simd.cache_folder() is None
    assert store_for("vcma_long_pulse").get("a column that nobody ships") is None


def test_one_variable_moves_all_of_it(monkeypatch, tmp_path):
    monkeypatch.setenv("LABCTL_CACHE", str(tmp_path))
    assert simd.cache_folder().parent == tmp_path


def test_compiled_code_is_used_only_as_it_was_left(tmp_path):
    folder = compiled_code.prepared(tmp_path / "code")
    index, code = folder / "module" / "f.nbi", folder / "module" / "f.1.nbc"

    def compiled():
        index.parent.mkdir(exist_ok=True)
        index.write_bytes(b"index")
        code.write_bytes(b"code")

    compiled()
    compiled_code.prepared(folder)  # a process was killed before it had written the sum
    assert not code.exists()
    compiled()
    compiled_code.seal(folder)
    compiled_code.prepared(folder)
    assert code.read_bytes() == b"code"
    for path in (index, code, folder / compiled_code.SUM):
        whole = path.read_bytes()
        for place in range(len(whole)):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
            compiled_code.prepared(folder)
            assert not code.exists()
            compiled()
            compiled_code.seal(folder)


def test_where_nothing_can_be_kept_nothing_is(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    assert compiled_code.prepared(blocked / "code") is None
    assert compiled_code.prepared(None) is None


RUN = """
from labctl_sim.macrospin import trials
from labctl_sim.macrospin.layer import FreeLayer
from labctl_sim.macrospin.drive import rectangular
layer = FreeLayer(50e-9, 1.1e-9, 0.625e6, 0.32e-3, 60e-15, 1.4e-9, 0.05)
outcome = trials.run(layer, rectangular(1.0, 1e-10), trials=10, seed=1, thermalise_seconds=0.0, relax_seconds=0.0)
print(outcome.magnetisation.tolist(), outcome.provenance)
"""


@pytest.mark.slow  # three times to compile
@needs_numba
def test_damaged_machine_code_is_compiled_anew(monkeypatch, tmp_path):
    monkeypatch.setenv("LABCTL_CACHE", str(tmp_path))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)

    def run():
        return subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=True).stdout

    first = run()
    assert "numba" in first
    for name in ("*.nbc", "*.nbi"):
        (path,) = tmp_path.rglob(name)
        path.write_bytes(path.read_bytes()[:100])
        assert run() == first
        assert path.stat().st_size > 100
