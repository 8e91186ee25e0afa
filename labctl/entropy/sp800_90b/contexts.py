"""What came before each symbol, and what has followed that so far: whole sequences at once, in NumPy.

Two predictors ask, at every step and for contexts of 1 to 16 symbols, which symbol has followed this context most
often. Steps with the same context form a group; in it, in order of time, counts only grow, so the commonest successor
so far is a running maximum. A context that occurs only once predicts nothing, and neither does a longer one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Steps = NDArray[np.int64]
TABLE = 2**22
"""Codes up to here are renumbered by looking them up in a table, larger ones by sorting."""


def grouping(codes: Steps, limit: int) -> Steps:
    """The places of ``codes`` (each below ``limit``) by code and, where that is equal, in order: int64 (n,)."""
    if limit <= 2**16:
        return np.argsort(codes.astype(np.uint16), kind="stable")  # a radix sort
    if limit <= 2**32:
        order = np.argsort((codes & 0xFFFF).astype(np.uint16), kind="stable")
        return order[np.argsort((codes[order] >> 16).astype(np.uint16), kind="stable")]
    return np.argsort(codes, kind="stable")


def starts_of(sorted_codes: Steps) -> Steps:
    """Where a new code begins in ``sorted_codes``."""
    return np.flatnonzero(np.concatenate(([True], sorted_codes[1:] != sorted_codes[:-1])))


def renumber(codes: Steps, limit: int) -> tuple[Steps, int]:
    """``codes`` as 0, 1, 2, ... without gaps, and how many there are."""
    if limit <= max(TABLE, codes.size):
        present = np.zeros(limit, bool)
        present[codes] = True
        labels = np.cumsum(present) - 1
        return labels[codes], int(np.count_nonzero(present))
    different, labels = np.unique(codes, return_inverse=True)
    return labels, different.size


@dataclass(frozen=True)
class Contexts:
    """Steps ``at`` int64 (n,), ascending, with the number ``ids`` int64 (n,), below ``count``, of their context."""

    at: Steps
    ids: Steps
    count: int

    def longer(self, values: NDArray[np.uint8], size: int, length: int) -> Contexts:
        """The contexts of ``length`` symbols, one more than these."""
        ids, count = renumber(self.ids * size + values[self.at - length], self.count * size)
        return Contexts(self.at, ids, count)

    def only(self, keep: NDArray[np.bool_]) -> Contexts:
        """Those of ``keep``."""
        return Contexts(self.at[keep], self.ids[keep], self.count)

    def first_steps(self) -> Steps:
        """For each step, the first one that has its context."""
        first = np.empty(self.count, np.int64)
        first[self.ids[::-1]] = self.at[::-1]  # of several values for one place the last is kept
        return first[self.ids]

    def repeated(self) -> NDArray[np.bool_]:
        """Whether the context of each step occurs at another one as well."""
        often: NDArray[np.bool_] = np.bincount(self.ids, minlength=self.count)[self.ids] > 1
        return often


@dataclass(frozen=True)
class Pairs:
    """For each step of some contexts: the how-manieth time the pair of context and symbol occurs, and first when."""

    nth: Steps
    first: Steps

    @classmethod
    def of(cls, contexts: Contexts, values: NDArray[np.uint8], size: int) -> Pairs:
        """Count the pairs of each context and the symbol at its step."""
        codes = contexts.ids * size + values[contexts.at]
        order = grouping(codes, contexts.count * size)
        starts = starts_of(codes[order])
        sizes = np.diff(np.append(starts, codes.size))
        nth, first = np.empty(codes.size, np.int64), np.empty(codes.size, np.int64)
        nth[order] = np.arange(1, codes.size + 1) - np.repeat(starts, sizes)
        first[order] = np.repeat(contexts.at[order[starts]], sizes)
        return cls(nth, first)


def successors(
    contexts: Contexts, values: NDArray[np.uint8], size: int, recorded: NDArray[np.bool_], pairs: Pairs | None
) -> tuple[Steps, Steps]:
    """How often, before each step, its context was followed by its commonest successor, and which that is.

    Of equally common ones it is the largest symbol; steps that are not ``recorded`` do not count. Two int64 (n,).
    For more than two symbols the ``pairs`` are needed.
    """
    order = grouping(contexts.ids, contexts.count)
    starts = starts_of(contexts.ids[order])
    sizes = np.diff(np.append(starts, order.size))
    if pairs is None:
        followed = np.where(recorded, values[contexts.at], 2)[order]
        before = [_sums_before(followed == x, starts, sizes) for x in (0, 1)]
        often_sorted, guess_sorted = np.maximum(*before), (before[0] <= before[1]).astype(np.int64)
    else:
        # A count and its symbol in one number; a group begins above all numbers of the group before it.
        key = (((pairs.nth << 8) | values[contexts.at]) * recorded)[order]
        floor = np.repeat(np.arange(starts.size), sizes) * (int(key.max(initial=0)) + 1)
        running = np.concatenate(([0], np.maximum.accumulate(key + floor)[:-1]))
        running[starts] = floor[starts]
        often_sorted, guess_sorted = (running - floor) >> 8, (running - floor) & 0xFF
    often, guess = np.empty(order.size, np.int64), np.empty(order.size, np.int64)
    often[order], guess[order] = often_sorted, guess_sorted
    return often, guess


def _sums_before(flags: NDArray[np.bool_], starts: Steps, sizes: Steps) -> Steps:
    """How many ``flags`` are set before each place in its group."""
    before = np.cumsum(flags, dtype=np.int64) - flags
    return before - np.repeat(before[starts], sizes)
