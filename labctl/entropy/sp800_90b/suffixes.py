"""How much neighbours in the sorted list of all suffixes have in common; repeated strings are read off from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl.entropy.sp800_90b.symbols import Symbols

WINDOW_BITS = 58
LENGTH_BITS = 6
"""A 64-bit key begins with up to 58 bits of text and ends with how many of its symbols there are."""


def common_prefixes(symbols: Symbols) -> NDArray[np.int32]:
    """Length of the common prefix of each suffix, in sorted order, with the one before it: int32 (n - 1,)."""
    width = max((symbols.size - 1).bit_length(), 1)
    keys = _keys(symbols.values, width)
    ranked = np.sort(keys)
    if not (ranked[1:] == ranked[:-1]).any():  # so it is for random data: nothing that long is repeated
        return _common(ranked[:-1], ranked[1:], width)
    return _by_doubling(keys, width)


def _keys(values: NDArray[np.uint8], width: int) -> NDArray[np.uint64]:
    """The first symbols of each suffix, most significant first, and how many they are: uint64 (n,).

    A suffix that ends within its window is filled up with zeros; its smaller count sorts it before longer ones.
    """
    span = WINDOW_BITS // width
    n = values.size
    window = np.zeros(n, np.uint64)
    piece, have, done = values.astype(np.uint64), 1, 0
    while done < span:  # by doubling: ``piece`` holds the next ``have`` symbols from each place
        if span & have:
            window <<= np.uint64(have * width)
            window[: max(n - done, 0)] |= piece[done:]
            done += have
        if done < span:
            longer = piece << np.uint64(have * width)
            longer[: max(n - have, 0)] |= piece[have:]
            piece, have = longer, 2 * have
    left = np.full(n, span, np.uint64)
    tail = min(span, n)
    left[n - tail :] = np.arange(tail, 0, -1)
    return (window << np.uint64(WINDOW_BITS - span * width + LENGTH_BITS)) | left


def _common(a: NDArray[np.uint64], b: NDArray[np.uint64], width: int) -> NDArray[np.int32]:
    """Symbols that two windows have in common from the left: int32, never more than either has."""
    differ = (a ^ b) >> np.uint64(LENGTH_BITS)
    for shift in (1, 2, 4, 8, 16, 32):
        differ |= differ >> np.uint64(shift)
    same = (WINDOW_BITS - np.bitwise_count(differ)) // width
    mask = np.uint64(2**LENGTH_BITS - 1)
    shared: NDArray[np.int32] = np.minimum(np.minimum(same, a & mask), b & mask).astype(np.int32)
    return shared


def _by_doubling(keys: NDArray[np.uint64], width: int) -> NDArray[np.int32]:
    """The same for texts with long repeats: sort by the first window, then by 2, 4, 8 ... windows where that ties.

    The ranks of every round are kept; with them a common prefix is measured from the longest stride to the shortest.
    """
    n, stride = keys.size, WINDOW_BITS // width
    order = np.argsort(keys, kind="stable")
    starts = np.concatenate(([True], keys[order[1:]] != keys[order[:-1]]))
    rank = np.empty(n, np.int64)
    rank[order] = np.flatnonzero(starts)[np.cumsum(starts) - 1]
    rounds = []
    while not starts.all():
        rounds.append((stride, rank.astype(np.int32)))
        tied = np.flatnonzero(~starts | ~np.append(starts[1:], True))
        suffix = order[tied]
        # A tied suffix has a whole stride left, and at the very end the empty rest sorts first.
        rest = np.where(suffix + stride < n, rank[np.minimum(suffix + stride, n - 1)], -1)
        both = rank[suffix] * (n + 1) + rest + 1
        turn = np.argsort(both, kind="stable")
        order[tied] = suffix[turn]
        both = both[turn]
        starts[tied] = np.concatenate(([True], both[1:] != both[:-1]))
        heads = tied[starts[tied]]
        rank[order[tied]] = heads[np.cumsum(starts[tied]) - 1]
        stride *= 2
    a, b = order[:-1].copy(), order[1:].copy()
    shared = np.zeros(n - 1, np.int64)
    for length, ranks in reversed(rounds):
        inside = (a < n) & (b < n)
        same = inside & (ranks[np.minimum(a, n - 1)] == ranks[np.minimum(b, n - 1)])
        for whole in (shared, a, b):
            whole[same] += length
    inside = (a < n) & (b < n)
    shared[inside] += _common(keys[a[inside]], keys[b[inside]], width)
    return shared.astype(np.int32)
