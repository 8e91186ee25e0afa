"""A pulse by sampled trajectories of the macrospin: the states it leaves, and those that are seen on its way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from labctl_sim.cycles import PLACES, WEIGHTS
from labctl_sim.flips import Floats, States
from labctl_sim.junction import Junctions
from labctl_sim.macrospin import trials
from labctl_sim.macrospin.coefficients import fine_step
from labctl_sim.macrospin.drive import Drive
from labctl_sim.macrospin.layer import FreeLayer


class Sampler:
    """One junction's trajectories through one pulse, seen ``looks`` times: on the way by the sign of m_z, and after it.

    ``volts`` (W,) while P and while AP, from and to rest. Each of ``stretches`` (W,) says how long which of them holds
    up to the next look, 0 s where it does not.
    """

    def __init__(
        self, junction: Junctions, volts: tuple[Floats, Floats], stretches: list[Floats], settle_seconds: float
    ) -> None:
        self._kinds = [leaning(junction.layer, place * junction.cycle_stability) for place in PLACES]
        self._alike = bool((junction.cycle_stability == 0).all())
        self._drives = [[staircase(each, seconds) for seconds in stretches] for each in volts]
        self._settle_seconds = settle_seconds
        self._step_seconds = min(fine_step(each, np.concatenate(volts)) for each in self._kinds)
        self.looks = len(stretches)

    def __call__(self, cycles: int, rng: np.random.Generator) -> tuple[States, States]:
        """What each step from look to look does: the state that it makes of P and of AP, uint8 (cycles, looks) each.

        Of each cycle there is a trajectory from either state. Once they are in the same state the step has one answer:
        from then on both histories are the first one's.
        """
        kinds = np.zeros(cycles, np.int64) if self._alike else rng.choice(PLACES.size, cycles, p=WEIGHTS)
        seen = np.empty((2, cycles, self.looks), np.uint8)
        for kind, layer in enumerate(self._kinds):
            which = np.flatnonzero(kinds == kind)
            if which.size:
                for start, drives in enumerate(self._drives):
                    seen[start, which] = self._followed(layer, drives, start, which.size, rng)
        first, second = seen
        before = np.zeros_like(first)
        before[:, 1:] = first[:, :-1]
        return np.where(before == 0, first, second), np.where(before == 1, first, second)

    def _followed(
        self, layer: FreeLayer, drives: list[Drive], state: int, count: int, rng: np.random.Generator
    ) -> States:
        """The states that ``count`` trajectories from ``state`` show at each look, uint8 (count, looks)."""
        seen = np.empty((count, self.looks), np.uint8)
        start: trials.Start = state
        for look, drive in enumerate(drives):
            outcome = trials.run(
                layer,
                drive,
                trials=count,
                seed=int(rng.integers(1 << 63)),
                step_seconds=self._step_seconds,
                start=start,
                thermalise_seconds=0.0,
                relax_seconds=self._settle_seconds if look == self.looks - 1 else 0.0,
            )
            seen[:, look], start = outcome.states[0], outcome.magnetisation.astype(np.float64)
        return seen


def leaning(layer: FreeLayer, shift: Floats) -> FreeLayer:
    """``layer`` with Delta higher by ``shift`` (N,) at all volts, which is what the interface adds."""
    rest = layer.stability()
    per_joule = layer.anisotropy() * layer.of("thickness_meters") / rest
    return replace(
        layer,
        interface_anisotropy_joules_per_square_meter=layer.of("interface_anisotropy_joules_per_square_meter")
        + per_joule * shift,
    )


def staircase(volts: Floats, seconds: Floats) -> Drive:
    """Constant pieces as a drive."""
    ends = np.cumsum(seconds)
    corners = np.stack([ends - seconds, ends], axis=1).ravel()
    return Drive(np.maximum.accumulate(np.maximum(corners, 0.0)), np.repeat(volts, 2))
