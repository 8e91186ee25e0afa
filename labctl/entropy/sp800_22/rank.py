"""The rank of binary matrices (SP 800-22 rev. 1a, 2.5)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from labctl.entropy.sp800_22.classes import chi_squared
from labctl.entropy.sp800_22.parameters import Parameters
from labctl.entropy.sp800_22.result import NotApplicable, Outcome
from labctl.entropy.sp800_22.sequence import Sequence

SIDE = 32


def rank(sequence: Sequence, parameters: Parameters) -> Outcome:
    """Do 32 bits depend on the 32 before as often as they should?"""
    matrices = sequence.n // SIDE**2
    if not matrices:
        return NotApplicable(f"{sequence.n} bits make no matrix of {SIDE} by {SIDE}")
    rows = sequence.packed[: matrices * SIDE**2 // 8].view(">u4").reshape(matrices, SIDE)
    ranks = ranks_of(np.ascontiguousarray(rows.T, dtype=np.uint32))
    full = int(np.count_nonzero(ranks == SIDE))
    one_less = int(np.count_nonzero(ranks == SIDE - 1))
    p_full, p_less = _chance(SIDE), _chance(SIDE - 1)
    counts = np.array([full, one_less, matrices - full - one_less])
    return (math.exp(-chi_squared(counts, (p_full, p_less, 1 - p_full - p_less)) / 2),)


def ranks_of(rows: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Ranks over GF(2) of many matrices side by side: rows uint32 (rows, matrices) -> int64 (matrices,).

    ``rows`` is used up.
    """
    # Each row in turn clears its lowest one from all rows below, so that no column need be searched for a pivot. A row
    # of zeros has no lowest one and clears nothing.
    for index in range(len(rows) - 1):
        pivot, below = rows[index], rows[index + 1 :]
        hit = (below & (pivot & -pivot)) != 0
        below ^= pivot * hit
    ranks: NDArray[np.int64] = np.count_nonzero(rows, axis=0)
    return ranks


def _chance(of: int) -> float:
    """Chance that a random matrix of 32 by 32 has rank ``of`` (2.5.7 and 3.5)."""
    product = math.prod((1 - 2.0 ** (i - SIDE)) ** 2 / (1 - 2.0 ** (i - of)) for i in range(of))
    return 2.0 ** (of * (2 * SIDE - of) - SIDE**2) * product
