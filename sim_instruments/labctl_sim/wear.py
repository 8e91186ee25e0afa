"""How barriers wear out: dose, breakdown that cannot be undone, and what the dose does before that.

A stress at V for t adds t/eta(V) to a junction's dose; it breaks for ever when the dose reaches its strength, or at
once beyond its breakdown volts. With strengths drawn from Weibull's law of slope beta and unit scale, a wafer under
constant volts breaks as time-dependent dielectric breakdown does::

    F(t) = 1 - exp(-(t/eta)^beta)          eta(V) = eta_ref (V_ref/|V|)^n               "power", n of some 40
                                           eta(V) = eta_ref exp(-g (|V|/V_ref - 1))     "exponential", the E model

Doses add up whatever the order (cumulative exposure), so a junction's end depends on its strength and history alone:
no random number is drawn while it is stressed. Both laws are textbook forms; their constants for MgO are assumptions.

Before the end, resistance and critical volts drift by a given part per decade of dose::

    1 + part log10(1 + dose/onset)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.core.errors import ParameterError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Endurance:
    """Of N junctions: float64 (N,) each; names as in a profile, ``breakdown_strength`` in units of the dose."""

    breakdown_volts: Floats
    breakdown_seconds: Floats
    breakdown_reference_volts: Floats
    breakdown_acceleration: Floats
    breakdown_weibull_slope: Floats
    breakdown_strength: Floats
    ageing_onset_dose: Floats
    ageing_parallel_ohms_per_decade: Floats
    ageing_critical_volts_per_decade: Floats
    breakdown_law: str = "power"

    def lifetime_seconds(self, volts: Floats) -> Floats:
        """eta at ``volts`` (N,) or (N, W), same shape: 63 % of junctions would be broken by then."""
        eta, reference, acceleration = (
            value.reshape(-1, *([1] * (volts.ndim - 1)))
            for value in (self.breakdown_seconds, self.breakdown_reference_volts, self.breakdown_acceleration)
        )
        relative = np.abs(volts) / reference
        # Overflow is a lifetime without end, which is meant.
        with np.errstate(over="ignore", divide="ignore"):
            if self.breakdown_law == "exponential":
                result: Floats = eta * np.exp(-acceleration * (relative - 1))
            else:
                result = eta * relative**-acceleration
        return result

    def ageing(self, dose: Floats) -> tuple[Floats, Floats]:
        """Resistance and critical volts after ``dose`` (N,), relative to those when new."""
        decades = np.log10(1 + dose / self.ageing_onset_dose)
        return (
            1 + self.ageing_parallel_ohms_per_decade * decades,
            1 + self.ageing_critical_volts_per_decade * decades,
        )


def strengths(uniform: Floats, slope: Floats) -> Floats:
    """Weibull's quantiles, unit scale: the dose that a junction bears, from ``uniform`` in (0, 1), both (N,)."""
    result: Floats = (-np.log(uniform)) ** (1 / slope)
    return result


class Wear:
    """What N junctions have gone through: ``dose`` float64 (N,), ``broken`` bool (N,)."""

    def __init__(self, endurance: Endurance) -> None:
        self.endurance = endurance
        self.dose: Floats = np.zeros(endurance.breakdown_volts.size)
        self.broken: NDArray[np.bool_] = np.zeros(self.dose.size, np.bool_)

    def stress(self, volts: Floats, seconds: float | Floats, cycles: int = 1) -> NDArray[np.bool_]:
        """Let ``volts`` act, and say which junctions that broke: bool (N,).

        ``volts`` (N,) for ``seconds``; or a waveform (N, W) of constant pieces, ``seconds`` (W,), ``cycles`` times.
        0 seconds are an instant: only the breakdown volts count then.
        """
        pieces = np.asarray(volts, np.float64).reshape(self.dose.size, -1)
        lengths = np.atleast_1d(np.asarray(seconds, np.float64))
        if not (lengths >= 0).all() or lengths.size != pieces.shape[1]:
            raise ParameterError(
                f"a stress of {np.shape(volts)} volts for {np.shape(seconds)} seconds was asked for; "
                "give one time of 0 or more for each piece"
            )
        self.dose += np.where(
            self.broken, 0.0, (lengths / self.endurance.lifetime_seconds(pieces)).sum(axis=1) * cycles
        )
        beyond = np.abs(pieces).max(axis=1) > self.endurance.breakdown_volts
        newly: NDArray[np.bool_] = (beyond | (self.dose >= self.endurance.breakdown_strength)) & ~self.broken
        self.broken |= newly
        return newly
