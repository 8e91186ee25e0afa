"""Sets of columns that come with a profile, so that a first run need not make them.

What is shipped was made so (two minutes of one core for the first; nothing is taken from a cache)::

    python -m labctl_sim.macrospin.shipped vcma_long_pulse --volts 0.5 1.06 --edges 0 70e-12 1e-9
    python -m labctl_sim.macrospin.shipped vcma_precessional --volts 1.22 1.78 --edges 0 70e-12
    python -m labctl_sim.macrospin.shipped stt_smart --volts -0.4 0.4 --edges 0 --numbers stability tilt
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labctl_sim.macrospin.cache import Store, read_set, write_set
from labctl_sim.macrospin.lattice import NAMES, Lattice
from labctl_sim.macrospin.layer import FreeLayer
from labctl_sim.macrospin.shapes import Shape
from labctl_sim.profile import load
from labctl_sim.user_cache import user_folder

SPREAD = ("stability", "size", "tilt", "damping", "time")  # what differs from junction to junction


def shipped_set(name: str) -> Path:
    """Where the set of a profile that we ship lies, if there is one."""
    return Path(__file__).parent.parent / "profiles" / f"{name}.columns.npz"


def nominal_layer(name: str) -> FreeLayer:
    """The free layer of a profile's nominal junction, every number a float."""
    return load(name).nominal.layer


def store_for(name: str) -> Store:
    """All shipped columns, those of the profile ``name`` first, and the user's cache folder."""
    own = shipped_set(name)
    return Store(user_folder(), sorted(own.parent.glob("*.columns.npz"), key=lambda path: path != own))


def make(
    layer: FreeLayer, volts: tuple[float, float], edges: Sequence[float], names: Sequence[str], store: Store, path: Path
) -> int:
    """Write the columns for pulses between two ``volts`` as the set ``path``; returns how many there are."""
    lattice = Lattice(layer, store)
    for edge in edges:
        lattice.prepare(Shape.trapezoid(edge, edge), np.linspace(*volts, 200), tuple(names))
    known = {key: store.get(key) for key in sorted(lattice.used)}
    write_set(path, {key: each for key, each in known.items() if each is not None})
    return len(read_set(path))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m labctl_sim.macrospin.shipped", description=__doc__)
    parser.add_argument("profiles", nargs="+", metavar="PROFILE")
    parser.add_argument("--volts", nargs=2, type=float, required=True, metavar=("LOWEST", "HIGHEST"))
    parser.add_argument("--edges", nargs="+", type=float, default=[0.0], metavar="SECONDS")
    parser.add_argument("--numbers", nargs="*", default=list(SPREAD), choices=NAMES)
    given = parser.parse_args(arguments)
    for name in given.profiles:
        path = shipped_set(name)
        # Made anew: nothing that lies in a cache is trusted here.
        count = make(nominal_layer(name), tuple(given.volts), given.edges, given.numbers, Store(), path)
        sys.stdout.write(f"{path}: {count} columns, {path.stat().st_size / 1e6:.2f} MB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
