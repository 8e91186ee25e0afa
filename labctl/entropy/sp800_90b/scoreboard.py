"""Several predictors, and the one with the most hits so far speaks: the rule that three of the estimates share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

BLOCK = 4096


def leaders(hits: Callable[[int, int], NDArray[np.bool_]], predictors: int, n: int) -> NDArray[np.int64]:
    """Who speaks at each of ``n`` steps: int64 (n,), each 0..predictors-1, decided by the steps before it.

    ``hits(a, b)`` tells for steps a..b-1 which predictors were right: bool (predictors, b - a). A predictor takes
    the lead when a hit brings it level with the leader or past it; of several in one step, the last. So the lead
    passes in those steps in which the best of the right ones has as many hits as anybody so far.
    """
    spoke = np.zeros(n, np.int64)
    score = np.zeros(predictors, np.int64)
    index = np.arange(predictors, dtype=np.int32)[:, None]
    leader = 0
    for a in range(0, n, BLOCK):
        b = min(a + BLOCK, n)
        right = hits(a, b)
        # Relative to the leader, and never further behind than can be made good in this block: int32 is enough.
        behind = np.maximum(score - score.max(), -BLOCK - 1).astype(np.int32)
        now = np.cumsum(right, axis=1, dtype=np.int32) + behind[:, None]
        key = np.where(right, now * predictors + index, -(2**30)).max(axis=0)
        best = key // predictors
        so_far = np.maximum.accumulate(np.concatenate(([0], best)))[:-1]
        taken = best >= so_far
        last = np.maximum.accumulate(np.where(taken, np.arange(b - a), -1))
        after = np.where(last >= 0, (key % predictors)[last], leader)
        spoke[a] = leader
        spoke[a + 1 : b] = after[:-1]
        leader = int(after[-1])
        score += np.count_nonzero(right, axis=1)
    return spoke
