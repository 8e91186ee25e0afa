"""Switching probability against voltage: maximum-likelihood fits of counted switches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

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


@dataclass(frozen=True)
class Fit:
    """Best values and standard errors by parameter name, and the deviance per degree of freedom (near 1 when good)."""

    model: str
    values: dict[str, float]
    errors: dict[str, float]
    deviance_per_dof: float


MODELS: dict[str, tuple[Callable[..., Array], tuple[str, ...]]] = {
    "barrier": (barrier, ("centre_volts", "slope_per_volt")),
    "logistic": (logistic, ("centre_volts", "slope_per_volt", "top")),
}


def fit_switching(model: str, volts: Array, switched: Array, trials: Array) -> Fit:
    """Fit ``model`` to ``switched`` of ``trials`` switches at each voltage (float64 (points,) each).

    Binomial maximum likelihood; errors from the inverse Fisher information.
    Raises MeasurementError when the data do not determine the curve.
    """
    function, names = MODELS[model]
    if np.unique(volts).size <= len(names):
        raise MeasurementError(f"{np.unique(volts).size} voltages cannot determine the {len(names)} of the {model} fit")
    rate = switched / trials
    top = float(np.clip(rate.max(), 1e-3, 1.0))
    near = volts[int(np.argmin(np.abs(rate - top / 2)))]
    span = float(np.ptp(volts))

    def unpack(point: Array) -> tuple[float, ...]:
        # centre in spans from the guess, slope as a logarithm (it is positive), top as a logit (it is in (0, 1))
        centre, log_slope, *rest = (float(value) for value in point)
        return (near + centre * span, float(np.exp(log_slope)) / span, *(1 / (1 + float(np.exp(-r))) for r in rest))

    def deviance(point: Array) -> float:
        p = np.clip(function(volts, *unpack(point)), 1e-12, 1 - 1e-12)
        saturated = _loglik(rate, switched, trials)
        return float(2 * (saturated - _loglik(p, switched, trials)))

    start = [0.0, np.log(20.0)] + ([np.log(top / (1.0001 - top))] if len(names) == 3 else [])
    best = min(
        (
            minimize(deviance, [c, s, *start[2:]], method="Nelder-Mead", options={"maxiter": 4000, "fatol": 1e-10})
            for c in (-0.1, 0.0, 0.1)
            for s in (start[1] - 1, start[1], start[1] + 1)
        ),
        key=lambda result: float(result.fun),
    )
    values = np.array(unpack(best.x))
    information = _fisher(function, volts, trials, values)
    try:
        errors = np.sqrt(np.diag(np.linalg.inv(information)))
    except np.linalg.LinAlgError:
        errors = np.full(len(names), np.nan)
    if not np.isfinite(errors).all() or errors[0] > span:
        raise MeasurementError(
            f"the {model} fit is undetermined by {volts.size} voltages from {volts.min():g} to {volts.max():g} V: "
            "sweep a range in which the switching probability rises from near 0 to its top"
        )
    dof = max(1, volts.size - len(names))
    return Fit(
        model,
        dict(zip(names, (float(v) for v in values), strict=True)),
        dict(zip(names, (float(e) for e in errors), strict=True)),
        float(best.fun) / dof,
    )


def wilson(switched: int, trials: int, z: float = 1.0) -> tuple[float, float]:
    """The Wilson score interval of a proportion (E. B. Wilson, J. Am. Stat. Assoc. 22, 209, 1927); z = 1 is 68 %."""
    centre = (switched + z * z / 2) / (trials + z * z)
    half = z * float(np.sqrt(switched * (trials - switched) / trials + z * z / 4)) / (trials + z * z)
    return max(0.0, centre - half), min(1.0, centre + half)


def _loglik(p: Array, switched: Array, trials: Array) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        yes = np.where(switched > 0, switched * np.log(p), 0.0)
        no = np.where(trials - switched > 0, (trials - switched) * np.log1p(-p), 0.0)
    return float((yes + no).sum())


def _fisher(function: Callable[..., Array], volts: Array, trials: Array, values: Array) -> Array:
    p = np.clip(function(volts, *values), 1e-12, 1 - 1e-12)
    gradient = []
    for index, value in enumerate(values):
        step = 1e-5 * max(abs(value), 1e-3)
        up, down = values.copy(), values.copy()
        up[index] += step
        down[index] -= step
        gradient.append((function(volts, *up) - function(volts, *down)) / (2 * step))
    slopes = np.array(gradient)
    weight = trials / (p * (1 - p))
    result: Array = (slopes * weight) @ slopes.T
    return result
