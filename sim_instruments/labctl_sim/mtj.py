"""One junction's physics: how fast it changes state at a voltage, and what resistance it shows.

Two states, P (0, low resistance) and AP (1), and one barrier between them that the voltage changes (VCMA)::

    k(P -> AP) = exp(-max(0, Delta (h(V) - s))) / tau0        h(V) = max(0, 1 - V/Vc)
    k(AP -> P) = exp(-max(0, Delta (h(V) + s))) / tau0        s    = s0 + s1 V

Positive volts lower the barrier, negative volts raise it; a positive tilt s favours AP. While the voltage is
constant the probability of AP relaxes exactly as p(t) = p_eq + (p0 - p_eq) exp(-(k01 + k10) t); a waveform is a row
of such pieces. The macrospin behind this (precession, incubation) is not in here.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

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


@dataclass(frozen=True)
class Junctions:
    """The parameters of N junctions, each float64 (N,); the names are those of a profile file."""

    parallel_ohms: Floats
    tmr: Floats
    tmr_half_volts: Floats
    stability: Floats
    critical_volts: Floats
    attempt_seconds: Floats
    tilt: Floats
    tilt_per_volt: Floats
    breakdown_volts: Floats
    broken_ohms: Floats

    def only(self, which: NDArray[np.intp] | int) -> Junctions:
        """Some of them (an index array), or one of them as N = 1."""
        index = np.atleast_1d(which)
        return Junctions(**{field.name: getattr(self, field.name)[index] for field in fields(self)})

    def rates(self, volts: Floats) -> tuple[Floats, Floats]:
        """Rates P -> AP and AP -> P in 1/s at ``volts`` (N,) or (N, W); same shape."""
        delta, critical, tau, tilt, slope = (
            value.reshape(-1, *([1] * (volts.ndim - 1)))
            for value in (self.stability, self.critical_volts, self.attempt_seconds, self.tilt, self.tilt_per_volt)
        )
        height = np.maximum(0.0, 1 - volts / critical)
        lean = tilt + slope * volts
        up = np.exp(-np.maximum(0.0, delta * (height - lean))) / tau
        down = np.exp(-np.maximum(0.0, delta * (height + lean))) / tau
        return up, down

    def hold(self, volts: Floats, seconds: float) -> Flips:
        """A constant voltage (N,) for ``seconds``."""
        return self.through(volts[:, None], volts[:, None], np.array([seconds]))

    def through(self, volts_if_p: Floats, volts_if_ap: Floats, seconds: Floats) -> Flips:
        """A waveform of W constant pieces: ``seconds`` (W,), volts (N, W) as seen in either state.

        The two states may see different volts, because a junction loads its source by its resistance.
        """
        up, _ = self.rates(volts_if_p)
        _, down = self.rates(volts_if_ap)
        total = (up + down) * seconds
        happened = -np.expm1(-total)  # the part of each piece's relaxation that takes place
        share = np.divide(happened, up + down, out=np.zeros_like(total), where=up + down > 0)
        # What a piece did is forgotten by the pieces after it.
        after = np.cumsum(total[:, ::-1], axis=1)[:, ::-1] - total
        weight = share * np.exp(-after)
        return Flips((up * weight).sum(axis=1), (down * weight).sum(axis=1))

    def conductance(self, states: States, volts: Floats) -> Floats:
        """Siemens of each junction in ``states`` (N,) at ``volts`` (N,): TMR falls with bias, P does not change."""
        parallel = 1 / self.parallel_ohms
        ratio = self.tmr / (1 + (volts / self.tmr_half_volts) ** 2)
        result: Floats = np.where(states == 1, parallel / (1 + ratio), parallel)
        return result
