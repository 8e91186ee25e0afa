"""How fast SP 800-22 and the estimators of SP 800-90B are, beside NIST's C and the packages on PyPI. CPU time, one
thread, 10^6 bits. By estimator, and beside NIST's own tool: entropy_estimators.py.

python benchmarks/certify.py [--sts FOLDER]

FOLDER is NIST's ``sts``, with its ``assess`` compiled (github.com/terrillmoore/NIST-Statistical-Test-Suite). A peer
that is not there is said not to be: pip install sp80022suite nistrng sp800-90b.
"""

from __future__ import annotations

import argparse
import importlib
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from labctl.core.bits import Bits, Origin
from labctl.entropy import sp800_22, sp800_90b

N = 1_000_000
SEQUENCES = 100
SLOW = 20_000
"""Bits for a peer that takes minutes for a million; its time is scaled up and said to be."""

STS_NAMES = (
    *("Frequency", "BlockFrequency", "CumulativeSums", "Runs", "LongestRun", "Rank", "FFT", "NonOverlappingTemplate"),
    *("OverlappingTemplate", "Universal", "ApproximateEntropy", "RandomExcursions", "RandomExcursionsVariant"),
    *("Serial", "LinearComplexity"),
)


def seconds_of(work: Callable[[], object], rounds: int = 1) -> float:
    """The least CPU time of one call, children included."""
    times = []
    for _ in range(rounds):
        begin = _cpu_seconds()
        work()
        times.append(_cpu_seconds() - begin)
    return min(times)


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def ours(packed: np.ndarray) -> float:
    """Seconds per 10^6 bits, each test and all; then a whole set, with the memory that it took."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sp800_22.run(sp800_22.Sequence(packed, N))
    print("labctl, one test alone (what tests share is counted with each)")
    for test in sp800_22.TESTS:
        spent = seconds_of(lambda test=test: sp800_22.run(sp800_22.Sequence(packed, N), tests=[test]), 5)
        print(f"  {test:28s}{spent * 1e3:8.2f} ms")
    spent = seconds_of(lambda: sp800_22.run(sp800_22.Sequence(packed, N)), 9)
    print(f"labctl, all                   {spent * 1e3:8.1f} ms")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bits"
        path.write_bytes(np.random.default_rng(2).bytes(SEQUENCES * N // 8))
        mapped = np.memmap(path, np.uint8, "r")
        whole = seconds_of(lambda: sp800_22.summarise(sp800_22.run_many(sp800_22.split(mapped, N))))
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(
            f"labctl, {SEQUENCES} sequences, report  {whole:8.2f} s, peak memory up by {(after - before) / 1024:.0f} MB"
        )
    return spent


def sts(folder: Path, packed: np.ndarray) -> float:
    """Seconds of NIST's C."""
    with tempfile.TemporaryDirectory() as work:
        here = Path(work)
        (here / "templates").symlink_to(folder.resolve() / "templates")
        for name in STS_NAMES:
            (here / "experiments" / "AlgorithmTesting" / name).mkdir(parents=True)
        (here / "bits").write_bytes(packed.tobytes())
        command = [str(folder.resolve() / "assess"), str(N)]
        answers = b"0\nbits\n1\n0\n1\n1\n"

        def assess() -> None:
            # the program that the caller named on the command line; it exits with 1 when all is well
            subprocess.run(command, input=answers, cwd=work, capture_output=True, check=False)  # noqa: S603  see above

        return seconds_of(assess)


def sp80022suite(peer: object, packed: np.ndarray) -> float:
    """Seconds of the fourteen tests that work (it does not find its templates)."""
    values = np.unpackbits(packed).tobytes()
    lengths = {
        "block_frequency": 128,
        "overlapping_template_matchings": 9,
        "approximate_entropy": 10,
        "serial": 16,
        "linear_complexity": 500,
    }
    alone = "frequency cumulative_sums runs longest_run_of_ones rank discrete_fourier_transform universal"
    excursions = "random_excursions random_excursions_variant"

    def work() -> None:
        for name in f"{alone} {excursions}".split():
            getattr(peer, name)(values)
        for name, length in lengths.items():
            getattr(peer, name)(length, values)

    return seconds_of(work)


def nistrng(peer: object, packed: np.ndarray) -> float:
    """Seconds of its battery, scaled up from a short sequence; half of its tests are wrong."""
    values = np.unpackbits(packed)[:SLOW].astype(int)
    battery = peer.SP800_22R1A_BATTERY

    def work() -> None:
        for name in battery:
            with suppress(ValueError, IndexError, ZeroDivisionError):
                battery[name].run(values)

    return seconds_of(work) * N / SLOW


def entropy(packed: np.ndarray) -> None:
    """The ten estimators, ours with numba and without, and NIST's C++ as sp800-90b of PyPI has it."""
    bits = Bits(packed.tobytes(), N, Origin.SIMULATED)
    symbols = sp800_90b.Symbols.of(bits)
    fast = find_spec("numba") is not None
    if fast:
        sp800_90b.estimates(sp800_90b.Symbols.of(bits.unpack()[:5000], 1))  # compiled before the clock runs
        own = seconds_of(lambda: sp800_90b.estimates(symbols), 3)
        print(f"SP 800-90B, numba             {own:8.2f} s     target 0.7")
    plain = seconds_of(lambda: sp800_90b.estimates(symbols, numba=False))
    print(f"SP 800-90B, NumPy             {plain:8.2f} s     target 3")
    try:
        peer = importlib.import_module("sp800_90b")
    except ImportError:
        print("sp800-90b                     absent: pip install sp800-90b (it needs libbz2 and libdivsufsort)")
        return
    content = bits.unpack().tobytes()
    spent = seconds_of(lambda: peer.Data(content, 1).h_min_all())
    print(f"{'sp800-90b':30s}{spent:8.2f} s     {spent / (own if fast else plain):7.1f} times as long")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sts", type=Path)
    arguments = parser.parse_args()
    packed = np.random.default_rng(1).integers(0, 256, N // 8, dtype=np.uint8)
    own = ours(packed)
    peers = {"sp80022suite": sp80022suite, "nistrng": nistrng}
    if arguments.sts and (arguments.sts / "assess").exists():
        spent = sts(arguments.sts, packed)
        print(f"NIST's C                      {spent:8.2f} s     {spent / own:7.0f} times as long")
    else:
        print("NIST's C                      absent: compile its assess and give --sts FOLDER")
    for name, measure in peers.items():
        try:
            peer = importlib.import_module(name)
        except ImportError:
            print(f"{name:30s}absent: pip install {name}")
            continue
        spent = measure(peer, packed)
        note = f" (from {SLOW} bits)" if measure is nistrng else " (14 of 15 tests)"
        print(f"{name:30s}{spent:8.2f} s     {spent / own:7.0f} times as long{note}")
    entropy(packed)


if __name__ == "__main__":
    main()
