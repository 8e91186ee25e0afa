"""How fast is an array solved exactly, and how exactly? Ours beside its peers, in one run:

    python benchmarks/network.py [--sizes 32,64,128,256] [--spice 32]

Arrays of 10 and 20 kohm cells with 5 % spread on wires of 1 ohm per cell, driven at the left, sensed at the bottom.
Ours: the effective conductance of a fresh array, 64 reads through it, one cell written, an array of cells whose TMR
falls with bias. Peers: badcrossbar (by default, and with all but its outputs off) and ngspice; one that is not
installed is skipped with a line that says so. Every number is CPU time of this process with BLAS on one thread (of the
child, for ngspice), the best of some rounds, because the machine has other things to do.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from labctl.crossbar import noise, nonlinear
from labctl.crossbar.cells import BiasedTmr
from labctl.crossbar.network import REWRITES, Network

VECTORS = 64
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL", "VECLIB_MAXIMUM")}
TARGETS = {  # milliseconds
    "K of a fresh 64 x 64": 8.0,
    "K of a fresh 128 x 128": 60.0,
    "K of a fresh 256 x 256": 700.0,
    "64 reads of a solved 64 x 64": 0.1,
    "one cell of 64 x 64 written, K": 0.5,
    "one cell of 64 x 64 written, Y": 0.5,
    "a vector of 64 x 64, falling TMR": 3.0,
}


def cpu_ms(work: Callable[[], Any], rounds: int) -> float:
    """The best CPU time of one call, in milliseconds; short work is repeated until the clock can tell."""
    work()
    best = np.inf
    for _ in range(rounds):
        began, count = time.process_time(), 0
        while (spent := time.process_time() - began) < 2e-3:
            work()
            count += 1
        best = min(best, spent / count)
    return 1e3 * float(best)


def array(size: int) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    rng = np.random.Generator(np.random.PCG64(size))
    siemens = np.where(rng.random((size, size)) < 0.5, 1e-4, 5e-5) * np.exp(0.05 * rng.normal(size=(size, size)))
    return siemens, rng.uniform(-0.2, 0.2, (size, VECTORS)), rng


def network(siemens: np.ndarray) -> Network:
    return Network(siemens, word_segment_ohms=1.0, bit_segment_ohms=1.0, left_ohms=0.0, bottom_ohms=0.0)


def ours(size: int, rounds: int) -> dict[str, float]:
    siemens, volts, rng = array(size)
    name = f"{size} x {size}"
    solved = network(siemens)
    matrix = solved.effective
    solved.written(0, 0, 1e-4).admittance  # noqa: B018 - what a first write prepares is not part of the next
    found = {
        f"K of a fresh {name}": cpu_ms(lambda: network(siemens).effective, rounds),
        f"Y of a fresh {name}": cpu_ms(lambda: network(siemens).admittance, rounds),
        f"K of a fresh {name}, 64 reads": cpu_ms(lambda: network(siemens).effective @ volts, rounds),
        f"64 reads of a solved {name}": cpu_ms(lambda: matrix @ volts, rounds),
        f"one cell of {name} written, K": cpu_ms(lambda: solved.written(3, 5, 1e-5).effective, rounds),
        f"one cell of {name} written, Y": cpu_ms(lambda: solved.written(3, 5, 1e-5).admittance, rounds),
    }
    altered, written = siemens.copy(), solved
    for count in range(1, REWRITES + 1):
        row, col, value = *(int(k) for k in rng.integers(0, size, 2)), float(rng.choice([1e-4, 5e-5, 1 / 30]))
        written, altered[row, col] = written.written(row, col, value), value
        if count in (1, REWRITES):
            anew = network(altered).effective
            error = np.abs(written.effective - anew).max() / np.abs(anew).max()
            print(f"{name}: K after {count} written cells is off by {error:.1e} of its largest")
    if size <= 64:
        law = BiasedTmr(siemens, rng.random(siemens.shape) < 0.5, 1.5, 0.5)
        start = network(law.zero_bias_siemens)
        found[f"a vector of {name}, falling TMR"] = (
            cpu_ms(lambda: nonlinear.solve(start, law, left=volts.T), rounds) / VECTORS
        )
        exact = np.sqrt(noise.exact_read_noise_variance(solved, volts.T, 0.01))
        estimate = np.sqrt(noise.read_noise_variance(matrix, volts.T, 0.01))
        error = np.linalg.norm(estimate - exact) / np.linalg.norm(exact)
        print(f"{name}: sigma of read noise through K is off by {100 * error:.2f} % (relative L2)")
    return found


def badcrossbar(size: int, rounds: int) -> dict[str, float]:
    import badcrossbar as peer  # noqa: PLC0415 - optional

    logging.disable(logging.INFO)  # four lines per call
    siemens, volts, _ = array(size)

    def solve(vectors: int, everything: bool) -> Any:
        options = {"node_voltages": everything, "all_currents": everything}
        return peer.compute(volts[:, :vectors], 1 / siemens, r_i=1.0, **options)

    outputs = np.asarray(solve(VECTORS, everything=False).currents.output)
    expected = (network(siemens).effective @ volts).T
    print(
        f"{size} x {size}: badcrossbar and K agree to {np.abs(outputs - expected).max() / np.abs(expected).max():.1e}"
    )
    return {
        f"badcrossbar {size}, 1 vector": cpu_ms(lambda: solve(1, everything=False), rounds),
        f"badcrossbar {size}, {VECTORS} vectors": cpu_ms(lambda: solve(VECTORS, everything=False), rounds),
        f"badcrossbar {size}, {VECTORS}, all of it": cpu_ms(lambda: solve(VECTORS, everything=True), rounds),
    }


def spice(size: int, folder: Path) -> dict[str, float]:
    """One vector, as a netlist; what it prints is compared."""
    siemens, volts, _ = array(size)
    lines = ["crossbar"]
    for i in range(size):
        lines += [f"Vl{i} l{i} 0 {volts[i, 0]:.17g}", f"Rl{i} l{i} w{i}_0 1", f"Vb{i} s{i} 0 0"]
        lines += [f"Rb{i} b{size - 1}_{i} s{i} 1"]
        for j in range(size):
            lines.append(f"Rc{i}_{j} w{i}_{j} b{i}_{j} {1 / siemens[i, j]:.17g}")
            if j + 1 < size:
                lines.append(f"Rw{i}_{j} w{i}_{j} w{i}_{j + 1} 1")
            if i + 1 < size:
                lines.append(f"Rs{i}_{j} b{i}_{j} b{i + 1}_{j} 1")
    lines += [".options reltol=1e-12 gmin=1e-30 abstol=1e-18 vntol=1e-15", ".control", "set numdgt=15", "op"]
    lines += [f"print i(vb{j})" for j in range(size)] + ["quit 0", ".endc", ".end"]
    path = folder / "crossbar.cir"
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    import resource  # noqa: PLC0415 - not on Windows

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    program = shutil.which("ngspice") or "ngspice"
    done = subprocess.run([program, "-b", str(path)], capture_output=True, text=True, check=True)  # noqa: S603
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = [float(line.split("=")[1]) for line in done.stdout.splitlines() if line.startswith("i(vb")]
    expected = network(siemens).effective @ volts[:, 0]
    error = np.abs(np.array(found) - expected).max() / np.abs(expected).max()
    print(f"{size} x {size}: ngspice and K agree to {error:.1e}")
    return {f"ngspice {size}, 1 vector": 1e3 * spent}


def report(found: dict[str, float], sizes: list[int]) -> None:
    print(f"\n{'':36} {'CPU ms':>10} {'target':>8}")
    for name, value in found.items():
        target = TARGETS.get(name)
        met = f"{target:8g}  x{target / value:.1f}" if target else ""
        print(f"{name:36} {value:10.4g} {met}")
    print()
    for size in sizes:
        name, peer = f"{size} x {size}", found.get(f"badcrossbar {size}, {VECTORS} vectors")
        if peer is not None:
            one = found[f"badcrossbar {size}, 1 vector"]
            fresh, again = found[f"K of a fresh {name}, 64 reads"], found[f"64 reads of a solved {name}"]
            print(f"{name}, of badcrossbar: fresh, 1 vector x{one / found[f'K of a fresh {name}']:.1f};", end=" ")
            print(f"fresh, 64 vectors x{peer / fresh:.1f}; every later 64 vectors x{peer / again:,.0f}")
        if (spent := found.get(f"ngspice {size}, 1 vector")) is not None:
            print(f"{name}, of ngspice: fresh, 1 vector x{spent / found[f'K of a fresh {name}']:,.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else None)
    parser.add_argument("--sizes", default="32,64,128,256", help="numbers of lines, comma-separated")
    parser.add_argument("--spice", type=int, default=32, help="size for ngspice; 64 takes ten seconds, 0 none")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):
        # BLAS reads this when it is loaded, which has happened
        sys.exit(subprocess.run([sys.executable, *sys.argv], env={**os.environ, **ONE_THREAD}, check=False).returncode)  # noqa: S603
    print(f"{platform.python_implementation()} {platform.python_version()}, numpy {np.__version__},", end=" ")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "")
    sizes = [int(size) for size in options.sizes.split(",")]
    found: dict[str, float] = {}
    for size in sizes:
        found |= ours(size, options.rounds if size < 200 else 2)
    if importlib.util.find_spec("badcrossbar") is None:
        print("skipped: badcrossbar is not installed (pip install badcrossbar; it needs libcairo)")
    else:
        for size in sizes:
            found |= badcrossbar(size, 2 if size < 200 else 1)
    if shutil.which("ngspice") is None or importlib.util.find_spec("resource") is None:
        print("skipped: ngspice is not on the path (apt install ngspice), or this system has no times of children")
    elif options.spice:
        with tempfile.TemporaryDirectory() as folder:
            found |= spice(options.spice, Path(folder))
    report(found, sizes)


if __name__ == "__main__":
    main()
