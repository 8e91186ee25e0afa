"""Lag prediction estimate (6.3.8): periodic sources repeat what they did some steps ago."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl.entropy.sp800_90b import loops
from labctl.entropy.sp800_90b.estimate import Estimate, not_applicable
from labctl.entropy.sp800_90b.fast import compiled
from labctl.entropy.sp800_90b.prediction import longest_run, prediction
from labctl.entropy.sp800_90b.scoreboard import leaders
from labctl.entropy.sp800_90b.symbols import Symbols

LAGS = 128


def lag(symbols: Symbols, *, numba: bool = True) -> Estimate:
    """From the best of the lags 1..128."""
    name, n = "lag", len(symbols)
    if n < 3:
        return not_applicable(name, f"{n} symbols are too few: 3 are needed")
    kernel = compiled(loops.lag) if numba else None
    if kernel is None:
        hits = _hits(symbols.values)
    else:
        outcome = np.zeros(n, np.uint8)
        # 2**24 hits times 128 lags is what an int32 holds
        keys = np.arange(LAGS, dtype=np.int32 if n < 2**24 else np.int64)
        kernel(symbols.values, symbols.values[::-1].copy(), keys, outcome)
        hits = outcome[1:] == 1
    return prediction(name, int(np.count_nonzero(hits)), n - 1, longest_run(hits), max(symbols.size, 2))


def _hits(values: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether each symbol but the first was predicted: bool (n - 1,)."""
    # what stands before the first symbol is of no account: a lag that reaches back there is set to false
    padded = np.concatenate((np.zeros(LAGS, np.uint8), values))
    past = np.lib.stride_tricks.sliding_window_view(padded, LAGS)[:, ::-1]

    def right(a: int, b: int) -> NDArray[np.bool_]:
        same: NDArray[np.bool_] = values[a + 1 : b + 1] == past[a + 1 : b + 1].T
        if a < LAGS:
            reach = np.arange(a + 1, b + 1)[None, :] > np.arange(LAGS)[:, None]
            same &= reach
        return same

    spoke = leaders(right, LAGS, values.size - 1)
    i = np.arange(1, values.size)
    hits: NDArray[np.bool_] = values[1:] == values[i - 1 - spoke]
    return hits
