"""What a cell can be: a junction alone, behind an access transistor, or behind a selector; and its nonlinear law.

Numbers for a given process are the caller's: each part says in ``source`` where its own came from and how far that can
be trusted (literature, measured, assumed), because none of them is a constant of nature.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.core.errors import ParameterError
from labctl.crossbar import checks
from labctl.crossbar.reduction import Floats

SELECTOR_ROUNDS = 100


class CellLaw(Protocol):
    """The current of every cell as a function of the volts across it, which it must not fall with."""

    def amps(self, volts: Floats) -> Floats:
        """Amperes for volts (P, m, n): float64 of that shape."""

    def slope(self, volts: Floats) -> Floats:
        """Its derivative, siemens, never negative."""


@dataclass(frozen=True)
class AccessTransistor:
    """One transistor in series with each junction, its gate common to a row (1T-1R); linear, in triode or off.

    ``on_ohms`` and ``off_ohms`` between drain and source; ``off_ohms`` may be inf. ``source``: whence the numbers.
    """

    on_ohms: float
    off_ohms: float
    source: str

    def __post_init__(self) -> None:
        if not 0 <= self.on_ohms < np.inf or not self.off_ohms > self.on_ohms:
            raise ParameterError(
                f"an access transistor of {self.on_ohms} ohm on and {self.off_ohms} ohm off does not switch; "
                "on_ohms must be 0 or more and finite, off_ohms above it"
            )

    def conductances(self, junction_siemens: ArrayLike, rows_on: ArrayLike) -> Floats:
        """What the array's cells conduct with the gates of ``rows_on``, bool (m,), on: float64 (m, n), siemens."""
        junctions = checks.conductances(junction_siemens)
        gates = np.asarray(rows_on)
        if gates.dtype != np.bool_ or gates.shape != junctions.shape[:1]:
            raise ParameterError(
                f"rows_on has shape {gates.shape} and type {gates.dtype}; this array needs {junctions.shape[0]} "
                "booleans, one per row"
            )
        ohms = np.where(gates, self.on_ohms, self.off_ohms)[:, None]
        on = junctions / (1 + junctions * np.where(np.isfinite(ohms), ohms, 0.0))
        result: Floats = np.where(np.isfinite(ohms), on, 0.0)
        return result


@dataclass(frozen=True)
class BiasedTmr:
    """Junctions whose TMR falls with bias: G_P where parallel, else G_P / (1 + tmr / (1 + (v / half_volts)^2)).

    ``parallel_siemens``: (m, n); ``antiparallel``: bool (m, n).
    """

    parallel_siemens: Floats
    antiparallel: NDArray[np.bool_]
    tmr: float
    half_volts: float

    def __post_init__(self) -> None:
        if not 0 <= self.tmr < np.inf or not 0 < self.half_volts < np.inf:
            raise ParameterError(
                f"a TMR of {self.tmr} that halves at {self.half_volts} V describes no junction; tmr must be 0 or more "
                "(1.5 is 150 %), half_volts above 0"
            )
        if np.shape(self.antiparallel) != np.shape(self.parallel_siemens):
            raise ParameterError(
                f"the states have shape {np.shape(self.antiparallel)}, the conductances "
                f"{np.shape(self.parallel_siemens)}; give one state per cell"
            )

    @property
    def zero_bias_siemens(self) -> Floats:
        """Conductance of every cell for small volts: float64 (m, n)."""
        return np.where(self.antiparallel, self.parallel_siemens / (1 + self.tmr), self.parallel_siemens)

    def amps(self, volts: Floats) -> Floats:
        """See ``CellLaw``."""
        lorentz = 1 + (volts / self.half_volts) ** 2
        share = np.where(self.antiparallel, lorentz / (lorentz + self.tmr), 1.0)
        result: Floats = self.parallel_siemens * volts * share
        return result

    def slope(self, volts: Floats) -> Floats:
        """See ``CellLaw``."""
        square = (volts / self.half_volts) ** 2
        lorentz = 1 + square
        share = lorentz / (lorentz + self.tmr) + 2 * square * self.tmr / (lorentz + self.tmr) ** 2
        result: Floats = self.parallel_siemens * np.where(self.antiparallel, share, 1.0)
        return result


class Selector(Protocol):
    """A two-terminal device that conducts little at half select; odd, increasing and convex for positive volts."""

    def amps(self, volts: Floats) -> Floats:
        """Amperes for volts of 0 or more."""

    def slope(self, volts: Floats) -> Floats:
        """Its derivative, siemens, above 0."""

    def most_volts(self, amps: Floats) -> Floats:
        """No fewer volts than it takes to carry ``amps``."""


@dataclass(frozen=True)
class ExponentialSelector:
    """A barrier: i = saturation_amps * sinh(v / scale_volts)."""

    saturation_amps: float
    scale_volts: float
    source: str

    def __post_init__(self) -> None:
        _positive(saturation_amps=self.saturation_amps, scale_volts=self.scale_volts)

    def amps(self, volts: Floats) -> Floats:
        """See ``Selector``."""
        return self.saturation_amps * np.sinh(volts / self.scale_volts)

    def slope(self, volts: Floats) -> Floats:
        """See ``Selector``."""
        return self.saturation_amps / self.scale_volts * np.cosh(volts / self.scale_volts)

    def most_volts(self, amps: Floats) -> Floats:
        """See ``Selector``."""
        result: Floats = self.scale_volts * np.arcsinh(amps / self.saturation_amps)
        return result


@dataclass(frozen=True)
class ThresholdSelector:
    """Conducts ``off_siemens`` below ``threshold_volts`` and ``on_siemens`` more beyond, rounded over ``width_volts``.

    The smooth, single-valued one: a selector that snaps back has two states and is no function of its volts.
    """

    off_siemens: float
    on_siemens: float
    threshold_volts: float
    width_volts: float
    source: str

    def __post_init__(self) -> None:
        _positive(
            off_siemens=self.off_siemens,
            on_siemens=self.on_siemens,
            threshold_volts=self.threshold_volts,
            width_volts=self.width_volts,
        )

    def amps(self, volts: Floats) -> Floats:
        """See ``Selector``."""
        beyond, zero = (volts - self.threshold_volts) / self.width_volts, -self.threshold_volts / self.width_volts
        rise: Floats = np.logaddexp(0.0, beyond) - np.logaddexp(0.0, zero)
        return self.off_siemens * volts + self.on_siemens * self.width_volts * rise

    def slope(self, volts: Floats) -> Floats:
        """See ``Selector``."""
        beyond = (volts - self.threshold_volts) / self.width_volts
        result: Floats = self.off_siemens + self.on_siemens * np.exp(-np.logaddexp(0.0, -beyond))
        return result

    def most_volts(self, amps: Floats) -> Floats:
        """See ``Selector``."""
        return amps / self.off_siemens


@dataclass(frozen=True)
class Selected:
    """Junctions of ``siemens`` (m, n), each in series with a selector of the same kind (1S-1R)."""

    siemens: Floats
    selector: Selector

    @property
    def zero_bias_siemens(self) -> Floats:
        """Conductance of every cell for small volts: float64 (m, n)."""
        return self.slope(np.zeros(np.shape(self.siemens)))

    def amps(self, volts: Floats) -> Floats:
        """See ``CellLaw``."""
        result: Floats = np.copysign(self.selector.amps(self._drop(np.abs(volts))), volts)
        return result

    def slope(self, volts: Floats) -> Floats:
        """See ``CellLaw``."""
        own = self.selector.slope(self._drop(np.abs(volts)))
        result: Floats = self.siemens * own / (self.siemens + own)
        return result

    def _drop(self, volts: Floats) -> Floats:
        """The part of ``volts`` that lies across the selector.

        Its current less that of the junction is increasing and convex in it, so that Newton's steps from above fall
        monotonically to the root; the bound above is close to it where the exponential is steep.
        """
        drop = np.minimum(volts, self.selector.most_volts(self.siemens * volts))
        for _ in range(SELECTOR_ROUNDS):
            excess = self.selector.amps(drop) - self.siemens * (volts - drop)
            step = excess / (self.selector.slope(drop) + self.siemens)
            drop = np.maximum(drop - step, 0.0)
            if np.abs(step).max(initial=0.0) <= 1e-15 * np.abs(volts).max(initial=0.0):
                break
        return drop


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < np.inf:
            raise ParameterError(f"{name} of a selector is {value}; it must be above 0 and finite")
