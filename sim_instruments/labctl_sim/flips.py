"""What some span of time does to two-state junctions, as chances; and the array types of the simulator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
States = NDArray[np.uint8]


@dataclass(frozen=True)
class Flips:
    """What some span of time does to a junction: P(AP after | P before) and P(P after | AP before)."""

    up: Floats
    down: Floats

    def repeated(self, times: int) -> Flips:
        """The same span ``times`` over, exactly."""
        total = self.up + self.down
        share = np.divide(self.up, total, out=np.zeros_like(total), where=total > 0)
        # 1 - (1 - total)^times without losing small totals; total > 1 (mostly toggling) alternates in sign.
        small = -np.expm1(times * np.log1p(-np.minimum(total, 0.5)))
        lost = np.where(total < 0.5, small, 1 - np.power(1 - total, times))
        return Flips(share * lost, (1 - share) * lost)

    def draw(self, states: States, rng: np.random.Generator) -> States:
        """The states after the span, drawn once each: uint8, same shape."""
        chance = np.where(states == 1, self.down, self.up)
        return states ^ (rng.random(states.shape) < chance).astype(np.uint8)


def relaxed(up: Floats, down: Floats, seconds: Floats | float) -> tuple[Floats, Floats]:
    """What rates P -> AP and AP -> P (N,) do in ``seconds``, (N,) or (J, 1): the chances of a `Flips`."""
    total = up + down
    lost = -np.expm1(-total * seconds)
    share = np.divide(lost, total, out=np.zeros_like(lost), where=total > 0)
    return up * share, down * share
