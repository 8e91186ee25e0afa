"""Escape over the barrier by heat: rates P -> AP and AP -> P from picoseconds to years, for many junctions at once.

Arguments are energies over kT, as in `fokker_planck`: ``stability`` Delta = K_eff V/kT (falls with the volts, may be
negative), ``transverse`` xi_x = Ms V B_x/kT and ``tilt`` xi_z = Ms V B_z/kT (neither depends on the volts; positive
tilt favours P, m_z > 0). With h = B_x/B_k = xi_x / 2 Delta the barrier without tilt is Delta (1 - h)^2, between wells
at sin(theta) = h and a saddle at theta = pi/2, phi = 0. Rates come from three factors::

    k(P -> AP) + k(AP -> P) = lambda_z  x  R(Delta, xi_x, alpha)        k(P -> AP)/k(AP -> P) = P(m_z<0)/P(m_z>0)

1. lambda_z: the slowest decay of diffusion along m_z alone, in the potential of mean force (azimuth averaged)::

       w(theta) = Delta cos^2 + xi_z cos + ln I0(xi_x sin),     2 tau_N dp/dt = d/dz (1 - z^2) (dp/dz - p dw/dz)

   by mean-first-passage quadrature (Brown, Phys. Rev. 130, 1677 (1963)) and Rayleigh's quotient. For a field along z
   that is the exact eigenvalue within 0.1 % from no barrier to 60 kT, 0.3 % at 120 kT.
2. R: what precession over the saddle adds. Langer's growth rate at the saddle over that without precession, times
   Mel'nikov's depopulation factor of two wells, as in Coffey, Garanin, McCarthy, Adv. Chem. Phys. 117, 483 (2001)
   [volume and page from memory, verify; derived again here, and checked against the exact eigenvalue]::

       c1 = -2 Delta (1 - h),  c2 = xi_x                        curvatures of -u at the saddle, along theta and phi
       rho = [-(c1 + c2) + sqrt((c1 - c2)^2 - 4 c1 c2/alpha^2)] / (2 |c1|)
       S = 16 Delta sqrt(h) (1 - h)^1.5 (1 - 2 h/3)             closed form of the action over the contour in one well
       R = rho A(alpha S)^2 / A(2 alpha S)
       A(x) = exp{(1/pi) int_0^inf ln[1 - exp(-x (y^2 + 1/4))]/(y^2 + 1/4) dy}

   It supposes a high barrier and a saddle narrow in phi: xi_x well above 1.
3. That R alone is within 12 % for barriers above 6 kT and xi_x above 2, but up to nine times too low for a weak
   transverse field and low damping, where the saddle is no longer a point but the whole equator. So R is multiplied
   by a correction, tabulated from exact eigenvalues (`escape_table`) over the barrier, xi_x and alpha sqrt(Delta).
   Near the top of a high barrier the equation depends on the last two only (and on h, which the formula knows), so the
   highest tabulated barrier serves above it.

Found against exact eigenvalues at random points off the grid (alpha 0.005 ... 1, xi_x 0.001 ... 40; rms and worst):
0.3 % and 2.4 % at barriers of 3 to 12 kT, 1.1 % and 7.5 % at 1 to 3 kT, 0.3 % and 1 % at 12 to 17 kT (beyond the
table, so this is what extrapolation costs); below 0.9 % up to 24 kT at alpha 0.05, xi_x 9.8. Higher ones are out of the
eigenvalue's reach: there the formula's limit is trusted. Up to alpha 20: 2 %; down to 0.002: 7 %. The table ignores
the tilt: at 3 to 12 kT a tilt below 1 kT costs 0.3 % (worst 1.1 %), below 3 kT 1.4 % (4.4 %), below 6 kT 4.5 % (16 %).
The ratio of the two rates is Boltzmann's for any tilt.

Where the barrier without tilt is below `LOWEST_BARRIER`, or gone (Delta falls, even below zero), the attempt rate is
the cap: the sum of the rates stays what it is at that lowest barrier, until plain relaxation, lambda_z, is faster. That
is continuous, and 1/tau_N at Delta = 0 without a field. With a transverse field m_z then rings, of which a rate knows
nothing; the cap is 0.4 to 1.3 times the decay of the ringing at alpha 0.05, xi_x 9.8, Delta -5 ... 5. Take
`fokker_planck` or trajectories there.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates, spline_filter
from scipy.special import i0e

from labctl.core.errors import ParameterError

Floats = NDArray[np.float64]

CELLS = 64  # of the polar angle; the slowest decay is good to 0.1 % up to Delta = 80
BLOCK = 256  # junctions at a time, so that the work stays in the cache
HIGHEST = 300.0  # of |Delta| and each xi
LONGEST = 300.0  # a barrier beyond this, in kT, counts as this: the square of exp() of it must stay within float64
LOWEST_BARRIER = 1.0
TABLE = "escape_correction.txt"
BARRIERS = np.geomspace(LOWEST_BARRIER, 12.0, 7)
FIELDS = np.geomspace(0.03, 48.0, 12)
DAMPINGS = np.geomspace(0.02, 3.0, 8)  # alpha sqrt(Delta)
MARGIN = 3  # points continued beyond each edge of the table
_GAUSS, _WEIGHTS = np.polynomial.legendre.leggauss(16)
SECANTS, WEIGHTS = 4 * np.cos(np.pi / 4 * (_GAUSS + 1)) ** 2, _WEIGHTS / 2  # for `depopulation`


@dataclass(frozen=True)
class Escape:
    """Escape rates by formula and table; ``filtered`` are the spline coefficients of the log correction."""

    filtered: Floats

    @classmethod
    def load(cls) -> Escape:
        """With the correction that comes with the package."""
        text = files("labctl_sim.macrospin").joinpath(TABLE).read_text(encoding="ascii")
        numbers = np.array([float(word) for line in text.splitlines() if line[:1] != "#" for word in line.split()])
        table = numbers.reshape(BARRIERS.size, FIELDS.size, DAMPINGS.size)
        # A spline assumes something beyond the edge; a straight continuation keeps the edge itself undisturbed.
        return cls(spline_filter(np.pad(table, MARGIN, mode="reflect", reflect_type="odd"), order=3, mode="nearest"))

    def rates(
        self,
        stability: ArrayLike,
        transverse: ArrayLike,
        tilt: ArrayLike,
        damping: ArrayLike,
        neel_seconds: ArrayLike,
    ) -> tuple[Floats, Floats]:
        """k(P -> AP) and k(AP -> P) in 1/s; the arguments broadcast, the results have their common shape."""
        given = np.broadcast_arrays(stability, transverse, tilt, damping, neel_seconds)
        shape = given[0].shape
        values = [np.ravel(value).astype(np.float64) for value in given]
        _check(*values)
        up, down = np.empty(values[0].size), np.empty(values[0].size)
        for begin in range(0, up.size, BLOCK):
            part = slice(begin, begin + BLOCK)
            delta, across, along, alpha, tau = (value[part] for value in values)
            decay, above, below = self._decay(delta, np.abs(across), along, alpha)
            up[part], down[part] = decay * below / tau, decay * above / tau
        return up.reshape(shape), down.reshape(shape)

    def _decay(
        self, stability: Floats, transverse: Floats, tilt: Floats, damping: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """k(P -> AP) + k(AP -> P) in units of 1/tau_N, P(m_z > 0), P(m_z < 0); transverse >= 0: (N,) each."""
        decay, above, below = axial(stability, transverse, tilt)
        lowest = stability_at(LOWEST_BARRIER, transverse)
        gone = stability < lowest
        total = decay * self.precession(np.maximum(stability, lowest), transverse, damping)
        if gone.any():
            held, _, _ = axial(lowest[gone], transverse[gone], tilt[gone])
            capped = held * self.precession(lowest[gone], transverse[gone], damping[gone])
            total[gone] = np.maximum(decay[gone], capped)
        return total, above, below

    def precession(self, stability: Floats, transverse: Floats, damping: Floats) -> Floats:
        """R of the module's text: formula times correction, (N,)."""
        weakest = FIELDS[0]
        across = np.maximum(transverse, weakest)
        delta = np.maximum(stability, stability_at(LOWEST_BARRIER, across))
        barrier = delta * (1 - across / (2 * delta)) ** 2
        scaled = damping * np.sqrt(delta)
        where = np.array([_position(barrier, BARRIERS), _position(across, FIELDS), _position(scaled, DAMPINGS)])
        known = map_coordinates(self.filtered, where, order=3, mode="nearest", prefilter=False)
        known *= np.minimum(1.0, DAMPINGS[-1] / scaled) ** 2  # beyond the table, precession stops to matter
        result = langer(delta, across, damping) * np.exp(known)
        # Weaker than the table's first field, precession over the saddle is a perturbation, even in the field.
        whole: Floats = 1 + (result - 1) * np.minimum(1.0, transverse / weakest) ** 2
        return whole


def axial(stability: Floats, transverse: Floats, tilt: Floats) -> tuple[Floats, Floats, Floats]:
    """lambda_z in units of 1/tau_N, and the equilibrium P(m_z > 0) and P(m_z < 0): (N,) each."""
    step = np.pi / CELLS
    half = CELLS // 2
    theta = np.arange(1, 2 * CELLS) * (step / 2)  # even places are the middles of cells, odd ones the faces between
    sin, cos = np.sin(theta), np.cos(theta)
    argument = transverse[:, None] * sin
    # Worked out with the tilt towards P, so that the larger population comes first and nothing cancels; then turned.
    w = argument + np.log(i0e(argument)) + stability[:, None] * cos**2 + np.abs(tilt)[:, None] * cos
    w -= w.max(axis=1, keepdims=True)
    mass = sin[::2] * np.exp(w[:, ::2])
    mass[:, [0, -1]] *= 11 / 12  # Euler-Maclaurin's end term: sin(theta) has a kink at the poles
    partition = mass.sum(axis=1)
    mass /= partition[:, None]
    resistance = np.exp(np.minimum(-w[:, 1::2], LONGEST)) / sin[1::2]
    major, minor = mass[:, :half].sum(axis=1), mass[:, half:].sum(axis=1)

    def passage(flux: Floats) -> Floats:
        """The mean-zero function whose gradient drives ``flux``, within a factor: it falls from P to AP."""
        result: Floats = np.zeros_like(mass)
        np.cumsum(-flux * resistance, axis=1, out=result[:, 1:])
        result /= -result[:, -1:]
        result -= (mass * result).sum(axis=1, keepdims=True)
        return result

    def flux_of(weight: Floats) -> Floats:
        """Its sums from the nearer pole up to each face: (N, faces)."""
        back = np.cumsum(weight[:, :half:-1], axis=1)[:, ::-1]
        return np.concatenate([np.cumsum(weight[:, :half], axis=1), -back], axis=1)

    # Begin with a step at the equator, of mean zero: minor above it and -major below it.
    step_up = np.where(np.arange(CELLS) < half, minor[:, None], -major[:, None])
    first = passage(flux_of(mass * step_up))
    flux = flux_of(mass * first)
    flux /= np.abs(flux).max(axis=1, keepdims=True)
    # Rayleigh's quotient <f, -L f> / <f, f> of f = L^-1 first, in which <f, -L f> is the sum of flux^2 x resistance.
    second = passage(flux)
    top = (flux * resistance).sum(axis=1)  # what `passage` divided by
    decay: Floats = (flux**2 * resistance).sum(axis=1) / top**2 / (mass * second**2).sum(axis=1)
    decay /= 2 * step**2 * partition
    return decay, np.where(tilt >= 0, major, minor), np.where(tilt >= 0, minor, major)


def langer(stability: Floats, transverse: Floats, damping: Floats) -> Floats:
    """rho A(alpha S)^2 / A(2 alpha S), for 0 < h < 1: (N,)."""
    h = transverse / (2 * stability)
    theta, phi = -2 * stability * (1 - h), transverse
    rho = (-(theta + phi) + np.sqrt((theta - phi) ** 2 - 4 * theta * phi / damping**2)) / (-2 * theta)
    loss = damping * 16 * stability * np.sqrt(h) * (1 - h) ** 1.5 * (1 - 2 * h / 3)
    result: Floats = rho * depopulation(loss) ** 2 / depopulation(2 * loss)
    return result


def depopulation(loss: Floats) -> Floats:
    """Mel'nikov's A(x): x for small x, 1 for large; same shape.

    With y = tan(t)/2 the integral is (2/pi) int_0^(pi/2) ln(1 - exp(-q)) dt, q = x / 4 cos^2 t. The part ln(q/(1+q)) is
    known in closed form; the rest is smooth and takes 16 nodes.
    """
    q = loss[..., None] / SECANTS
    smooth = np.log(-np.expm1(-q) * (1 + q) / q)
    closed = loss / ((np.sqrt(loss) + np.sqrt(loss + 4)) / 2) ** 2
    result: Floats = closed * np.exp(smooth @ WEIGHTS)
    return result


def stability_at(barrier: ArrayLike, transverse: ArrayLike) -> Floats:
    """The Delta with Delta (1 - h)^2 = ``barrier`` at this transverse field."""
    b, x = np.asarray(barrier, dtype=np.float64), np.asarray(transverse, dtype=np.float64)
    result: Floats = (x + b) / 2 + np.sqrt(b * x / 2 + b**2 / 4)
    return result


def _position(values: Floats, grid: Floats) -> Floats:
    """Where on a grid that is even in the logarithm, held at its ends, counted from the start of the margin."""
    span = (grid.size - 1) / np.log(grid[-1] / grid[0])
    result: Floats = np.clip(np.log(values / grid[0]) * span, 0, grid.size - 1) + MARGIN
    return result


def _check(stability: Floats, transverse: Floats, tilt: Floats, damping: Floats, neel_seconds: Floats) -> None:
    for name, values in (("stability", stability), ("transverse field", transverse), ("tilt", tilt)):
        if not np.all(np.abs(values) <= HIGHEST):
            raise ParameterError(f"a {name} beyond {HIGHEST:g} kT or not a number was asked for; check units and volts")
    for name, values in (("damping", damping), ("neel_seconds", neel_seconds)):
        if not np.all((values > 0) & np.isfinite(values)):
            raise ParameterError(f"a {name} that is not positive was asked for; give a finite value above zero")
