"""MultiMCW prediction estimate (6.3.7): the most common value of the last 63, 255, 1023 or 4095 symbols."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl.entropy.sp800_90b import loops
from labctl.entropy.sp800_90b.estimate import Estimate, not_applicable
from labctl.entropy.sp800_90b.fast import compiled
from labctl.entropy.sp800_90b.prediction import longest_run, prediction
from labctl.entropy.sp800_90b.scoreboard import leaders
from labctl.entropy.sp800_90b.symbols import Symbols

SIZES = (63, 255, 1023, 4095)


def multi_mcw(symbols: Symbols, *, numba: bool = True) -> Estimate:
    """From the best of four windows. Without numba, more than two different symbols take some seconds per million."""
    name, n = "MultiMCW", len(symbols)
    if n < SIZES[-1] + 1:
        return not_applicable(name, f"{n} symbols are too few: {SIZES[-1] + 1} are needed to fill the largest window")
    hits = _bit_hits(symbols.values) if symbols.size <= 2 else _hits(symbols, numba)
    return prediction(name, int(np.count_nonzero(hits)), n - SIZES[0], longest_run(hits), max(symbols.size, 2))


def _hits(symbols: Symbols, numba: bool) -> NDArray[np.bool_]:
    """Whether each symbol after the first 63 was predicted."""
    n, shape = len(symbols), (len(SIZES), symbols.size)
    outcome = np.zeros(n, np.uint8)
    kernel = compiled(loops.windows) if numba else None
    if kernel is None:
        counts, latest = np.zeros(shape, int).tolist(), np.zeros(shape, int).tolist()
        loops.windows(symbols.values.tolist(), SIZES, counts, latest, [0] * 4, [0] * 4, outcome)
    else:
        tables = (np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(4, np.int64), np.zeros(4, np.int64))
        kernel(symbols.values, np.array(SIZES), *tables, outcome)
    hits: NDArray[np.bool_] = outcome[SIZES[0] :] == 1
    return hits


def _bit_hits(values: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The same for bits, where the windows are odd, so that there is always a majority."""
    n, first = values.size, SIZES[0]
    ones = np.concatenate(([0], np.cumsum(values, dtype=np.int64)))
    right = np.zeros((len(SIZES), n - first), bool)
    for row, size in zip(right, SIZES, strict=True):
        majority = 2 * (ones[size:-1] - ones[: -size - 1]) > size
        row[size - first :] = majority == values[size:]
    spoke = leaders(lambda a, b: right[:, a:b], len(SIZES), n - first)
    # A window that has yet to be filled cannot lead, except the smallest, which is full from the first guess on.
    hits: NDArray[np.bool_] = right[spoke, np.arange(n - first)]
    return hits
