"""Chi-square tests of the IID track: of independence (5.2.1, 5.2.3) and of goodness of fit (5.2.2, 5.2.4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from labctl.entropy.sp800_90b.symbols import Symbols

ALPHA = 0.001
"""Probability at which a test fails (5.2)."""

LEAST = 5.0
"""Expected count below which bins are joined, and tuples taken shorter."""

PARTS = 10
LONGEST_TUPLE = 11


@dataclass(frozen=True)
class Verdict:
    """A test with its p-value, or None where it is not defined, for the ``reason`` stated."""

    name: str
    p_value: float | None
    statistic: float = 0.0
    freedom: int = 0
    reason: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against it; a test that is not defined does not."""
        return self.p_value is None or self.p_value >= ALPHA


def independence(symbols: Symbols) -> Verdict:
    """Do tuples of neighbours occur as often as their symbols make likely?"""
    name = "chi-square independence"
    if symbols.size < 2:
        return Verdict(name, None, reason="all symbols are equal")
    return _bit_tuples(name, symbols) if symbols.size == 2 else _symbol_pairs(name, symbols)


def goodness_of_fit(symbols: Symbols) -> Verdict:
    """Are the symbols distributed alike in each tenth of the data?"""
    name, n = "chi-square goodness of fit", len(symbols)
    if symbols.size < 2:
        return Verdict(name, None, reason="all symbols are equal")
    part = n // PARTS
    # Bits are not joined in bins; for them the standard and the reference expect what there is.
    p = np.bincount(symbols.values) / n if symbols.size == 2 else _proportions(symbols)
    bins, expected = _bins(p * part) if symbols.size > 2 else (np.arange(2), p * part)
    if expected.size < 2 or part == 0:
        return Verdict(name, None, reason=f"{n} symbols are too few to expect {LEAST:g} in two bins of each tenth")
    parts = bins[symbols.values[: PARTS * part]].reshape(PARTS, part)
    score = sum(_score(np.bincount(row, minlength=expected.size), expected) for row in parts)
    return _test(name, score, (PARTS - 1) * (expected.size - 1))


def _bit_tuples(name: str, symbols: Symbols) -> Verdict:
    n, ones = len(symbols), int(np.count_nonzero(symbols.values))
    p = ones / n
    for m in range(LONGEST_TUPLE, 1, -1):
        if min(p, 1 - p) ** m * (n // m) >= LEAST:
            break
    else:
        return Verdict(name, None, reason=f"the rarer bit is too rare to expect two of it in a row {LEAST:g} times")
    blocks = n // m
    weights = 1 << np.arange(m - 1, -1, -1)
    observed = np.bincount(symbols.values[: blocks * m].reshape(blocks, m) @ weights, minlength=2**m)
    w = np.bitwise_count(np.arange(2**m))
    return _test(name, _score(observed, p**w * (1 - p) ** (m - w) * blocks), 2**m - 2)


def _symbol_pairs(name: str, symbols: Symbols) -> Verdict:
    n, p = len(symbols), _proportions(symbols)
    bins, expected = _bins((p[:, None] * p[None, :]).ravel() * (n // 2))
    if expected.size <= symbols.size:
        return Verdict(name, None, reason=f"{n} symbols are too few: {expected.size} bins for {symbols.size} symbols")
    pairs = symbols.values[: n // 2 * 2].reshape(-1, 2).astype(np.int64) @ np.array([symbols.size, 1])
    observed = np.bincount(bins[pairs], minlength=expected.size)
    return _test(name, _score(observed, expected), expected.size - symbols.size)


def _proportions(symbols: Symbols) -> NDArray[np.float64]:
    """Share of each symbol, float64 (size,), added up as in the reference: roundings decide which bin comes first."""
    counts = np.bincount(symbols.values, minlength=symbols.size)
    steps: NDArray[np.float64] = np.cumsum(np.full(int(counts.max()), 1 / len(symbols)))
    return steps[counts - 1]


def _bins(expected: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Join what is rare until 5 are expected, rarest first: the bin of each, and what each bin expects."""
    order = np.argsort(expected, kind="stable")
    of, sums, so_far = np.zeros(expected.size, np.int64), [], 0.0
    bins = []
    for x in expected[order].tolist():
        if so_far >= LEAST:
            sums.append(so_far)
            so_far = 0.0
        bins.append(len(sums))
        so_far += x
    of[order] = bins
    if sums and so_far < LEAST:
        of[of == len(sums)] = len(sums) - 1
        sums[-1] += so_far
    else:
        sums.append(so_far)
    return of, np.array(sums)


def _score(observed: NDArray[np.int64], expected: NDArray[np.float64]) -> float:
    return float((np.square(observed - expected) / expected).sum())


def _test(name: str, score: float, freedom: int) -> Verdict:
    return Verdict(name, float(chi2.sf(score, freedom)), score, freedom)
