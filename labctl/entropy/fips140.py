"""FIPS 140-2 statistical tests on blocks of 20,000 bits, as rngd and rngtest apply them to what a source puts out.

FIPS 140-2 no longer asks for them (change notice 2, 2002 [MEM]), but feeding programs still do. Ideal bits fail a
block now and then, by design: one failed block is no alarm, a share of them well above that rate is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from labctl.core.bits import Bits
from labctl.core.errors import ParameterError

BLOCK = 20_000
ONES = (9725, 10275)
"""Ones in a block lie between these, exclusive."""

POKER = (2.16, 46.17)
"""The poker statistic lies between these, exclusive."""

RUNS = ((2315, 2685), (1114, 1386), (527, 723), (240, 384), (103, 209), (103, 209))
"""Runs of zeros, and runs of ones, of length 1, 2, 3, 4, 5, and 6 or more lie within these, inclusive."""

LONG_RUN = 26
"""No run is as long as this."""

FALSE_ALARM = 8e-4
"""Chance that a block of ideal bits fails in anything: 1e-4 each for ones and for poker, the rest by their runs.

Of 200,000 simulated blocks 154 failed, which is 7.7e-4.
"""

TESTS = ("monobit", "poker", "runs", "long run")


@dataclass(frozen=True)
class Blocks:
    """``count`` blocks, of which ``failed`` did in anything and ``by_test`` tells in what.

    ``p_value`` is the chance that ideal bits would fail in so many blocks or more.
    """

    count: int
    failed: int
    by_test: dict[str, int]
    p_value: float


def assess_blocks(bits: Bits) -> Blocks:
    """Test every whole block of ``bits``."""
    count = len(bits) // BLOCK
    if not count:
        raise ParameterError(f"{len(bits)} bits were given; a FIPS 140-2 block has {BLOCK}")
    octets = np.frombuffer(bits.packed, np.uint8, count * BLOCK // 8).reshape(count, -1)
    failures = np.array([_failures(block) for block in octets])
    failed = int(failures.any(axis=1).sum())
    by_test = dict(zip(TESTS, failures.sum(axis=0).tolist(), strict=True))
    return Blocks(count, failed, by_test, float(binom.sf(failed - 1, count, FALSE_ALARM)))


def _failures(octets: NDArray[np.uint8]) -> tuple[bool, ...]:
    """Which tests a block of 2,500 bytes fails."""
    ones = int(np.bitwise_count(octets).sum())
    nibbles = np.bincount(octets >> 4, minlength=16) + np.bincount(octets & 15, minlength=16)
    poker = 16 / 5000 * int(np.square(nibbles).sum()) - 5000
    values = np.unpackbits(octets)
    edges = np.flatnonzero(values[1:] != values[:-1])
    lengths = np.diff(np.concatenate(([-1], edges, [values.size - 1])))
    kinds = np.minimum(lengths, 6) - 1
    first = int(values[0])  # runs of zeros and of ones take turns
    by_value = (np.bincount(kinds[i::2], minlength=6) for i in (first, 1 - first))
    runs_bad = any(not low <= n <= high for row in by_value for n, (low, high) in zip(row.tolist(), RUNS, strict=True))
    return (
        not ONES[0] < ones < ONES[1],
        not POKER[0] < poker < POKER[1],
        runs_bad,
        int(lengths.max()) >= LONG_RUN,
    )
