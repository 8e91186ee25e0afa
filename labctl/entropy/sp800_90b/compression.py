"""Compression estimate (6.3.4), after Maurer's universal statistic: how far back lies the same block of 6 bits?"""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq

from labctl.entropy.sp800_90b.estimate import Z_99, Estimate, not_applicable, surprise
from labctl.entropy.sp800_90b.symbols import Symbols

BLOCK_BITS = 6
WORDS: int = 2**BLOCK_BITS
LEARNED = 1000
"""Blocks that only fill the dictionary."""


def compression(symbols: Symbols) -> Estimate:
    """From the mean log-distance to the last block of the same value; for bits only."""
    name = "compression"
    if symbols.size > 2:
        return not_applicable(name, f"defined for bits, and there are {symbols.size} different symbols")
    blocks = len(symbols) // BLOCK_BITS
    v = blocks - LEARNED
    if v < 2:
        return not_applicable(
            name, f"{len(symbols)} bits are too few: {BLOCK_BITS * (LEARNED + 2)} are needed to learn and to test"
        )
    rows = symbols.values[: blocks * BLOCK_BITS].reshape(blocks, BLOCK_BITS)
    words = np.packbits(rows, axis=1).ravel()
    order = np.argsort(words, kind="stable")
    before = np.full(blocks, -1)  # a word that was never seen counts as seen just before the first
    repeats = words[order[1:]] == words[order[:-1]]
    before[order[1:][repeats]] = order[:-1][repeats]
    logs = np.log2((np.arange(blocks) - before)[LEARNED:])
    mean = float(logs.sum()) / v
    # 0.5907 is the standard's correction for blocks that overlap in what they look back on (Coron and Naccache).
    sigma = 0.5907 * math.sqrt(max(float(np.square(logs).sum()) / (v - 1) - mean * mean, 0.0))
    bound = mean - Z_99 * sigma / math.sqrt(v)
    p = _likeliest(bound, blocks)
    found = {"v": v, "mean": mean, "sigma": sigma, "mean_bound": bound, "p": p}
    return Estimate(name, surprise(p) / BLOCK_BITS if p > 1 / WORDS else 1.0, found)


def _likeliest(bound: float, blocks: int) -> float:
    """Probability of the commonest block, all others sharing the rest, for which ``bound`` is to be expected."""
    if _expected(1 / WORDS, blocks) <= bound:
        return 1 / WORDS
    if bound <= 0:
        return 1.0
    return float(brentq(lambda p: _expected(p, blocks) - bound, 1 / WORDS, 1.0, xtol=1e-16, rtol=1e-15))


def _expected(p: float, blocks: int) -> float:
    """Mean log-distance if one word has probability ``p`` and the 63 others share the rest (step 7)."""
    return _share(p, blocks) + (WORDS - 1) * _share((1 - p) / (WORDS - 1), blocks)


def _share(z: float, blocks: int) -> float:
    """G(z): what a word of probability ``z`` adds to the mean over the tested blocks.

    The double sum of the standard, over t = 1001..blocks and u = 1..t, is gone through by u: each distance u < t is
    met by blocks - max(u, 1000) of the t, and each distance t by one.
    """
    if z <= 0 or z >= 1:
        return 0.0
    v = blocks - LEARNED
    # exp(-60) of what has been added up is less than a double can hold beside it
    last = min(blocks, max(LEARNED + 1, math.ceil(60 / -math.log1p(-z)) + 1))
    u = np.arange(2, last + 1)
    terms = np.log2(u) * np.exp((u - 1) * math.log1p(-z))
    inner = float((terms * (blocks - np.maximum(u, LEARNED)))[u < blocks].sum())
    outer = float(terms[u > LEARNED].sum())
    return z * (z * inner + outer) / v
