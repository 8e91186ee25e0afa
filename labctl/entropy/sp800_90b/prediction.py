"""From the record of a predictor to an entropy: its share of hits, and its longest run of hits (6.3.7 to 6.3.10)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from labctl.entropy.sp800_90b.estimate import Estimate, surprise, upper_bound

LOG_ALPHA = math.log(0.99)


def longest_run(hits: NDArray[np.bool_]) -> int:
    """Length of the longest run of true in bool (n,)."""
    misses = np.flatnonzero(~hits)
    bounds = np.concatenate(([-1], misses, [hits.size]))
    return int(np.diff(bounds).max()) - 1


def prediction(name: str, correct: int, n: int, run: int, size: int) -> Estimate:
    """Estimate from ``correct`` hits in ``n`` predictions with at most ``run`` in a row, of ``size`` symbols."""
    p_global = correct / n
    bound = upper_bound(p_global, n) if correct else 1 - 0.01 ** (1 / n)
    r = run + 1
    p = max(bound, 1 / size)
    found = {"C": correct, "N": n, "r": r, "p_global": p_global, "p_global_bound": bound}
    if p < 1 and _log_no_run(p, r, n) > LOG_ALPHA:
        p = _local(p, r, n)
        found["p_local"] = p
    return Estimate(name, surprise(p), found)


def _local(low: float, r: int, n: int) -> float:
    """Probability of a hit, above ``low``, at which a run of ``r`` has a chance of 1 % in ``n`` tries."""
    high = 1.0
    while low < (p := (low + high) / 2) < high:
        low, high = (p, high) if _log_no_run(p, r, n) > LOG_ALPHA else (low, p)
    return high


def _log_no_run(p: float, r: int, n: int) -> float:
    """Logarithm of the probability of no run of ``r`` hits in ``n`` tries, each a hit with probability ``p``.

    Feller's approximation with the root x = 1 + e of x = 1 + q p**r x**(r+1). It is solved for e, which may be as
    small as 1e-12: of x itself a double would keep four digits of that.
    """
    q = 1 - p
    e, last = 0.0, -1.0
    scale = q * p**r
    for _ in range(66):
        if e - last <= 1e-18 * e:
            break
        e, last = scale * math.exp((r + 1) * math.log1p(e)), e
    hit, tail = p * e / q, r * e
    if hit >= 1 or tail >= 1:  # a run is all but certain
        return -math.inf
    return math.log1p(-hit) - math.log1p(-tail) - (n + 1) * math.log1p(e)
