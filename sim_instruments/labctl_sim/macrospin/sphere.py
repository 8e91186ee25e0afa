"""Functions on the unit sphere as sums of real spherical harmonics, with what a macrospin needs done to them.

A function is its vector of (degree + 1)^2 coefficients, float64, ordered by l, then m = -l ... l: at l^2 + l + m. With
m > 0 goes sqrt2 cos(m phi), with m < 0 sqrt2 sin(|m| phi), without the Condon-Shortley sign. Multiplication by a
component of the unit vector changes l by one, rotation about an axis keeps it: both are sparse matrices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from labctl.core.errors import ParameterError

Floats = NDArray[np.float64]

LARGEST_DEGREE = 200  # 40,401 coefficients; a factorisation there takes about a second


@dataclass(frozen=True)
class Sphere:
    """Functions on the unit sphere up to ``degree``: a vector of (degree + 1)^2 coefficients, ordered by degree l.

    ``mx, my, mz`` multiply by a component of m, ``rx, ry, rz`` differentiate by the angle about an axis (m x grad), as
    sparse matrices one degree larger; ``degrees`` is l of each coefficient, float64.
    """

    degree: int
    mx: sp.csr_array
    my: sp.csr_array
    mz: sp.csr_array
    rx: sp.csr_array
    ry: sp.csr_array
    rz: sp.csr_array
    degrees: Floats

    @classmethod
    def of(cls, degree: int) -> Sphere:
        """The sphere up to ``degree``."""
        if not 2 <= degree <= LARGEST_DEGREE:
            raise ParameterError(
                f"a degree of {degree} was asked for, but it must lie in 2 ... {LARGEST_DEGREE}; "
                "lower the stability, or leave high barriers to the escape rates"
            )
        ell, m = _indices(degree + 1)
        lower = np.sqrt((ell**2 - m**2) / (4 * ell**2 - 1.0))  # of z Y_lm: the part in Y_(l-1)m
        size = ell.size
        low = np.flatnonzero(np.abs(m) < ell)
        down = sp.coo_array((lower[low], (low - 2 * ell[low].astype(int), low)), shape=(size, size)).tocsr()
        z = (down + down.T).tocsr()
        raised = np.flatnonzero(m < ell)
        plus = sp.coo_array(
            (np.sqrt(ell * (ell + 1) - m * (m + 1))[raised], (raised + 1, raised)), shape=(size, size)
        ).tocsr()
        about_x, about_y, about_z = (
            (plus + plus.T) / 2,
            (plus - plus.T) / 2j,
            sp.diags_array(m.astype(np.complex128)).tocsr(),
        )
        # [L_x, z] = -i y and [L_y, z] = i x; the generators of rotation keep l, so these hold after the cut too.
        x, y = -1j * (about_y @ z - z @ about_y), 1j * (about_x @ z - z @ about_x)
        real = _real_basis(ell, m)

        def turned(matrix: sp.csr_array) -> sp.csr_array:
            result = sp.csr_array((real.conj().T @ matrix @ real).real)
            result.eliminate_zeros()
            return result

        return cls(
            degree,
            turned(x),
            turned(y),
            turned(z),
            turned(1j * about_x),
            turned(1j * about_y),
            turned(1j * about_z),
            ell,
        )

    @classmethod
    def for_barrier(cls, stability: float) -> Sphere:
        """A degree that resolves Boltzmann's law at this Delta: its coefficients fall as exp(-ell^2 / 4 Delta).

        12 + 6 sqrt(Delta) leaves 1e-5 of the largest coefficient; probabilities are good to 1e-4 (tested).
        """
        return cls.of(min(LARGEST_DEGREE, 12 + round(6 * abs(stability) ** 0.5)))

    @property
    def size(self) -> int:
        """How many coefficients: (degree + 1)^2."""
        return (self.degree + 1) ** 2

    def project(self, density: ArrayLike, heights: Floats, weights: Floats) -> Floats:
        """Coefficients (size,) of a function given on a grid.

        ``density`` is float64 (Z, A): at ``heights`` m_z (Z,) with quadrature ``weights`` (Z,), and A > 2 degree
        azimuths, evenly from 0.
        """
        values = np.asarray(density, dtype=np.float64)
        azimuths = values.shape[1]
        waves = np.fft.rfft(values, axis=1) * (2 * np.pi / azimuths)
        result = np.zeros(self.size)
        for m in range(self.degree + 1):
            parts = (legendre(heights, m, self.degree) * weights) @ waves[:, m]
            ell = np.arange(m, self.degree + 1)
            scale = 1.0 if m == 0 else np.sqrt(2.0)
            result[ell * ell + ell + m] = scale * parts.real
            if m:
                result[ell * ell + ell - m] = -scale * parts.imag
        return result

    def point(self, state: int = 0) -> Floats:
        """All spins exactly up (``state`` 0, P) or down (1, AP): (size,); smooth only after some evolution."""
        ell = np.arange(self.degree + 1)
        result = np.zeros(self.size)
        result[ell * ell + ell] = np.sqrt((2 * ell + 1) / (4 * np.pi)) * (1.0 if state == 0 else (-1.0) ** ell)
        return result

    def below(self) -> Floats:
        """The functional (size,) whose product with W is P(m_z < 0)."""
        ell = np.arange(self.degree + 1)
        heights, weights = np.polynomial.legendre.leggauss(self.degree + 2)
        result = np.zeros(self.size)
        result[ell * ell + ell] = legendre((heights - 1) / 2, 0, self.degree) @ (weights / 2) * 2 * np.pi
        return result


def _indices(degree: int) -> tuple[Floats, Floats]:
    ell = np.repeat(np.arange(degree + 1), 2 * np.arange(degree + 1) + 1)
    m = np.arange(ell.size) - ell * ell - ell
    return ell.astype(np.float64), m.astype(np.float64)


def _real_basis(ell: Floats, m: Floats) -> sp.csr_array:
    """Columns: the real harmonics in terms of the complex ones; sqrt2 cos(m phi) at +m, sqrt2 sin(m phi) at -m."""
    here = np.arange(ell.size)
    mirror = here - 2 * m.astype(int)
    sign = (-1.0) ** np.abs(m)
    cos, sin, flat = here[m > 0], here[m < 0], here[m == 0]
    half = np.sqrt(0.5)
    rows = np.concatenate([flat, cos, mirror[cos], mirror[sin], sin])
    cols = np.concatenate([flat, cos, cos, sin, sin])
    ones = np.ones(cos.size)
    data = np.concatenate([np.ones(flat.size), half * sign[cos], half * ones, -1j * half * sign[sin], 1j * half * ones])
    return sp.coo_array((data, (rows, cols)), shape=(ell.size, ell.size)).tocsr()


def legendre(heights: Floats, m: int, degree: int) -> Floats:
    """Normalised associated Legendre functions without the Condon-Shortley sign: (degree - m + 1, Z)."""
    first = np.full(heights.shape, np.sqrt(1 / (4 * np.pi)))
    for k in range(1, m + 1):
        first = first * np.sqrt((2 * k + 1) / (2 * k)) * np.sqrt(1 - heights**2)
    rows = [np.zeros_like(first), first]
    for ell in range(m + 1, degree + 1):
        a = np.sqrt((4 * ell * ell - 1) / (ell * ell - m * m))
        b = np.sqrt(((ell - 1) ** 2 - m * m) / (4 * (ell - 1) ** 2 - 1))
        rows.append(a * (heights * rows[-1] - b * rows[-2]))
    return np.array(rows[1:])
