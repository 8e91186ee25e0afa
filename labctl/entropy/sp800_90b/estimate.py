"""What one estimator says: so many bits of min-entropy per symbol, or why it has nothing to say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

Z_99 = 2.5758293035489008
"""Half-width of a two-sided 99 % interval, in standard deviations (SP 800-90B 6.3)."""


@dataclass(frozen=True)
class Estimate:
    """``min_entropy`` in bits per symbol, or None where the standard gives none, for the ``reason`` stated.

    ``found`` holds what was counted on the way, under the names that the standard uses.
    """

    name: str
    min_entropy: float | None
    found: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""

    @property
    def applicable(self) -> bool:
        """Whether there is a value."""
        return self.min_entropy is not None


def not_applicable(name: str, reason: str) -> Estimate:
    """An estimate that cannot be made."""
    return Estimate(name, None, reason=reason)


def upper_bound(proportion: float, n: int) -> float:
    """Upper end of the 99 % interval of a proportion seen in ``n`` trials."""
    return min(1.0, proportion + Z_99 * math.sqrt(proportion * (1 - proportion) / (n - 1)))


def surprise(probability: float) -> float:
    """``-log2``, and 0 rather than minus nothing for what is certain."""
    return -math.log2(probability) if probability < 1 else 0.0
