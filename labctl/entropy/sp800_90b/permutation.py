"""Permutation tests (5.1): would the symbols look as they do in any other order?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labctl.core.errors import ParameterError
from labctl.entropy.sp800_90b.statistics import LAGS, NAMES, Statistics
from labctl.entropy.sp800_90b.symbols import Symbols

PERMUTATIONS = 10_000
EXTREME = 5
"""A statistic with at most so many permutations on one side of it fails: 0.05 % on each side, 0.1 % in all."""

SHORTEST = 8 * (max(LAGS) + 1)
"""Symbols that every statistic is defined for, bits taken eight together included."""


@dataclass(frozen=True)
class Ranked:
    """One statistic of the symbols as they came, and how many permutations have a higher, equal and lower one.

    Counting ends as soon as it cannot fail any more, so the counts of those that pass say no more than that.
    """

    name: str
    value: float
    higher: int
    equal: int
    lower: int

    @property
    def passed(self) -> bool:
        """Whether it lies within what permutations show."""
        return self.higher + self.equal > EXTREME and self.equal + self.lower > EXTREME


def permutation_tests(
    symbols: Symbols, generator: np.random.Generator, *, permutations: int = PERMUTATIONS, numba: bool = True
) -> tuple[Ranked, ...]:
    """All nineteen, in the order of the standard. IID symbols fail each with a probability of 0.1 %, or less.

    Independent symbols are done after some hundred permutations; symbols that fail take all of them.
    """
    if len(symbols) < SHORTEST:
        raise ParameterError(
            f"{len(symbols)} symbols were given; the permutation tests look back over {max(LAGS)} bytes and need "
            f"{SHORTEST} symbols (the standard asks for 1,000,000)"
        )
    statistics = Statistics(symbols, numba)
    open_tests = set(NAMES)
    as_it_came = statistics(symbols.raw, open_tests)
    counts = {name: [0, 0, 0] for name in NAMES}
    shuffled = symbols.raw.copy()
    for _ in range(permutations):
        generator.shuffle(shuffled)
        found = statistics(shuffled, open_tests)
        for name in sorted(open_tests):
            side = 0 if found[name] > as_it_came[name] else 1 if found[name] == as_it_came[name] else 2
            counts[name][side] += 1
        open_tests = {name for name in open_tests if not Ranked(name, 0.0, *counts[name]).passed}
        if not open_tests:
            break
    return tuple(Ranked(name, as_it_came[name], *counts[name]) for name in NAMES)
