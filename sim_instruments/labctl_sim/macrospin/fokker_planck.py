"""The macrospin's Fokker-Planck equation solved without sampling: exact references for engine, tables and rates.

W. F. Brown, Phys. Rev. 130, 1677 (1963): an ensemble of macrospins that obeys the stochastic Landau-Lifshitz-Gilbert
equation has the density W(m, t) on the unit sphere, with energy E = -kT u::

    u = Delta m_z^2 + xi . m                      Delta = K_eff V / kT,  xi = Ms V B / kT  (= 2 Delta B/B_k)

    2 tau_N dW/dt = lap W - div(W grad u) + (1/alpha) (m x grad u) . grad W

    tau_N = Ms V (1 + alpha^2) / (2 gamma alpha kT)

A damping-like torque of strength a (tesla, Gilbert form: dm/dt = -gamma m x (B + a m x z) + alpha m x dm/dt) along z
adds a/alpha to the field in the gradient term and -alpha a to the field in the precession term; it has no energy.

W is written in real spherical harmonics up to a degree; multiplication by m_x, m_y, m_z and rotation about an axis are
sparse matrices there, and with them (u of degree two, lap = -l(l+1))::

    div(W grad u) = (lap u W - u lap W + W lap u) / 2,     (m x grad u) . grad W = -(2 Delta m_z R_z + xi . R) W

The operators are cut after the products are taken, so that the only error is the degree: see `Sphere.for_barrier`.
Times are in units of tau_N throughout; a pulse is a row of pieces, each constant in time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.linalg import splu

from labctl.core.errors import ParameterError
from labctl_sim.macrospin.sphere import Sphere

Floats = NDArray[np.float64]
Vector = tuple[float, float, float]

REACH = 12.0  # 1-norm of (generator x step): terms stay below e^12 of the sum, so rounding stays below 1e-10
CONVERGED = 1e-14
RESOLVED = 1e-9  # an eigenvalue (in units of 1/tau_N) below this loses its third digit to rounding


def brown(sphere: Sphere, stability: float, field: Vector, damping: float, spin: float = 0.0) -> sp.csr_array:
    """G of dW/dt = G W, time in units of tau_N: (size, size) sparse, real, float64.

    ``stability`` is Delta (of either sign: above the critical voltage z is the hard axis), ``field`` is xi =
    Ms V B / kT, ``spin`` is Ms V a / kT.
    """
    if not damping > 0:
        raise ParameterError(f"a damping of {damping} was asked for, but it must be positive; try 0.001 ... 1")
    lap = sp.diags_array(-sphere.degrees * (sphere.degrees + 1))
    gradient = (field[0], field[1], field[2] + spin / damping)
    turning = (field[0], field[1], field[2] - spin * damping)
    square = sphere.mz @ sphere.mz
    linear = gradient[0] * sphere.mx + gradient[1] * sphere.my + gradient[2] * sphere.mz
    u = stability * square + linear
    curvature = -6 * stability * square - 2 * linear + 2 * stability * sp.eye_array(sphere.degrees.size)
    drift = (lap @ u - u @ lap + curvature) / 2
    precession = 2 * stability * (sphere.mz @ sphere.rz)
    precession = precession + turning[0] * sphere.rx + turning[1] * sphere.ry + turning[2] * sphere.rz
    whole = sp.csr_array((lap - drift - precession / damping) / 2)
    result = sp.csr_array(whole[: sphere.size, : sphere.size])
    result.data[: result.indptr[1]] = 0  # the total is conserved: without rounding, too
    result.eliminate_zeros()
    result.sort_indices()
    return result


def well(sphere: Sphere, stability: float, field: Vector, state: int = 0) -> Floats:
    """Boltzmann's law in one well, m_z > 0 (``state`` 0, P) or m_z < 0 (1, AP), total one: (size,)."""
    nodes, weights = np.polynomial.legendre.leggauss(2 * sphere.degree)
    heights = (nodes + 1) / 2 if state == 0 else (nodes - 1) / 2
    phi = np.arange(4 * sphere.degree) * (2 * np.pi / (4 * sphere.degree))
    across = np.sqrt(1 - heights**2)[:, None] * (field[0] * np.cos(phi) + field[1] * np.sin(phi))
    u = (stability * heights**2 + field[2] * heights)[:, None] + across
    density = np.exp(u - u.max())
    total = float((weights / 2) @ density.mean(axis=1)) * 2 * np.pi
    return sphere.project(density / total, heights, weights / 2)


def relax(generator: sp.csr_array, start: Floats, span: float) -> Floats:
    """exp(G t) applied to ``start`` (size,); ``span`` in units of tau_N."""
    _, end = observe(generator, start, start, np.array([span]))
    return end


def observe(generator: sp.csr_array, start: Floats, functional: Floats, times: ArrayLike) -> tuple[Floats, Floats]:
    """``functional`` . exp(G t) start at every one of ``times`` (T,), and the vector at the last: (T,), (size,).

    Taylor steps as long as rounding allows. The terms of a step are also the derivatives of the functional, so any
    number of times inside a step costs nothing: a whole row of pulse widths is one evolution to the longest.
    """
    wanted = np.asarray(times, dtype=np.float64)
    if wanted.size == 0 or not np.all(np.isfinite(wanted)) or wanted.min() < 0:
        raise ParameterError("times must be finite and not negative, and at least one; give widths in units of tau_N")
    span = float(wanted.max())
    size = float(abs(generator).sum(axis=0).max())
    steps = max(1, int(np.ceil(size * span / REACH)))
    step = span / steps
    result = np.empty(wanted.shape)
    which = np.minimum((wanted / step).astype(int), steps - 1) if step else np.zeros(wanted.shape, dtype=int)
    scaled = generator * step
    state = np.array(start, dtype=np.float64)
    for index in range(steps):
        term, total = state, state.copy()
        moments = [float(functional @ term)]
        for order in range(1, 200):
            term = (scaled @ term) / order
            total += term
            moments.append(float(functional @ term))
            if order > REACH / 2 and np.abs(term).max() < CONVERGED * np.abs(total).max():
                break
        here = which == index
        if here.any():
            part = (wanted[here] - index * step) / step if step else np.zeros(int(here.sum()))
            result[here] = np.polynomial.polynomial.polyval(part, moments)
        state = total
    return result, state


def switched(
    sphere: Sphere, before: Floats, pulse: sp.csr_array, widths: ArrayLike, after: sp.csr_array, settle: float
) -> Floats:
    """P(m_z < 0) after a pulse of each of ``widths`` and ``settle`` of the generator ``after``: float64, (widths,).

    ``before`` (size,) is the density as the pulse begins. The relaxation is done once, backwards, on the functional.
    """
    seen = relax(sp.csr_array(after.T), sphere.below(), settle)
    result, _ = observe(pulse, before, seen, widths)
    return result


def through(pieces: Sequence[tuple[sp.csr_array, float]], start: Floats) -> Floats:
    """The density after a row of (generator, time in units of tau_N): (size,)."""
    for generator, span in pieces:
        start = relax(generator, start, span)
    return start


def slowest(generator: sp.csr_array) -> float:
    """The smallest nonvanishing decay rate, in units of 1/tau_N: k(P -> AP) + k(AP -> P) where there is a barrier.

    Inverse iteration with the constant left out (W conserves its total, so the first row of G is zero).
    """
    inner = splu(sp.csc_array(-generator[1:, 1:]))
    vector = np.zeros(inner.shape[0])
    vector[1] = 1.0  # m_z
    rate = np.inf
    for _ in range(200):
        image = inner.solve(vector)
        found = float(vector @ image) / float(image @ image)
        vector = image / np.linalg.norm(image)
        if abs(found - rate) <= 1e-10 * abs(found):
            if found < RESOLVED:
                break
            return found
        rate = found
    raise ParameterError(
        f"no slow real decay above {RESOLVED:g} / tau_N was found (last {rate:.3g}): "
        "either the barrier is too high for this (use the escape rates), or there is none and the decay oscillates"
    )


def slowest_axial(stability: float, tilt: float = 0.0, degree: int = 0) -> float:
    """The same for a field along z only (``tilt`` = xi_z), where precession plays no part: dense, m = 0 alone."""
    top = degree or 20 + round(8 * abs(stability) ** 0.5 + abs(tilt) ** 0.5)
    ell = np.arange(top + 2.0)
    lower = ell[1:] / np.sqrt(4 * ell[1:] ** 2 - 1)
    z = np.diag(lower, 1) + np.diag(lower, -1)
    lap = np.diag(-ell * (ell + 1))
    u = stability * z @ z + tilt * z
    curvature = -6 * stability * z @ z - 2 * tilt * z + 2 * stability * np.eye(ell.size)
    whole = (lap - (lap @ u - u @ lap + curvature) / 2) / 2
    return float(np.min(-np.linalg.eigvals(whole[1 : top + 1, 1 : top + 1]).real))
