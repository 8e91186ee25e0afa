"""The loops that numba compiles, each a definition of the standard gone through symbol by symbol.

They index and count, nothing else, so that they run as they stand on lists or arrays too. ``outcome[i]`` becomes 1
where the predictor's guess of symbol i was right, 0 where it was wrong, and is left alone where it made none.
"""

from __future__ import annotations

from typing import Any

DEPTH = 16
"""Longest context of the MultiMMC and LZ78Y predictors."""

MMC_ENTRIES = 100_000
"""Pairs of context and symbol that MultiMMC remembers for each length of context."""

LZ_ENTRIES = 65_536
"""Contexts that LZ78Y remembers, of all lengths together."""


def repeats(prefixes: Any, most: Any, pairs: Any, heights: Any, starts: Any) -> None:
    """Count repeated strings in ``prefixes``, the common prefixes (n - 1,) of neighbouring suffixes.

    Suffixes that share their first h symbols stand together, and form one group for every length above g, that of
    the group around them. ``most[h]`` becomes the largest such group, and its number of pairs is added to
    ``pairs[h]`` and taken off ``pairs[g]``. ``heights`` and ``starts`` are a stack as deep as the longest repeat.
    """
    top = -1
    n = len(prefixes)
    for k in range(n + 1):
        height = prefixes[k] if k < n else 0
        start = k
        while top >= 0 and heights[top] > height:
            start = starts[top]
            inner = heights[top]
            top -= 1
            outer = height
            if top >= 0 and heights[top] > outer:
                outer = heights[top]
            members = k - start + 1
            most[inner] = max(most[inner], members)
            pairs[inner] += members * (members - 1) // 2
            pairs[outer] -= members * (members - 1) // 2
        if height > 0 and (top < 0 or heights[top] < height):
            top += 1
            heights[top] = height
            starts[top] = start


def lag(values: Any, backwards: Any, keys: Any, outcome: Any) -> None:
    """Lag predictor: symbol i is guessed to be symbol i - d, for the d in 1..D that has been right most often.

    ``keys`` (D,) starts as 0..D-1 and counts in steps of D, so that one comparison finds the largest count and,
    among equals, the largest d. ``backwards`` is ``values`` reversed, so that the past is read forwards.
    """
    n = len(values)
    depth = len(keys)
    leader = 0
    best = 0
    for i in range(1, n):
        value = values[i]
        outcome[i] = value == values[i - 1 - leader]
        key = keys[0] & 0
        past = n - i
        for d in range(min(i, depth)):
            hit = keys[0] & 0
            if backwards[past + d] == value:
                hit += 1
            keys[d] += hit * depth
            key = max(key, hit * keys[d])
        if key // depth >= best and key > 0:
            best = key // depth
            leader = key % depth


def windows(values: Any, sizes: Any, counts: Any, latest: Any, common: Any, score: Any, outcome: Any) -> None:
    """Predictor of the most common value in the last ``sizes[j]`` symbols, whichever j has been right most often.

    Of equally common values the one seen last is taken. ``counts`` and ``latest`` are
    (4, symbols) zeros, ``common`` and ``score`` (4,) zeros.
    """
    kinds = len(sizes)
    leader = 0
    for i in range(len(values)):
        value = values[i]
        if i >= sizes[0]:
            outcome[i] = common[leader] == value
        for j in range(kinds):
            size = sizes[j]
            if i >= size:
                if common[j] == value:
                    score[j] += 1
                    if score[j] >= score[leader]:
                        leader = j
                counts[j][values[i - size]] -= 1
            counts[j][value] += 1
            latest[j][value] = i
            if i >= size and values[i - size] == common[j]:  # it may have lost the majority to any other
                best = common[j]
                for other in range(len(counts[j])):
                    more = counts[j][other] - counts[j][best]
                    if more > 0 or (more == 0 and latest[j][other] > latest[j][best]):
                        best = other
                common[j] = best
            elif counts[j][value] >= counts[j][common[j]]:
                common[j] = value


def markov_bits(values: Any, counts: Any, entries: Any, score: Any, outcome: Any) -> None:
    """MultiMMC predictor for bits: what followed the last m bits most often, for the m in 1..16 most often right.

    ``counts`` (2**18,) zeros holds, from place 2**(m+1) on, how often 0 and 1 followed each context of m bits.
    """
    leader = 1
    history = 0
    for i in range(1, len(values)):
        history = (history << 1 | values[i - 1]) & 0xFFFF
        value = values[i]
        chosen = leader
        found = True
        for m in range(1, min(i, DEPTH) + 1):
            at = (1 << (m + 1)) + ((history & ((1 << m) - 1)) << 1)
            if found:
                guess = 0 if counts[at] > counts[at + 1] else 1
                # A context that was never met was not met with more bits before it either.
                found = counts[at + guess] > 0
            if found:
                if guess == value:
                    score[m] += 1
                    if score[m] >= score[leader]:
                        leader = m
                if m == chosen:
                    outcome[i] = guess == value
            if found and counts[at + value] > 0:
                counts[at + value] += 1
            elif entries[m] < MMC_ENTRIES:
                counts[at + value] = 1
                entries[m] += 1


def dictionary_bits(values: Any, counts: Any, outcome: Any) -> None:
    """LZ78Y predictor for bits: of the last 1..16 bits, the context whose likeliest successor was seen most often.

    ``counts`` is as in `markov_bits`.
    """
    entries = 0
    history = 0
    for i in range(1, len(values)):
        history = (history << 1 | values[i - 1]) & 0xFFFF
        if i < DEPTH:
            continue
        value = values[i]
        best = 0
        choice = -1
        for m in range(DEPTH, 0, -1):
            at = (1 << (m + 1)) + ((history & ((1 << m) - 1)) << 1)
            guess = 0 if counts[at] > counts[at + 1] else 1
            count = counts[at + guess]
            if count > 0:
                if count > best:
                    best = count
                    choice = guess
                counts[at + value] += 1
            elif entries < LZ_ENTRIES:
                counts[at + value] = 1
                entries += 1
        if i > DEPTH:
            outcome[i] = choice == value


def collisions(values: Any, last: Any, lengths: Any) -> None:
    """Search for a repeated value, again and again: ``lengths`` gets, where each search ends, how long it took.

    ``last`` starts as -1 for each value.
    """
    start = 0
    for i in range(len(values)):
        value = values[i]
        if last[value] >= start:
            lengths[i] = i - start + 1
            start = i + 1
        last[value] = i
