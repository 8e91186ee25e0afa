"""Counted switches against volts or width: maximum-likelihood fits, with errors that hold as often as they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import beta

from labctl.core.errors import MeasurementError

Array = NDArray[np.float64]


def barrier(volts: Array, centre_volts: float, slope_per_volt: float) -> Array:
    """P = (1 - exp(-ln2 exp(slope (V - centre)))) / 2: two states over a barrier that falls linearly with V.

    The two-state master equation with one rate both ways that is exponential in V, k = k0 exp(slope V), after a
    pulse of width t: P = (1 - exp(-2 k t)) / 2; P is 1/4 at the centre and saturates at 1/2. The slope is an apparent
    one. It equals Delta / V_c with the barrier Delta (1 - V/V_c) and a constant attempt rate; in an in-plane field the
    barrier is D (1 - xi_x/2D)^2 with D = Delta (1 - V/V_c), which falls less steeply by 1 - (xi_x/2D)^2, and the
    attempt rate changes too, so the slope comes out lower.
    """
    exponent = np.clip(slope_per_volt * (volts - centre_volts), -700.0, 50.0)
    result: Array = 0.5 * -np.expm1(-np.log(2.0) * np.exp(exponent))
    return result


def logistic(volts: Array, centre_volts: float, slope_per_volt: float, top: float) -> Array:
    """P = top / (1 + exp(-slope (V - centre))): no physics, a description for any device."""
    return top / (1.0 + np.exp(-np.clip(slope_per_volt * (volts - centre_volts), -700.0, 700.0)))


def relaxation(width_seconds: Array, tau_seconds: float, delay_seconds: float, top: float) -> Array:
    """P = top (1 - exp(-(t - delay) / tau)), 0 before the delay: the Neel-Brown law of a pulse of constant volts.

    For two states with one rate k both ways top is 1/2 and tau = 1 / (2 k); for a pulse that only goes one way top is
    1 and tau = 1 / k. The delay is what edges and the drift over the barrier take off the width.
    """
    result: Array = top * -np.expm1(-np.clip((width_seconds - delay_seconds) / tau_seconds, 0.0, 700.0))
    return result


def precession(width_seconds: Array, hertz: float, tau_seconds: float, delay_seconds: float, swing: float) -> Array:
    """P = 1/2 - swing exp(-(t - delay) / tau) cos(2 pi f (t - delay)): a moment that turns until it has forgotten how.

    ``tau_seconds`` is that of the damping and of the heat together; the delay is what the edges take off the width.
    """
    since = width_seconds - delay_seconds
    result: Array = 0.5 - swing * np.exp(-np.clip(since / tau_seconds, -50.0, 700.0)) * np.cos(
        2 * np.pi * hertz * since
    )
    return result


@dataclass(frozen=True)
class Fit:
    """Best values and standard errors by parameter name, and the deviance per degree of freedom (near 1 when good)."""

    model: str
    values: dict[str, float]
    errors: dict[str, float]
    deviance_per_dof: float


@dataclass(frozen=True)
class Model:
    """A law of P, the names of its parameters, what it is a function of, and where a search for them may begin.

    ``begin`` takes the abscissa and the measured rates and gives first guesses; ``low`` and ``high`` are bounds of the
    parameters, in the same order, from the abscissa.
    """

    law: Callable[..., Array]
    names: tuple[str, ...]
    begin: Callable[[Array, Array], Sequence[Sequence[float]]]
    bounds: Callable[[Array], Sequence[tuple[float, float]]]


def _begin_volts(volts: Array, rate: Array) -> list[tuple[float, float, float]]:
    top = float(np.clip(rate.max(), 1e-3, 1.0))
    near = float(volts[int(np.argmin(np.abs(rate - top / 2)))])
    span = float(np.ptp(volts))
    return [(near + c * span, s / span, top) for c in (-0.1, 0.0, 0.1) for s in (7.0, 20.0, 54.0)]


def _bounds_volts(volts: Array) -> list[tuple[float, float]]:
    span = float(np.ptp(volts))
    middle = float(volts.mean())
    return [(middle - 20 * span, middle + 20 * span), (1e-3 / span, 1e6 / span), (1e-6, 1.0)]


def _begin_relaxation(widths: Array, rate: Array) -> list[tuple[float, float, float]]:
    top = float(np.clip(rate.max(), 1e-3, 1.0))
    span = float(widths.max())
    return [(span * part, float(widths.min()) * late, top) for part in (0.03, 0.1, 0.3, 1.0) for late in (0.1, 0.9)]


def _bounds_relaxation(widths: Array) -> list[tuple[float, float]]:
    longest = float(widths.max())
    return [(1e-4 * longest, 100 * longest), (-longest, longest), (1e-6, 1.0)]


def _begin_precession(widths: Array, rate: Array) -> list[tuple[float, float, float, float]]:
    """The strongest lines of the periodogram of P - 1/2 (Lomb-Scargle, by least squares), at two decay times."""
    span, step = float(np.ptp(widths)), float(np.median(np.diff(np.unique(widths))))
    found = []
    for hertz in np.linspace(0.3 / span, 0.5 / step, max(60, int(4 * span / step))):
        for tau in (span / 4, span):
            decay = np.exp(-widths / tau)
            waves = np.stack([decay * np.cos(2 * np.pi * hertz * widths), decay * np.sin(2 * np.pi * hertz * widths)])
            (a, b), rest, *_ = np.linalg.lstsq(waves.T, 0.5 - rate, rcond=None)
            left = float(rest[0]) if rest.size else float(((0.5 - rate - a * waves[0] - b * waves[1]) ** 2).sum())
            delay = float(np.arctan2(b, a) / (2 * np.pi * hertz))
            found.append((left, (float(hertz), tau, delay, float(np.clip(np.hypot(a, b), 0.01, 0.5)))))
    return [start for _, start in sorted(found)[:6]]


def _bounds_precession(widths: Array) -> list[tuple[float, float]]:
    span, step = float(np.ptp(widths)), float(np.median(np.diff(np.unique(widths))))
    longest = float(widths.max())
    return [(0.1 / span, 0.6 / step), (step / 10, 1000 * span), (-longest, longest), (0.0, 5.0)]


MODELS: dict[str, Model] = {
    "barrier": Model(barrier, ("centre_volts", "slope_per_volt"), _begin_volts, _bounds_volts),
    "logistic": Model(logistic, ("centre_volts", "slope_per_volt", "top"), _begin_volts, _bounds_volts),
    "relaxation": Model(relaxation, ("tau_seconds", "delay_seconds", "top"), _begin_relaxation, _bounds_relaxation),
    "precession": Model(
        precession, ("hertz", "tau_seconds", "delay_seconds", "swing"), _begin_precession, _bounds_precession
    ),
}
AGAINST_VOLTS = ("barrier", "logistic")
AGAINST_WIDTH = ("relaxation",)


def fit_switching(model: str, abscissa: Array, switched: Array, trials: Array) -> Fit:
    """Fit ``model`` to ``switched`` of ``trials`` switches at each abscissa (float64 (points,) each).

    The abscissa is volts or pulse widths in seconds, as the model asks. Binomial maximum likelihood; errors from the
    inverse Fisher information. Raises MeasurementError when the data do not determine the curve.
    """
    known = MODELS[model]
    law, names = known.law, known.names
    if np.unique(abscissa).size <= len(names):
        raise MeasurementError(
            f"{np.unique(abscissa).size} points cannot determine the {len(names)} of the {model} fit"
        )
    rate = switched / trials
    bounds = np.array(known.bounds(abscissa)[: len(names)])
    # each parameter in units of its own: what is not near zero keeps its size, a delay is counted in abscissas
    first = known.begin(abscissa, rate)[0][: len(names)]
    unit = np.maximum(np.abs(first), 1e-3 * (bounds[:, 1] - bounds[:, 0]))
    saturated = _loglik(rate, switched, trials)

    def deviance(point: Array) -> float:
        inside = np.clip(point * unit, bounds[:, 0], bounds[:, 1])
        outside = float((np.abs(point * unit - inside) / unit).sum())
        p = np.clip(law(abscissa, *inside), 1e-12, 1 - 1e-12)
        return float(2 * (saturated - _loglik(p, switched, trials))) + 1e6 * outside

    tried = [
        minimize(
            deviance,
            [float(value) for value in np.array(start[: len(names)]) / unit],
            method="Nelder-Mead",
            options={"maxiter": 4000, "fatol": 1e-9, "xatol": 1e-8},
        )
        for start in known.begin(abscissa, rate)
    ]
    best = min(tried, key=lambda result: float(result.fun))
    values = np.clip(best.x * unit, bounds[:, 0], bounds[:, 1])
    try:
        errors = np.sqrt(np.diag(np.linalg.inv(_fisher(law, abscissa, trials, values, unit))))
    except np.linalg.LinAlgError:
        errors = np.full(len(names), np.nan)
    if not np.isfinite(errors).all() or errors[0] > max(float(np.ptp(abscissa)), abs(values[0])):
        low, high = abscissa.min(), abscissa.max()
        raise MeasurementError(
            f"the {model} fit is undetermined by {abscissa.size} points from {low:g} to {high:g}: sweep a range in "
            "which the switching probability rises from near 0 to its top, or turns several times for a precession"
        )
    return Fit(
        model,
        dict(zip(names, (float(v) for v in values), strict=True)),
        dict(zip(names, (float(e) for e in errors), strict=True)),
        float(best.fun) / max(1, abscissa.size - len(names)),
    )


def wilson(switched: int, trials: int, z: float = 1.0) -> tuple[float, float]:
    """The Wilson score interval of a proportion (E. B. Wilson, J. Am. Stat. Assoc. 22, 209, 1927); z = 1 is 68 %."""
    centre = (switched + z * z / 2) / (trials + z * z)
    half = z * float(np.sqrt(switched * (trials - switched) / trials + z * z / 4)) / (trials + z * z)
    return max(0.0, centre - half), min(1.0, centre + half)


def upper_limit(seen: int, trials: int, confidence: float = 0.95) -> float:
    """The probability above which so few would be seen once in 1 / (1 - confidence) (Clopper and Pearson, 1934)."""
    return 1.0 if seen >= trials else float(beta.ppf(confidence, seen + 1, trials - seen))


def _loglik(p: Array, switched: Array, trials: Array) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        yes = np.where(switched > 0, switched * np.log(p), 0.0)
        no = np.where(trials - switched > 0, (trials - switched) * np.log1p(-p), 0.0)
    return float((yes + no).sum())


def _fisher(law: Callable[..., Array], abscissa: Array, trials: Array, values: Array, unit: Array) -> Array:
    p = np.clip(law(abscissa, *values), 1e-12, 1 - 1e-12)
    gradient = []
    for index in range(values.size):
        step = 1e-5 * max(abs(values[index]), 1e-3 * unit[index])
        up, down = values.copy(), values.copy()
        up[index] += step
        down[index] -= step
        gradient.append((law(abscissa, *up) - law(abscissa, *down)) / (2 * step))
    slopes = np.array(gradient)
    weight = trials / (p * (1 - p))
    result: Array = (slopes * weight) @ slopes.T
    return result
