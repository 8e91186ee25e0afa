"""Many P-values at once: what a perfect source fails by chance, and Holm's correction for it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from labctl.entropy.sp800_22.result import Result


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """P-values (tests,) adjusted for there being so many (Holm 1979).

    Whatever the tests have to do with each other, the chance that one or more of a perfect source's adjusted P-values
    lie below alpha is at most alpha.
    """
    order = np.argsort(p_values, kind="stable")
    steps = p_values[order] * np.arange(p_values.size, 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def adjusted(results: Iterable[Result]) -> dict[tuple[str, str], float]:
    """Holm's P-value of each test and variant that could be applied, all results taken as one family."""
    found = {(result.test, result.variant): result.p_value for result in results if result.p_value is not None}
    return dict(zip(found, holm(np.array(list(found.values()), float)).tolist(), strict=True))


def expected_failures(results: Iterable[Result], alpha: float = 0.01) -> float:
    """How many of ``results`` a perfect source fails on average: 1.88 of NIST's 188."""
    return alpha * sum(result.p_value is not None for result in results)
