"""How a junction's resistance fluctuates while nothing happens to it: 1/f noise and telegraph noise, exactly in time.

1/f: a sum of Ornstein-Uhlenbeck processes, `PER_DECADE` corner frequencies per decade, each with the same variance::

    S(f) = sum 4 sigma^2 a / (a^2 + (2 pi f)^2)  ~  power / f          sigma^2 = power ln(ratio of neighbours)

S is one-sided, of the relative resistance. It does not depend on the volts, so a voltage noise goes with V^2, as found
in tunnel junctions. Telegraph noise is a Markov chain of two states for each junction that has a trap.

Both are carried forward by their exact conditional laws (value and mean over a window are jointly normal; dwell times
are exponential), so what a reading sees does not depend on how often one looked before. Time runs forward only: the
part of a window that was already reported is taken to have had that window's mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.core.errors import ParameterError

Floats = NDArray[np.float64]

SLOWEST_HERTZ = 1e-6  # the noise is white below, and falls with 1/f^2 above the fastest
FASTEST_HERTZ = 1e6
PER_DECADE = 2
MARGIN = 8.0  # standard deviations by which whole rounds of a trap stay short of a window's end


@dataclass(frozen=True)
class NoiseNumbers:
    """Of N junctions, float64 (N,) each: ``flicker_power`` is S(f) f; a trap adds ``telegraph_amplitude`` while up."""

    flicker_power: Floats
    telegraph_amplitude: Floats
    telegraph_up_hertz: Floats
    telegraph_down_hertz: Floats


def corners() -> Floats:
    """The rates a of the processes, 1/s, ascending."""
    count = round(math.log10(FASTEST_HERTZ / SLOWEST_HERTZ) * PER_DECADE) + 1
    result: Floats = 2 * np.pi * np.geomspace(SLOWEST_HERTZ, FASTEST_HERTZ, count)
    return result


def flicker_spectrum(hertz: Floats) -> Floats:
    """S(f) per unit of ``flicker_power``, 1/Hz: 1/f within 4 % from ten times the slowest to a tenth of the fastest."""
    a = corners()
    each = 4 * a / (a**2 + (2 * np.pi * np.asarray(hertz)[..., None]) ** 2)
    result: Floats = each.sum(axis=-1) * math.log(10) / PER_DECADE
    return result


def flicker_covariance(lag_seconds: float, integration_seconds: float) -> float:
    """Of two means over windows whose starts are ``lag_seconds`` apart (0 or no less than a window), per unit power."""
    y = corners() * integration_seconds
    share, variance, _ = window(y)
    apart = corners() * lag_seconds - y
    each = share**2 * np.exp(-apart) if lag_seconds else share**2 + variance
    return float(each.sum()) * math.log(10) / PER_DECADE


def window(y: Floats) -> tuple[Floats, Floats, Floats]:
    """Of an Ornstein-Uhlenbeck process of unit variance over a window of ``y`` time constants.

    How much of the first value is in the mean, the variance of the rest of the mean, and its covariance with the end.
    """
    share = np.where(y > 0, -np.expm1(-y) / np.maximum(y, 1e-300), 1.0)
    long = np.maximum(y, 1e-2)
    direct = (2 * long - 3 + 4 * np.exp(-long) - np.exp(-2 * long)) / long**2
    # Below, that form cancels.
    variance = np.where(y < long, y * (2 / 3 - y / 2 + 7 * y**2 / 30), direct)
    return share, variance, -np.expm1(-y) * share


class ReadNoise:
    """The fluctuation of N junctions, from the first time that is asked for."""

    def __init__(self, numbers: NoiseNumbers, rng: np.random.Generator) -> None:
        self._numbers = numbers
        self._rng = rng
        self._rates = corners()
        count = numbers.flicker_power.size
        self._flicker = rng.standard_normal((count, self._rates.size))
        self._traps = np.flatnonzero(numbers.telegraph_amplitude)
        self._up, self._down = numbers.telegraph_up_hertz[self._traps], numbers.telegraph_down_hertz[self._traps]
        self._often = self._up / (self._up + self._down)
        self._trapped: NDArray[np.bool_] = rng.random(self._traps.size) < self._often
        self._reported: tuple[float, float, Floats] | None = None  # the last window and what it showed

    def relative(self, seconds: float, integration_seconds: float) -> Floats:
        """delta R/R of each junction, the mean over a window that begins at ``seconds``: float64 (N,).

        0 ``integration_seconds`` give the value at that time. The same window again is the same noise again.
        """
        if not (math.isfinite(seconds) and 0 <= integration_seconds < math.inf):
            raise ParameterError(
                f"noise at {seconds:g} s over {integration_seconds:g} s was asked for; give finite times, 0 or longer"
            )
        end = seconds + integration_seconds
        shared, known = 0.0, np.zeros(self._numbers.flicker_power.size)
        if self._reported is not None:
            begun, until, known = self._reported
            if (begun, until) == (seconds, end):
                return known
            if seconds < begun:
                raise ParameterError(
                    f"noise at {seconds:g} s was asked for after that at {begun:g} s; read in the order of time"
                )
            shared = max(0.0, min(until, end) - seconds)
            self._wait(max(seconds - until, 0.0))
        left = integration_seconds - shared
        if shared and left <= 0:
            return known
        fresh = self._flicker_over(left) + self._telegraph_over(left)
        mean = (known * shared + fresh * left) / integration_seconds if shared else fresh
        self._reported = (seconds, end, mean)
        return mean

    def _wait(self, seconds: float) -> None:
        if not seconds:
            return
        keep = np.exp(-self._rates * seconds)
        self._flicker *= keep
        self._flicker += np.sqrt(1 - keep**2) * self._rng.standard_normal(self._flicker.shape)
        chance = self._often + (self._trapped - self._often) * np.exp(-(self._up + self._down) * seconds)
        self._trapped = self._rng.random(chance.size) < chance

    def _flicker_over(self, seconds: float) -> Floats:
        y = self._rates * seconds
        share, variance, together = window(y)
        spread = np.sqrt(-np.expm1(-2 * y))
        lean = np.divide(together, spread, out=np.zeros_like(y), where=spread > 0)
        first = self._rng.standard_normal(self._flicker.shape)
        second = self._rng.standard_normal(self._flicker.shape)
        mean = share * self._flicker + lean * first + np.sqrt(np.maximum(variance - lean**2, 0)) * second
        self._flicker = np.exp(-y) * self._flicker + spread * first
        unit = math.log(10) / PER_DECADE
        result: Floats = np.sqrt(self._numbers.flicker_power * unit) * mean.sum(axis=1)
        return result

    def _telegraph_over(self, seconds: float) -> Floats:
        share, self._trapped = occupation(self._trapped, self._up, self._down, seconds, self._rng)
        result: Floats = np.zeros(self._numbers.telegraph_amplitude.size)
        result[self._traps] = self._numbers.telegraph_amplitude[self._traps] * (share - self._often)
        return result


def occupation(
    state: NDArray[np.bool_], up: Floats, down: Floats, seconds: float, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.bool_]]:
    """The part of ``seconds`` that each chain is up, and its state at the end: (N,) each.

    ``state`` bool (N,); ``up``, ``down`` (N,) are the rates of leaving the state below and above, 1/s, more than 0.
    """
    if not seconds:
        return state.astype(np.float64), state
    left, above = np.full(state.size, seconds), np.zeros(state.size)
    state = state.copy()
    while (busy := left > 0).any():
        # Whole rounds at once, as many as surely fit: their dwell times add up to gamma variates.
        fit = left / (1 / up + 1 / down)
        rounds = np.floor(np.maximum(fit - MARGIN * np.sqrt(fit), 0.0))
        high, low = rng.standard_gamma(rounds) / down, rng.standard_gamma(rounds) / up
        above += high
        left = np.maximum(left - high - low, 0.0)
        dwell = rng.standard_exponential(state.size) / np.where(state, down, up)
        ends = busy & (dwell < left)
        dwell = np.minimum(dwell, left)
        above += dwell * state
        left = left - dwell
        state ^= ends
    return above / seconds, state
