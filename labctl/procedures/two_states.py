"""Two states that turn into each other by chance: rates from pairs of looks, a known time apart.

The master equation of two states with rates k_P (from P to AP) and k_AP: after t a junction that was P is AP with
probability k_P / (k_P + k_AP) (1 - exp(-(k_P + k_AP) t)), and the other way round alike. Looks that miss an even number
of turns are thereby counted right, and waits without a turn count too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Array = NDArray[np.float64]

LARGEST_ERROR = 2.0
"""In the logarithm of a rate: with more than this, a factor of seven, nothing is determined."""

HALF_CHI = 2.706 / 2
"""Half of the 90 % point of chi-square with one degree of freedom: a limit on one side that holds with 95 %."""


@dataclass(frozen=True)
class Looks:
    """Of ``trials`` waits of ``seconds`` that began in one state, ``turned`` ended in the other one."""

    seconds: float
    antiparallel: bool
    trials: int
    turned: int


@dataclass(frozen=True)
class Lifetime:
    """Mean time until a state is left, in seconds, with its standard error; or None, and a limit that it exceeds.

    ``above_seconds`` is exceeded by the lifetime with 95 % confidence (0: nothing can be said).
    """

    tau_seconds: float | None
    error_seconds: float | None
    above_seconds: float


def turned(seconds: Array, from_rate: float, back_rate: float) -> Array:
    """The probability of being found in the other state after ``seconds``: float64, same shape."""
    total = from_rate + back_rate
    result: Array = from_rate / total * -np.expm1(-total * seconds)
    return result


def lifetimes(looks: list[Looks]) -> tuple[Lifetime, Lifetime]:
    """Lifetimes of P and AP by maximum likelihood.

    The errors are from the inverse Fisher information, in logarithms of the rates. A state that was never seen to turn
    has a limit and no value, and then the other one is fitted as if nothing came back. None is a value, too, that the
    looks do not determine, as when all waits are so long that everything has turned many times.
    """
    seen = [sum(look.turned for look in looks if look.antiparallel == state) for state in (False, True)]
    limits = [_above(looks, state) for state in (False, True)]
    which = [index for index in (0, 1) if seen[index]]
    values: dict[int, tuple[float, float]] = {}

    def unlikely(point: Array) -> float:
        return -_loglik(looks, which, point)

    if which:
        start = [float(np.log(_crude(looks, bool(index)))) for index in which]
        best = minimize(unlikely, start, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-9})
        variances = _variances(_fisher(looks, which, best.x))
        for index, log_rate, variance in zip(which, best.x, variances, strict=True):
            if 0 < variance < LARGEST_ERROR**2:
                tau = float(np.exp(-log_rate))
                values[index] = (tau, tau * float(np.sqrt(variance)))
    return _lifetime(values.get(0), limits[0]), _lifetime(values.get(1), limits[1])


def _lifetime(value: tuple[float, float] | None, above_seconds: float) -> Lifetime:
    tau, error = value or (None, None)
    return Lifetime(tau, error, above_seconds)


def _rates(which: list[int], point: Array) -> tuple[float, float]:
    rates = [1e-300, 1e-300]
    for index, log_rate in zip(which, point, strict=True):
        rates[index] = float(np.exp(np.clip(log_rate, -690.0, 690.0)))
    return rates[0], rates[1]


def _chance(look: Looks, rates: tuple[float, float]) -> float:
    here, back = rates[::-1] if look.antiparallel else rates
    return float(np.clip(turned(np.array(look.seconds), here, back), 1e-15, 1 - 1e-12))


def _loglik(looks: list[Looks], which: list[int], point: Array) -> float:
    rates = _rates(which, point)
    total = 0.0
    for look in looks:
        p = _chance(look, rates)
        total += look.turned * np.log(p) + (look.trials - look.turned) * np.log1p(-p)
    return total


def _fisher(looks: list[Looks], which: list[int], point: Array) -> Array:
    step = 1e-4
    shifted = [(point + step * unit, point - step * unit) for unit in np.eye(len(which))]
    result = np.zeros((len(which), len(which)))
    for look in looks:
        p = _chance(look, _rates(which, point))
        slopes = np.array([(_chance(look, _rates(which, a)) - _chance(look, _rates(which, b))) for a, b in shifted])
        slopes /= 2 * step
        result += look.trials / (p * (1 - p)) * np.outer(slopes, slopes)
    return result


def _variances(information: Array) -> Array:
    try:
        return np.diag(np.linalg.inv(information))
    except np.linalg.LinAlgError:
        return np.full(len(information), np.inf)


def _crude(looks: list[Looks], antiparallel: bool) -> float:
    mine = [look for look in looks if look.antiparallel == antiparallel and look.trials]
    return max(look.turned for look in mine) / sum(look.trials * look.seconds for look in mine) * len(mine)


def _above(looks: list[Looks], antiparallel: bool) -> float:
    """What the lifetime exceeds with 95 %: by the profile likelihood, whatever the way back is (Wilks, 1938)."""
    timed = [look for look in looks if look.trials and look.seconds > 0]
    if not any(look.antiparallel == antiparallel for look in timed):
        return 0.0
    shortest, longest = min(look.seconds for look in timed), max(look.seconds for look in timed)
    trials = sum(look.trials for look in timed)
    leaving = np.geomspace(1e-2 / (trials * longest), 1e2 / shortest, 400)
    back = np.geomspace(1e-2 / (trials * longest), 1e2 / shortest, 200)
    total = np.zeros((leaving.size, back.size))
    for look in timed:
        rates = (leaving[:, None], back[None, :])
        here, there = rates if look.antiparallel == antiparallel else rates[::-1]
        chance = np.clip(here / (here + there) * -np.expm1(-(here + there) * look.seconds), 1e-15, 1 - 1e-12)
        total += look.turned * np.log(chance) + (look.trials - look.turned) * np.log1p(-chance)
    profile = total.max(axis=1)
    top = int(np.argmax(profile))
    less = profile[top] - profile[top:]
    if less.max() <= HALF_CHI:
        return 0.0
    # beyond the best rate the profile falls: the rate at which it has fallen enough
    place = top + int(np.argmax(less > HALF_CHI))
    part = (HALF_CHI - (profile[top] - profile[place - 1])) / (profile[place - 1] - profile[place])
    return float(1 / (leaving[place - 1] * (leaving[place] / leaving[place - 1]) ** part))
