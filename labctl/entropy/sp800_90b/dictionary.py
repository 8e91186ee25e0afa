"""LZ78Y prediction estimate (6.3.10): a dictionary of contexts, the one with the commonest successor guesses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl.entropy.sp800_90b import loops
from labctl.entropy.sp800_90b.contexts import Contexts, Pairs, Steps, successors
from labctl.entropy.sp800_90b.estimate import Estimate, not_applicable
from labctl.entropy.sp800_90b.fast import compiled
from labctl.entropy.sp800_90b.loops import DEPTH, LZ_ENTRIES
from labctl.entropy.sp800_90b.prediction import longest_run, prediction
from labctl.entropy.sp800_90b.symbols import Symbols


def lz78y(symbols: Symbols, *, numba: bool = True) -> Estimate:
    """From contexts of 1 to 16 symbols, of which 65,536 are remembered."""
    name, n = "LZ78Y", len(symbols)
    if n < DEPTH + 3:
        return not_applicable(name, f"{n} symbols are too few: {DEPTH + 3} are needed")
    kernel = compiled(loops.dictionary_bits) if numba and symbols.size <= 2 else None
    if kernel is None:
        hits = _hits(symbols)
    else:
        outcome = np.zeros(n, np.uint8)
        kernel(symbols.values, np.zeros(2 ** (DEPTH + 2), np.int32), outcome)
        hits = outcome[DEPTH + 1 :] == 1
    return prediction(name, int(np.count_nonzero(hits)), n - DEPTH - 1, longest_run(hits), max(symbols.size, 2))


def _hits(symbols: Symbols) -> NDArray[np.bool_]:
    """Whether each symbol after the first 17 was predicted."""
    values, size, n = symbols.values, max(symbols.size, 2), len(symbols)
    full, shortest = _last_entry(values, size)
    best, choice = np.zeros(n, np.int64), np.full(n, size)
    contexts = _none(n)
    for length in range(1, DEPTH + 1):
        contexts = contexts.longer(values, size, length)
        first = contexts.first_steps()
        known = (first < full) | ((first == full) & (length >= shortest))
        pairs = Pairs.of(contexts, values, size) if size > 2 else None
        often, guess = successors(contexts, values, size, known, pairs)
        # Of equal counts the longer context decides.
        better = (often > 0) & (often >= best[contexts.at])
        best[contexts.at[better]], choice[contexts.at[better]] = often[better], guess[better]
        contexts = contexts.only((first <= full) & contexts.repeated())
        if not contexts.at.size:
            break
    hits: NDArray[np.bool_] = choice[DEPTH + 1 :] == values[DEPTH + 1 :]
    return hits


def _none(n: int) -> Contexts:
    """The empty context of every step that the dictionary learns from."""
    return Contexts(np.arange(DEPTH, n), np.zeros(n - DEPTH, np.int64), 1)


def _last_entry(values: NDArray[np.uint8], size: int) -> tuple[int, int]:
    """The step at which the dictionary is full, and the shortest context that it still takes there.

    In each step the longest context is entered first.
    """
    n = values.size
    new = np.zeros((DEPTH, n), bool)
    contexts = _none(n)
    for length in range(1, DEPTH + 1):
        contexts = contexts.longer(values, size, length)
        first, repeated = contexts.first_steps() == contexts.at, contexts.repeated()
        new[length - 1, contexts.at[first]] = True
        new[length:, contexts.at[~repeated]] = True  # what occurs once is new at every greater length
        contexts = contexts.only(repeated)
        if not contexts.at.size:
            break
    so_far: Steps = np.cumsum(np.count_nonzero(new, axis=0))
    if so_far[-1] <= LZ_ENTRIES:
        return n, 1
    step = int(np.searchsorted(so_far, LZ_ENTRIES))
    room = LZ_ENTRIES - (int(so_far[step - 1]) if step else 0)
    lengths = np.flatnonzero(new[:, step])[::-1] + 1
    return step, int(lengths[room - 1])
