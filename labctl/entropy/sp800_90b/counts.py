"""Three estimates from plain counts: most common value (6.3.1), collision (6.3.2) and Markov (6.3.3)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from labctl.entropy.sp800_90b.estimate import Z_99, Estimate, not_applicable, surprise, upper_bound
from labctl.entropy.sp800_90b.symbols import Symbols

PATH = 128
"""Length of the sequences among which the Markov estimate looks for the likeliest."""

BLOCK = 1000
"""Bits that are walked one by one, beside all other blocks."""


def most_common_value(symbols: Symbols) -> Estimate:
    """From the share of the most common symbol."""
    name, n = "most common value", len(symbols)
    if n < 2:
        return not_applicable(name, f"{n} symbols are too few: 2 are needed")
    mode = int(np.bincount(symbols.values).max())
    bound = upper_bound(mode / n, n)
    return Estimate(name, surprise(bound), {"mode": mode, "p_hat": mode / n, "p_u": bound})


def collision(symbols: Symbols) -> Estimate:
    """From the mean time to the first repeated value; for bits only."""
    name, n = "collision", len(symbols)
    if symbols.size > 2:
        return not_applicable(name, f"defined for bits, and there are {symbols.size} different symbols")
    twos, threes = _searches(symbols.values)
    v, total = twos + threes, 2 * twos + 3 * threes
    if v < 2:
        return not_applicable(name, f"{v} collisions in {n} bits are too few: 2 are needed")
    mean = total / v
    sigma = math.sqrt(max((4 * twos + 9 * threes - total * mean) / (v - 1), 0.0))
    bound = max(mean - Z_99 * sigma / math.sqrt(v), 2.0)
    # Step 7 of the standard is the quadratic mean = 2 + 2p - 2p**2; its larger root, or 1/2 where it has none.
    p = 0.5 + math.sqrt(1.25 - 0.5 * bound) if bound < 2.5 else 0.5
    found = {"v": v, "sum": total, "mean": mean, "sigma": sigma, "mean_bound": bound, "p": p}
    return Estimate(name, surprise(p), found)


def markov(symbols: Symbols) -> Estimate:
    """From the likeliest sequence of 128 bits of a first-order Markov chain; for bits only."""
    name, n = "Markov", len(symbols)
    if symbols.size > 2:
        return not_applicable(name, f"defined for bits, and there are {symbols.size} different symbols")
    if n < 2:
        return not_applicable(name, f"{n} bits are too few: 2 are needed")
    values = symbols.values
    pairs = np.bincount(2 * values[:-1] + values[1:], minlength=4).reshape(2, 2)
    p_one = float(np.count_nonzero(values)) / n
    starts = (1 - p_one, p_one)
    step = [[float(c) / max(int(row.sum()), 1) for c in row] for row in pairs]
    cost = [[-math.log2(p) if p > 0 else math.inf for p in row] for row in step]
    first = [-math.log2(p) if p > 0 else math.inf for p in starts]
    stay, turn = (cost[0][0], cost[1][1]), (cost[0][1], cost[1][0])
    paths = []
    for x in (0, 1):
        there, back = turn[x], turn[1 - x]
        paths += [
            first[x] + (PATH - 1) * stay[x],
            first[x] + PATH // 2 * there + (PATH // 2 - 1) * back,
            first[x] + there + (PATH - 2) * stay[1 - x],
        ]
    bits = min(*paths, float(PATH))
    found = {"p_0": starts[0], "p_1": starts[1], "p_max": 2.0**-bits}
    found |= {f"p_{a}{b}": step[a][b] for a in (0, 1) for b in (0, 1)}
    return Estimate(name, bits / PATH, found)


def _searches(values: NDArray[np.uint8]) -> tuple[int, int]:
    """How many searches for a repeated bit, one after the other, end after 2 bits and how many after 3.

    A search ends after 2 bits if they are equal, else after 3, whatever the third is. Where it begins depends on all
    before it; but there are only three ways to enter a block, so all blocks are walked at once, in each of the ways.
    """
    length = np.where(values[:-1] == values[1:], 2, 3)
    whole = (values.size - 2) // BLOCK if values.size > BLOCK else 0
    at = np.tile(np.arange(3), (whole, 1))
    base = BLOCK * np.arange(whole)[:, None]
    twos, threes = np.zeros_like(at), np.zeros_like(at)
    for _ in range(BLOCK // 2 + 1):
        inside = at < BLOCK
        step = np.where(inside, length[base + np.minimum(at, BLOCK - 1)], 0)
        twos += step == 2
        threes += step == 3
        at += step
    n_two = n_three = entry = 0
    for two, three, out in zip(twos.tolist(), threes.tolist(), at.tolist(), strict=True):
        n_two, n_three, entry = n_two + two[entry], n_three + three[entry], out[entry] - BLOCK
    i = whole * BLOCK + entry
    rest = length[i:].tolist()
    j = 0
    while j < len(rest) and i + j + rest[j] <= values.size:
        n_two, n_three, j = n_two + (rest[j] == 2), n_three + (rest[j] == 3), j + rest[j]
    return n_two, n_three
