"""What differs from pulse to pulse: an anisotropy that is not quite the same each time, and hopping back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from labctl_sim.flips import Flips, Floats

NODES = 9
# Gauss and Hermite's rule again, with three nodes, for what is too dear for more.
PLACES, WEIGHTS = np.array([0.0, -np.sqrt(3.0), np.sqrt(3.0)]), np.array([4.0, 1.0, 1.0]) / 6


def averaged(probability: Callable[[Floats], Floats], at: Floats, spread: Floats, nodes: int = NODES) -> Floats:
    """The mean of ``probability`` over a normal law about ``at`` (N,) of standard deviation ``spread`` (N,): (N,).

    By Gauss and Hermite's rule, exact for polynomials up to degree 2 ``nodes`` - 1. ``probability`` is called once per
    node with (N,) values: volts with `Junctions.cycle_volts`, or Delta(V) with `Junctions.cycle_stability`.
    """
    places, weights = np.polynomial.hermite_e.hermegauss(nodes)
    parts = [weight * probability(at + spread * place) for place, weight in zip(places, weights, strict=True)]
    result: Floats = np.sum(parts, axis=0) / weights.sum()
    return result


def hopped_back(
    flips: Flips, volts: Floats, width_seconds: float | Floats, onset_volts: Floats, hertz: Floats
) -> Flips:
    """The ``flips`` of a spin-torque pulse of ``volts`` (N,), with hopping back out of the state that it favours.

    Beyond the onset a junction has left that state by the pulse's end with 1 - exp(-rate width), where the rate is
    hertz (|V|/onset - 1). Positive volts favour AP. The rule is a parametrisation, made up to grow with volts and
    width as measured back-hopping does; 0 ``hertz`` leave it out.
    """
    rate = hertz * np.maximum(np.abs(volts) / onset_volts - 1, 0.0)
    back = -np.expm1(-rate * width_seconds)
    towards_ap = volts > 0
    up = np.where(towards_ap, flips.up * (1 - back), flips.up + (1 - flips.up) * back)
    down = np.where(towards_ap, flips.down + (1 - flips.down) * back, flips.down * (1 - back))
    return Flips(up, down)
