"""Length of the longest repeated substring as a test of the IID assumption (5.2.5)."""

from __future__ import annotations

import math

import numpy as np

from labctl.entropy.sp800_90b.chi_square import Verdict
from labctl.entropy.sp800_90b.suffixes import common_prefixes
from labctl.entropy.sp800_90b.symbols import Symbols


def longest_repeat(symbols: Symbols) -> Verdict:
    """Would independent symbols show a repeated string as long as the longest one here? The statistic is its length."""
    name, n = "longest repeated substring", len(symbols)
    if symbols.size < 2 or n < 2:
        return Verdict(name, None, reason="all symbols are equal, so every string repeats")
    collide = float(np.square(np.bincount(symbols.values) / n).sum())
    length = int(common_prefixes(symbols).max())
    if not length:
        return Verdict(name, None, reason="no symbol occurs twice")
    pairs = (n - length + 1) * (n - length) // 2
    p = -math.expm1(pairs * math.log1p(-(collide**length)))
    return Verdict(name, p, length)
