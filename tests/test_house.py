"""The house as a whole: importing does nothing, and every name in pyproject.toml leads to a part."""

import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "labctl": ROOT / "labctl",
    "labctl_drivers": ROOT / "drivers" / "labctl_drivers",
    "labctl_sim": ROOT / "sim_instruments" / "labctl_sim",
    "pyvisa_labctl": ROOT / "sim_instruments" / "pyvisa_labctl",
    "labctl_server": ROOT / "server" / "labctl_server",
}


def modules(package: str) -> list[str]:
    folder = PACKAGES[package]
    names = []
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        if parts[-1] != "__main__":
            names.append(".".join([package, *(p for p in parts if p != "__init__")]))
    return names


WATCH = """
import importlib, sys
def watch(event, args):
    if event in ("socket.connect", "socket.bind", "subprocess.Popen", "os.mkdir", "os.remove", "os.rename"):
        raise SystemExit(f"importing {current} did {event} {args!r}")
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        raise SystemExit(f"importing {current} opened {args[0]!r} to write")
# what other people's libraries do when they are imported is not ours to judge
import matplotlib.backends.backend_agg, numpy, pandas, pymeasure.instruments, scipy.optimize, sqlalchemy, fastapi, torch
sys.dont_write_bytecode = True
current = ""
sys.addaudithook(watch)
for current in sys.argv[1:]:
    importlib.import_module(current)
"""


def test_importing_does_nothing():
    everything = [name for package in PACKAGES for name in modules(package)]
    assert len(everything) > 80
    done = subprocess.run([sys.executable, "-c", WATCH, *everything], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_part_that_is_named_can_be_found():
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    for group, parts in named.items():
        installed = {point.name: point for point in entry_points(group=group)}
        assert set(installed) >= set(parts), f"{group}: reinstall with pip install -e ."
        for name in parts:
            installed[name].load()


def test_the_migrations_folder_does_not_shadow_its_library():
    assert not (ROOT / "alembic" / "__init__.py").exists()


def test_torch_is_not_loaded_by_the_command_line_or_the_procedures():
    code = """
import sys, labctl.cli
from labctl.procedures import schema
labctl.cli.app()
schema.describe("sample_digits")
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
