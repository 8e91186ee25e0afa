"""Restart tests (3.1.4): a source that starts in the same way each time gives less entropy than it seems to.

Of 1,000 restarts the first 1,000 samples each are the rows of a matrix. A value that is too common in any row or
column refutes the claimed entropy; so do the estimates of all rows one after the other, and of all columns, if they
come to less than half of it. Otherwise the least of the three is the entropy of the source.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import poisson

from labctl.core.bits import Bits
from labctl.core.errors import ParameterError
from labctl.entropy.sp800_90b.counts import most_common_value
from labctl.entropy.sp800_90b.estimate import Estimate
from labctl.entropy.sp800_90b.iid import IidChecks, iid_checks
from labctl.entropy.sp800_90b.non_iid import estimates, least
from labctl.entropy.sp800_90b.permutation import PERMUTATIONS
from labctl.entropy.sp800_90b.symbols import Symbols

RESTARTS = 1000
"""Restarts, and samples after each."""

FALSE_ALARM = 0.01
"""Probability that a source which just meets its claim fails the sanity check, all rows and columns together."""


@dataclass(frozen=True)
class Restarts:
    """``min_entropy`` in bits per symbol, 0 if the source failed for the ``reason`` given.

    ``h_rows`` and ``h_columns`` (H_r and H_c) are the minima of ``rows`` and ``columns``. ``most`` is how often the
    commonest value of any row or column occurs there, which the sanity check allows up to ``cutoff``. For a source
    that claims to be IID ``checks`` holds its tests, of rows and of columns.
    """

    h_initial: float
    h_rows: float
    h_columns: float
    rows: tuple[Estimate, ...]
    columns: tuple[Estimate, ...]
    most: int
    cutoff: int
    checks: tuple[IidChecks, ...]
    min_entropy: float
    reason: str

    @property
    def passed(self) -> bool:
        """Whether the restarts bear out the claim."""
        return not self.reason


def assess_restarts(
    samples: Bits | ArrayLike | Symbols,
    h_initial: float,
    bits: int | None = None,
    *,
    iid: np.random.Generator | None = None,
    permutations: int = PERMUTATIONS,
    numba: bool = True,
) -> Restarts:
    """Judge 1,000 restarts of 1,000 samples, one restart after the other, against ``h_initial`` bits per symbol.

    The estimators are those of the non-IID track, or with ``iid``, which then shuffles for the tests, of the IID track.
    """
    by_row = samples if isinstance(samples, Symbols) else Symbols.of(samples, bits)
    if len(by_row) != RESTARTS**2:
        raise ParameterError(
            f"{len(by_row)} samples were given; restart tests take {RESTARTS} samples of each of {RESTARTS} restarts"
        )
    if not 0 <= h_initial <= by_row.bits:
        raise ParameterError(f"an initial entropy of {h_initial} was given for symbols of {by_row.bits} bits")
    by_column = Symbols(_turned(by_row.raw), _turned(by_row.values), by_row.size, by_row.bits)
    both = (by_row, by_column)
    most, cutoff = max(_commonest(s) for s in both), sanity_cutoff(h_initial)
    found = [(most_common_value(s),) if iid else estimates(s, numba=numba) for s in both]
    h = [least(one, float(by_row.bits)) for one in found]
    checks = tuple(iid_checks(s, iid, permutations=permutations, numba=numba) for s in both) if iid else ()
    reason = ""
    if most > cutoff:
        reason = f"one value occurs {most} times in a row or column; {h_initial:g} bits each allow {cutoff} times"
    elif min(h) < h_initial / 2:
        reason = f"rows have {h[0]:.4g} and columns {h[1]:.4g} bits per symbol: less than half of {h_initial:g}"
    elif not all(c.passed for c in checks):
        reason = f"not IID: {', '.join(dict.fromkeys(name for c in checks for name in c.failed))}"
    entropy = 0.0 if reason else min(*h, h_initial)
    return Restarts(h_initial, h[0], h[1], found[0], found[1], most, cutoff, checks, entropy, reason)


def sanity_cutoff(h_initial: float) -> int:
    """How often the commonest of 1,000 samples may occur, each of ``h_initial`` bits (3.1.4.3).

    The least favourable source has as many values as it can of the largest probability, and one for the rest. NIST's
    tool simulates it five million times; here its distribution is computed.
    """
    alpha = 1 - (1 - FALSE_ALARM) ** (1 / (2 * RESTARTS))
    low, high = 0, RESTARTS  # the cutoff is above ``low`` and at most ``high``
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _none_above(middle, h_initial) >= 1 - alpha else (middle, high)
    return high


def _none_above(count: int, h_initial: float) -> float:
    """Probability that no value occurs more than ``count`` times.

    Counts of a fixed number of samples are Poisson counts, given that they add up to that number.
    """
    p = 2.0**-h_initial
    cells = math.floor(1 / p)

    def cell(probability: float) -> NDArray[np.float64]:
        chances = poisson.pmf(np.arange(RESTARTS + 1), RESTARTS * probability)
        chances[count + 1 :] = 0
        return chances

    total, power = cell(max(1 - cells * p, 0.0)), cell(p)
    while cells:
        if cells & 1:
            total = np.convolve(total, power)[: RESTARTS + 1]
        power = np.convolve(power, power)[: RESTARTS + 1]
        cells >>= 1
    return float(total[RESTARTS] / poisson.pmf(RESTARTS, RESTARTS))


def _turned(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(values.reshape(RESTARTS, RESTARTS).T).ravel()


def _commonest(symbols: Symbols) -> int:
    """How often any value occurs in one stretch of 1,000 at most."""
    codes = symbols.values + symbols.size * np.repeat(np.arange(RESTARTS), RESTARTS)
    return int(np.bincount(codes).max())
