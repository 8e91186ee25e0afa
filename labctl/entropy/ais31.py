"""The black-box test suite T_irn of AIS 20/31 (mathematical reference 3.0, September 2024), for internal bits.

Taken from the known answers of a public implementation and from notes on the document; the document itself was not
at hand, so limits and layout are marked [MEM] where nothing but those notes stands behind them. The suite supports a
claim for class PTG.2 and does not make one: that also takes a stochastic model of the source and its online test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.core.bits import Bits
from labctl.core.errors import ParameterError
from labctl.entropy.sp800_90b.dictionary import lz78y
from labctl.entropy.sp800_90b.markov_models import multi_mmc
from labctl.entropy.sp800_90b.symbols import Symbols

SHORT, LONG = 20_000, 1_000_000
ROUND = 2 * SHORT + 2 * LONG
"""Bits of one round: 20,000 each for T1 and T2, then 1,000,000 each for T3 and T4 [MEM]."""

ONES = (9654, 10346)
"""Between these, exclusive, lies the number of ones in 20,000 bits (T1): 4.9 standard deviations either way."""

POKER = (1.03, 57.4)
"""Between these, exclusive, lies the poker statistic of 5,000 nibbles (T2)."""

MIN_ENTROPY = 0.95
"""Least estimate of MultiMMC (T3) and LZ78Y (T4), in bits per bit [MEM]."""

FALSE_ALARMS = {"T1 monobit": 1.0e-6, "T2 poker": 1.0e-6, "T3 MultiMMC": 7.4e-3, "T4 LZ78Y": 7.4e-3}
"""Chance that ideal bits fail each test in one round: 1.5 % in all, so that two rounds fail once in 4,600 times.

T3 and T4 fail by their longest run of hits: 26 in a row, which a guess of fair bits has in a million with a chance of
10**6 / 2**27, bring the estimate down to 0.945. By the share of hits they never would (36 standard deviations).
"""


@dataclass(frozen=True)
class Result:
    """One test: ``value`` is the number of ones, the poker statistic, or bits of min-entropy per bit."""

    name: str
    value: float
    passed: bool


@dataclass(frozen=True)
class Suite:
    """One round of T1 to T4 after another; the second is only needed if the first did not pass."""

    rounds: tuple[tuple[Result, ...], ...]

    @property
    def passed(self) -> bool:
        """Whether all tests of the last round passed."""
        return all(result.passed for result in self.rounds[-1])

    @property
    def needs_retry(self) -> bool:
        """Whether the first round failed and there were no bits for the second one that is allowed."""
        return len(self.rounds) == 1 and not self.passed


def t_irn(bits: Bits, *, numba: bool = True) -> Suite:
    """Test the first 2,040,000 of ``bits`` and, if they fail in anything, the next 2,040,000."""
    values = bits.unpack()
    if values.size < ROUND:
        raise ParameterError(f"{values.size} bits were given; the suite T_irn takes {ROUND}, or twice that to retry")
    rounds = [_round(values[:ROUND], numba)]
    if not all(result.passed for result in rounds[0]) and values.size >= 2 * ROUND:
        rounds.append(_round(values[ROUND : 2 * ROUND], numba))
    return Suite(tuple(rounds))


def poker_statistic(values: NDArray[np.uint8]) -> float:
    """How unevenly the sixteen nibbles occur in bits ``values`` uint8 (n,): chi-square of 15 degrees of freedom.

    >>> poker_statistic(np.unpackbits(np.arange(256, dtype=np.uint8)))
    0.0
    """
    octets = np.packbits(values[: values.size // 8 * 8])
    counts = np.bincount(octets >> 4, minlength=16) + np.bincount(octets & 15, minlength=16)
    nibbles = int(counts.sum())
    return 16 * int(np.square(counts).sum()) / nibbles - nibbles


def _round(values: NDArray[np.uint8], numba: bool) -> tuple[Result, ...]:
    first, second, third, fourth = np.split(values, [SHORT, 2 * SHORT, 2 * SHORT + LONG])
    ones, poker = int(np.count_nonzero(first)), poker_statistic(second)
    mmc = multi_mmc(Symbols.of(third, 1), numba=numba).min_entropy
    lz = lz78y(Symbols.of(fourth, 1), numba=numba).min_entropy
    return (
        Result("T1 monobit", ones, ONES[0] < ones < ONES[1]),
        Result("T2 poker", poker, POKER[0] < poker < POKER[1]),
        *(Result(name, h or 0.0, (h or 0.0) >= MIN_ENTROPY) for name, h in (("T3 MultiMMC", mmc), ("T4 LZ78Y", lz))),
    )
