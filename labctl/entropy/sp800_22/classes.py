"""Pearson's chi-squared of counts in classes."""

from __future__ import annotations

from collections.abc import Sequence as Values

import numpy as np
from numpy.typing import NDArray


def chi_squared(counts: NDArray[np.integer], probabilities: Values[float]) -> float:
    """How far ``counts`` (classes,) lie from what ``probabilities`` let expect."""
    expected = int(counts.sum()) * np.asarray(probabilities)
    return float(((counts - expected) ** 2 / expected).sum())
