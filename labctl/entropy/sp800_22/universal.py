"""Maurer's universal statistical test (SP 800-22 rev. 1a, 2.9)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

from labctl.entropy.sp800_22.parameters import Parameters
from labctl.entropy.sp800_22.result import NotApplicable, Outcome
from labctl.entropy.sp800_22.sequence import Sequence

_FROM = {
    # the length that n calls for: (least n, mean, variance of one distance's logarithm) from universal.c
    6: (387_840, 5.2177052, 2.954),
    7: (904_960, 6.1962507, 3.125),
    8: (2_068_480, 7.1836656, 3.238),
    9: (4_654_080, 8.1764248, 3.311),
    10: (10_342_400, 9.1723243, 3.356),
    11: (22_753_280, 10.170032, 3.384),
    12: (49_643_520, 11.168765, 3.401),
    13: (107_560_960, 12.168070, 3.410),
    14: (231_669_760, 13.167693, 3.416),
    15: (496_435_200, 14.167488, 3.419),
    16: (1_059_061_760, 15.167379, 3.421),
}


def universal(sequence: Sequence, parameters: Parameters) -> Outcome:
    """How far back does each word of L bits last occur?"""
    n = sequence.n
    length = parameters.universal_length or max((at for at, (least, _, _) in _FROM.items() if n >= least), default=0)
    if not length:
        return NotApplicable(f"{n} bits are fewer than {_FROM[6][0]}, which the shortest words (6 bits) need")
    first = 10 * 2**length
    tested = n // length - first
    if tested < 1:
        return NotApplicable(f"{n} bits leave no words of {length} bits to test after the first {first}")
    _, mean, variance = _FROM[length]
    spread = 0.7 - 0.8 / length + (4 + 32 / length) * tested ** (-3 / length) / 15
    sigma = spread * math.sqrt(variance / tested)
    words = sequence.windows[: (first + tested) * length : length] >> (16 - length)
    found = _log2_distances(words.astype(np.uint8) if length <= 8 else words, first) / tested
    return (float(erfc(abs(found - mean) / (math.sqrt(2) * sigma))),)


def _log2_distances(words: NDArray[np.integer], first: int) -> float:
    """Sum of the binary logarithms of the distances to each word's last occurrence, for all words from ``first`` on."""
    # A stable sort brings equal words together in order of place, so that distances are differences of neighbours. A
    # word never seen counts from before the first, as in the standard.
    order = np.argsort(words, kind="stable")
    ranked = words[order]
    distances = np.empty(words.size, np.int64)
    distances[0] = order[0] + 1
    distances[1:] = np.where(ranked[1:] == ranked[:-1], order[1:] - order[:-1], order[1:] + 1)
    counts = np.bincount(distances[order >= first])
    seen = np.flatnonzero(counts)
    return float(np.dot(counts[seen], np.log2(seen)))
