"""The IID track: tests that independent, identically distributed symbols pass, then the most common value (5, 6.1).

The claim to be IID needs a reason in the physics as well: tests can refute it and cannot prove it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from labctl.core.bits import Bits
from labctl.entropy.sp800_90b.chi_square import Verdict, goodness_of_fit, independence
from labctl.entropy.sp800_90b.counts import most_common_value
from labctl.entropy.sp800_90b.longest_repeat import longest_repeat
from labctl.entropy.sp800_90b.non_iid import least
from labctl.entropy.sp800_90b.permutation import PERMUTATIONS, Ranked, permutation_tests
from labctl.entropy.sp800_90b.symbols import Symbols


@dataclass(frozen=True)
class IidChecks:
    """Three tests with a p-value, which fail below 0.001, and nineteen by permutation, which fail as rarely."""

    tests: tuple[Verdict, ...]
    ranks: tuple[Ranked, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against independence."""
        return not self.failed

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the tests that do."""
        tests = [test.name for test in self.tests if not test.passed]
        return (*tests, *(rank.name for rank in self.ranks if not rank.passed))


@dataclass(frozen=True)
class IidAssessment:
    """``min_entropy`` in bits per symbol, the least of those below; it stands only if all ``checks`` passed."""

    checks: IidChecks
    h_original: float
    h_bitstring: float | None
    min_entropy: float


def iid_checks(
    symbols: Symbols, generator: np.random.Generator, *, permutations: int = PERMUTATIONS, numba: bool = True
) -> IidChecks:
    """All tests of independence."""
    return IidChecks(
        (independence(symbols), goodness_of_fit(symbols), longest_repeat(symbols)),
        permutation_tests(symbols, generator, permutations=permutations, numba=numba),
    )


def assess_iid(
    samples: Bits | ArrayLike | Symbols,
    generator: np.random.Generator,
    bits: int | None = None,
    *,
    permutations: int = PERMUTATIONS,
    numba: bool = True,
) -> IidAssessment:
    """Test ``samples`` (see `Symbols.of`) for independence and give the entropy that they then have.

    ``generator`` shuffles them: the same seed gives the same result.
    """
    symbols = samples if isinstance(samples, Symbols) else Symbols.of(samples, bits)
    h_original = least((most_common_value(symbols),), float(symbols.bits))
    h_bitstring = least((most_common_value(symbols.bitstring()),), 1.0) if symbols.size > 2 else None
    entropy = h_original if h_bitstring is None else min(h_original, symbols.bits * h_bitstring)
    checks = iid_checks(symbols, generator, permutations=permutations, numba=numba)
    return IidAssessment(checks, h_original, h_bitstring, entropy)
