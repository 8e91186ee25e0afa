"""Two estimates from repeated strings: t-tuple (6.3.5) and longest repeated substring, LRS (6.3.6)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl.entropy.sp800_90b import loops
from labctl.entropy.sp800_90b.estimate import Estimate, not_applicable, surprise, upper_bound
from labctl.entropy.sp800_90b.fast import compiled
from labctl.entropy.sp800_90b.suffixes import common_prefixes
from labctl.entropy.sp800_90b.symbols import Symbols

ENOUGH = 35
"""A tuple that occurs so often is common enough to estimate its probability from."""


def tuples(symbols: Symbols, *, numba: bool = True) -> tuple[Estimate, Estimate]:
    """The t-tuple and the LRS estimate, which share their work."""
    n = len(symbols)
    names = "t-tuple", "LRS"
    if n < 2:
        why = f"{n} symbols are too few: 2 are needed"
        return not_applicable(names[0], why), not_applicable(names[1], why)
    most, pairs = count_repeats(common_prefixes(symbols), numba=numba)
    v = most.size - 1
    most[0] = n
    short = np.flatnonzero(most >= ENOUGH)[1:] if n >= ENOUGH else np.zeros(0, np.int64)
    u = short.size + 1  # lengths 1..u-1 occur often enough
    return _t_tuple(names[0], short, most, n), _lrs(names[1], u, v, pairs, n)


def _t_tuple(name: str, lengths: NDArray[np.int64], most: NDArray[np.int64], n: int) -> Estimate:
    if not lengths.size:
        return not_applicable(name, f"no symbol occurs {ENOUGH} times")
    p = float(np.max((most[lengths] / (n - lengths + 1)) ** (1 / lengths)))
    bound = upper_bound(p, n)
    return Estimate(name, surprise(bound), {"t": int(lengths[-1]), "p_hat": p, "p_u": bound})


def _lrs(name: str, u: int, v: int, pairs: NDArray[np.int64], n: int) -> Estimate:
    if v < u:
        return not_applicable(name, f"every repeated string occurs {ENOUGH} times or more (u = {u}, v = {v})")
    lengths = np.arange(u, v + 1)
    chances = (n - lengths) * (n - lengths + 1) // 2
    p = float(np.max((pairs[lengths] / chances) ** (1 / lengths)))
    bound = upper_bound(p, n)
    return Estimate(name, surprise(bound), {"u": u, "v": v, "p_hat": p, "p_u": bound})


def count_repeats(prefixes: NDArray[np.int32], *, numba: bool = True) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For strings of each length 0..v: how often the commonest occurs, and how many pairs of equal ones there are.

    Two int64 (v + 1,), where v is the length of the longest string that occurs twice; place 0 means nothing.
    """
    v = int(prefixes.max(initial=0))
    kernel = compiled(loops.repeats) if numba else None
    if kernel is None:
        most_list, pairs_list = [0] * (v + 1), [0] * (v + 1)
        loops.repeats(prefixes.tolist(), most_list, pairs_list, [0] * (v + 1), [0] * (v + 1))
        most, pairs = np.array(most_list), np.array(pairs_list)
    else:
        most, pairs = np.zeros(v + 1, np.int64), np.zeros(v + 1, np.int64)
        kernel(prefixes, most, pairs, np.zeros(v + 1, np.int64), np.zeros(v + 1, np.int64))
    # A group counts for every shorter length as well; unless told otherwise a string occurs once.
    return np.maximum(np.maximum.accumulate(most[::-1])[::-1], 1), np.cumsum(pairs[::-1])[::-1].copy()
