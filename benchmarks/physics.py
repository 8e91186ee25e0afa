"""How many switching trials a second does the macrospin engine carry out? Ours beside its peer, in one run:

    python benchmarks/physics.py [--trials 20000] [--threads 2]

A trial is a 1 ns pulse and 2 ns of relaxation in steps of 1 ps, thermal noise on: 3,000 steps of one junction (50 nm,
Delta 30, at its critical voltage, 30 mT in the plane). The peer is cmtj (C++, with its default solver) where it is
installed. Rates are per second of process CPU time, so per core that has nothing else to do, and the best of three
rounds in which all take their turns. P(1 ns) is printed beside them: who is fast must also be right.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from labctl_sim.macrospin import simd
from labctl_sim.macrospin.drive import rectangular
from labctl_sim.macrospin.layer import MU0, FreeLayer
from labctl_sim.macrospin.trials import run

ROUNDS = 3
STEPS = 3_000
TARGETS = {"trials/s per core": 100_000.0, "times cmtj": 60.0}
LAYER = FreeLayer(50e-9, 1.1e-9, 0.625e6, 0.32e-3, 60e-15, 1.4e-9, 0.05, bx_tesla=0.03)


@dataclass
class Engine:
    """One engine: how many trials it is given at a time, and what came out."""

    name: str
    trials: int
    switch: Callable[[int, int], int]  # (trials, seed) -> how many switched
    rates: list[float] = field(default_factory=list)
    walls: list[float] = field(default_factory=list)
    switched: int = 0
    done: int = 0

    def go(self, seed: int) -> None:
        wall, began = time.perf_counter(), time.process_time()
        self.switched += self.switch(self.trials, seed)
        self.rates.append(self.trials / (time.process_time() - began))
        self.walls.append(self.trials / (time.perf_counter() - wall))
        self.done += self.trials


def ours(**options: object) -> Callable[[int, int], int]:
    drive = rectangular(float(LAYER.critical_volts[0]), 1e-9)

    def switch(trials: int, seed: int) -> int:
        start = np.zeros((1, trials, 3))
        start[..., 2] = 1  # the peer begins at the pole as well
        outcome = run(LAYER, drive, trials=trials, seed=seed, start=start, thermalise_seconds=0.0, **options)
        return int(outcome.states.sum())

    return switch


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """cmtj prints a warning for each trial, from C++."""
    sys.stdout.flush()
    kept = os.dup(1)
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a file descriptor is what is needed
        os.dup2(nowhere.fileno(), 1)
        try:
            yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)


def peer() -> Callable[[int, int], int]:
    import cmtj  # noqa: PLC0415 - optional

    area = np.pi / 4 * 50e-9**2
    rest = float(LAYER.anisotropy()[0])
    up, zero = cmtj.CVector(0, 0, 1), cmtj.CVector(0, 0, 0)

    def one() -> bool:
        layer = cmtj.Layer("free", up, up, 0.625e6 * MU0, 1.1e-9, area, [zero, zero, zero], 0.05)
        junction = cmtj.Junction([layer])
        # K_eff, the shape's part included, is nothing during the pulse.
        junction.setLayerAnisotropyDriver("free", cmtj.ScalarDriver.getStepDriver(rest, -rest, 0.0, 1e-9))
        junction.setLayerExternalFieldDriver("free", cmtj.AxialDriver(0.03 / MU0, 0, 0))
        junction.setLayerTemperatureDriver("free", cmtj.ScalarDriver.getConstantDriver(300.0))
        junction.runSimulation(STEPS * 1e-12, 1e-12, 1e-12 * STEPS)
        return bool(junction.getLayerMagnetisation("free").z < 0)

    def switch(trials: int, seed: int) -> int:
        with silence():
            return sum(one() for _ in range(trials))

    return switch


def engines(trials: int, threads: int) -> list[Engine]:
    result = []
    if simd.available():
        began = time.process_time()
        simd.compiled()
        run(LAYER, rectangular(1.0, 1e-11), trials=1, seed=1)
        print(f"compiled, or loaded from {simd.cache_folder()}, in {time.process_time() - began:.2f} CPU s")
        result.append(Engine("labctl fast, numba", trials, ours()))
        if threads > 1:
            result.append(Engine(f"labctl fast, numba, {threads} threads", trials, ours(threads=threads)))
    else:
        print("skipped: numba is not installed (pip install 'labctl[fast]')")
    result.append(Engine("labctl fast, NumPy", min(trials, 4096), ours(compiled=False)))
    result.append(Engine("labctl reference, NumPy", min(trials, 2048), ours(path="reference")))
    if importlib.util.find_spec("cmtj") is None:
        print("skipped: cmtj is not installed (pip install cmtj); there is no ratio to a peer")
    else:
        result.append(Engine("cmtj, default solver", min(trials, 500), peer()))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else None)
    parser.add_argument("--trials", type=int, default=20_000, help="of the fastest engine, per round")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="of the threaded row")
    options = parser.parse_args()
    print(f"{platform.python_implementation()} {platform.python_version()}, numpy {np.__version__},", end=" ")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "")
    rows = engines(options.trials, options.threads)
    for turn in range(ROUNDS):
        for engine in rows:
            engine.go(seed=turn + 1)
    print(f"\n{'':32} {'trials/s CPU':>12} {'wall':>10} {'Msteps/s':>9}   P(1 ns)")
    for engine in rows:
        p, rate = engine.switched / engine.done, max(engine.rates)
        error = np.sqrt(max(p * (1 - p), 1e-6) / engine.done)
        print(f"{engine.name:32} {rate:12,.0f} {max(engine.walls):10,.0f} {rate * STEPS / 1e6:9,.1f}", end="   ")
        print(f"{p:.4f} +- {error:.4f}")
    best = max(rows[0].rates)
    values = {"trials/s per core": best}
    if rows[-1].name.startswith("cmtj"):
        values["times cmtj"] = best / max(rows[-1].rates)
    print()
    for what, value in values.items():
        print(f"{what:20} {value:10,.0f}, target {TARGETS[what]:,.0f}: x{value / TARGETS[what]:.2f}")


if __name__ == "__main__":
    main()
