"""How much processor time do the entropy estimates of SP 800-90B take? By estimator, with numba and without:

    python benchmarks/entropy_estimators.py [--symbols 1000000] [--bits 1] [--reference path/to/ea_non_iid]

Seconds are CPU time of this process, the least of three rounds, for independent fair symbols (Philox, seed 1). The
first call of a new installation compiles the loops, before the clock runs. With --reference NIST's tool, one thread,
is run on the same symbols: time and result stand beside ours.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from labctl.entropy.sp800_90b import Symbols, assess
from labctl.entropy.sp800_90b.compression import compression
from labctl.entropy.sp800_90b.counts import collision, markov, most_common_value
from labctl.entropy.sp800_90b.dictionary import lz78y
from labctl.entropy.sp800_90b.lag import lag
from labctl.entropy.sp800_90b.markov_models import multi_mmc
from labctl.entropy.sp800_90b.tuples import tuples
from labctl.entropy.sp800_90b.windows import multi_mcw

ROUNDS = 3
TARGETS = {True: 0.7, False: 3.0}
"""CPU seconds for all ten on a million bits, with numba and without."""


def seconds(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)


def reference(tool: str, symbols: Symbols) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "symbols.bin"
        symbols.raw.tofile(path)
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        said = subprocess.run(  # noqa: S603 - the tool that was named on the command line
            [tool, "-vv", str(path), str(symbols.bits)],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        ).stdout
        taken = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    found = re.search(r"Assessed min entropy: ([0-9.]+)", said)
    print(f"{'reference, all':20s} {taken:9.3f}        min-entropy {found[1] if found else '?'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--symbols", type=int, default=1_000_000)
    parser.add_argument("--bits", type=int, default=1)
    parser.add_argument("--reference", help="ea_non_iid of NIST's SP800-90B_EntropyAssessment")
    options = parser.parse_args()
    generator = np.random.Generator(np.random.Philox(1))
    symbols = Symbols.of(generator.integers(0, 2**options.bits, options.symbols, dtype=np.uint8), options.bits)
    warm = assess(Symbols.of(symbols.raw[:5000], options.bits))
    print(f"{len(symbols)} symbols of {symbols.bits} bits; CPU seconds   numba    NumPy")
    plain = (most_common_value, collision, markov, compression)
    total = {True: 0.0, False: 0.0}
    for estimator in (*plain, tuples, multi_mcw, lag, multi_mmc, lz78y):
        row = {}
        for numba in (True, False):
            keywords = {} if estimator in plain else {"numba": numba}
            row[numba] = seconds(lambda e=estimator, k=keywords: e(symbols, **k))
            total[numba] += row[numba]
        print(f"{estimator.__name__:20s} {row[True]:34.3f} {row[False]:8.3f}")
    print(f"{'all':20s} {total[True]:34.3f} {total[False]:8.3f}   min-entropy {assess(symbols).min_entropy:.12g}")
    if options.bits == 1 and options.symbols == 1_000_000:
        for numba, most in TARGETS.items():
            verdict = "met" if total[numba] <= most else "MISSED"
            print(f"target {most} s {'with' if numba else 'without'} numba: {verdict}")
    if options.reference:
        reference(options.reference, symbols)
    assert warm.original


if __name__ == "__main__":
    main()
