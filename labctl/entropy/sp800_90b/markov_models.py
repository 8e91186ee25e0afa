"""MultiMMC prediction estimate (6.3.9): Markov models of 1 to 16 symbols, each counting as it goes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl.entropy.sp800_90b import loops
from labctl.entropy.sp800_90b.contexts import Contexts, Pairs, successors
from labctl.entropy.sp800_90b.estimate import Estimate, not_applicable
from labctl.entropy.sp800_90b.fast import compiled
from labctl.entropy.sp800_90b.loops import DEPTH, MMC_ENTRIES
from labctl.entropy.sp800_90b.prediction import longest_run, prediction
from labctl.entropy.sp800_90b.scoreboard import leaders
from labctl.entropy.sp800_90b.symbols import Symbols

WRONG, RIGHT, SILENT = 0, 1, 2


def multi_mmc(symbols: Symbols, *, numba: bool = True) -> Estimate:
    """From the best of 16 models; each remembers 100,000 pairs of context and symbol at most."""
    name, n = "MultiMMC", len(symbols)
    if n < 4:
        return not_applicable(name, f"{n} symbols are too few: 4 are needed")
    kernel = compiled(loops.markov_bits) if numba and symbols.size <= 2 else None
    if kernel is None:
        outcome = _outcome(symbols)
    else:
        outcome = np.full(n, SILENT, np.uint8)
        entries, score = np.zeros(DEPTH + 1, np.int64), np.zeros(DEPTH + 1, np.int64)
        kernel(symbols.values, np.zeros(2 ** (DEPTH + 2), np.int32), entries, score, outcome)
    # The reference lets a run go on where the leading model is silent, and so do we (see docs).
    hits = outcome[outcome != SILENT] == RIGHT
    return prediction(name, int(np.count_nonzero(hits)), n - 2, longest_run(hits), max(symbols.size, 2))


def _outcome(symbols: Symbols) -> NDArray[np.uint8]:
    """What became of each guess: uint8 (n,)."""
    values, size, n = symbols.values, max(symbols.size, 2), len(symbols)
    table = np.full((DEPTH, n), SILENT, np.uint8)
    contexts = Contexts(np.arange(1, n), np.zeros(n - 1, np.int64), 1)
    gone = np.zeros(0, np.int64)  # steps that are new to every longer model
    for row, length in zip(table, range(1, DEPTH + 1), strict=True):
        contexts = contexts.only(contexts.at >= length).longer(values, size, length)
        at = contexts.at
        pairs = Pairs.of(contexts, values, size) if size > 2 or gone.size + 2 * contexts.count > MMC_ENTRIES else None
        full = n
        recorded = np.ones(at.size, bool)
        if pairs is not None:
            new = np.sort(np.concatenate((at[pairs.nth == 1], gone[gone >= length])))
            if new.size > MMC_ENTRIES:
                full = int(new[MMC_ENTRIES - 1])
                recorded = pairs.first <= full
        often, guess = successors(contexts, values, size, recorded, pairs if size > 2 else None)
        found = often > 0
        row[at[found]] = guess[found] == values[at[found]]
        # Whoever is not found once the model is full never will be, and neither will what occurs only once.
        keep = (found | (at <= full)) & contexts.repeated()
        gone = np.concatenate((gone, at[~keep]))
        contexts = contexts.only(keep)
        if not contexts.at.size:
            break
    spoke = leaders(lambda a, b: table[:, a:b] == RIGHT, DEPTH, n)
    said: NDArray[np.uint8] = table[spoke, np.arange(n)]
    return said
