"""The generators of a junction's Fokker-Planck equation, put together quickly, and a density carried along by them.

What belongs to the junction at rest (Boltzmann's law in either well, and the question which of them a density will end
in) is kept: the columns of one junction at many voltages share it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

from labctl.core.errors import ParameterError
from labctl_sim.macrospin.fokker_planck import brown, well
from labctl_sim.macrospin.sphere import Sphere

Floats = NDArray[np.float64]

# The 1-norm of (generator x step): Taylor's four terms are stable to 2.8 of the spectral radius, 0.8 of the norm.
STABLE = 3.0
TURN = 0.12  # and no step turns a spin by more than this many radians about the transverse field
SHRINK, SMALL, LARGE = 0.88, 1e-7, 1e-5  # of the degree; of the largest coefficient in its upper part


@dataclass(frozen=True)
class Flow:
    """Generators of one degree and damping as sums of a few, on one pattern of nonzero elements."""

    sphere: Sphere
    damping: float
    pattern: sp.csr_array
    parts: Floats  # (5, nonzero): nothing, Delta, xi_x, xi_z, spin

    @staticmethod
    @lru_cache(maxsize=16)
    def of(degree: int, damping: float) -> Flow:
        """The generators for a degree and a damping."""
        sphere = Sphere.of(degree)
        plain = brown(sphere, 0.0, (0.0, 0.0, 0.0), damping)
        each = [
            plain,
            brown(sphere, 1.0, (0.0, 0.0, 0.0), damping) - plain,
            brown(sphere, 0.0, (1.0, 0.0, 0.0), damping) - plain,
            brown(sphere, 0.0, (0.0, 0.0, 1.0), damping) - plain,
            brown(sphere, 0.0, (0.0, 0.0, 0.0), damping, 1.0) - plain,
        ]
        pattern = abs(each[0])
        for one in each[1:]:
            pattern = sp.csr_array(pattern + abs(one))
        pattern.sort_indices()
        place = pattern.copy()
        place.data = np.arange(1.0, pattern.nnz + 1)
        parts = np.zeros((len(each), pattern.nnz))
        for row, one in zip(parts, each, strict=True):
            coo = sp.coo_array(one)
            row[np.asarray(place[coo.row, coo.col], np.int64).ravel() - 1] = coo.data
        return Flow(sphere, damping, pattern, parts)

    def generator(self, stability: float, transverse: float, tilt: float, spin: float = 0.0) -> sp.csr_array:
        """dW/dt = generator @ W."""
        result = self.pattern.copy()
        result.data = np.array([1.0, stability, transverse, tilt, spin]) @ self.parts
        return result

    def wells(self, stability: float, transverse: float, tilt: float) -> Floats:
        """Boltzmann's law in P and in AP at rest, (2, size)."""
        return _wells(self.sphere.degree, stability, transverse, tilt)

    def question(self, stability: float, transverse: float, tilt: float) -> Floats:
        """The functional (size,) that says with what chance a density ends in AP, left to itself at rest."""
        return _question(self.sphere.degree, self.damping, stability, transverse, tilt)

    def carry(
        self, generator: sp.csr_array, state: Floats, span: float, unit: float, degree: int
    ) -> tuple[Floats, int]:
        """``state`` (k, size) after ``span`` tau_N, with the degree that it then needs."""
        matrix, state = self._cut(generator, state, degree)
        return _adapted(steps(matrix, state, span, unit), degree, self.sphere.degree)

    def sample(
        self, generator: sp.csr_array, state: Floats, span: float, count: int, seen: Floats, unit: float, degree: int
    ) -> tuple[list[Floats], Floats, int]:
        """``seen`` . state after each of ``count`` times ``span``: [(k,)], with the last state and its degree."""
        matrix, state = self._cut(generator, state, degree)
        answers = []
        for _ in range(count):
            state = steps(matrix, state, span, unit)
            answers.append(state @ seen[: state.shape[1]])
        state, degree = _adapted(state, degree, self.sphere.degree)
        return answers, state, degree

    def _cut(self, generator: sp.csr_array, state: Floats, degree: int) -> tuple[sp.csr_array, Floats]:
        size = (degree + 1) ** 2
        if state.shape[1] < size:
            state = np.concatenate([state, np.zeros((len(state), size - state.shape[1]))], axis=1)
        return generator[:size, :size] if size < generator.shape[0] else generator, state[:, :size]


def steps(matrix: sp.csr_array, state: Floats, span: float, unit: float) -> Floats:
    """Taylor's series to the fourth order, in equal steps as long as they are stable and accurate."""
    if span <= 0:
        return state
    norm = float(np.bincount(matrix.indices, np.abs(matrix.data)).max())
    count = max(1, int(np.ceil(max(norm * span / STABLE, span / unit / TURN))))
    scaled = matrix * (span / count)
    result = np.empty(state.shape)
    for row, start in enumerate(state):  # one by one: SciPy takes longer for two at a time
        total = start
        for _ in range(count):
            term = total
            for order in (1, 2, 3, 4):
                term = (scaled @ term) / order
                total = total + term
        result[row] = total
    return result


def _adapted(state: Floats, degree: int, full: int) -> tuple[Floats, int]:
    """Fewer coefficients where the upper ones are nothing, more where they are not: the density grows smooth."""
    edge = int(SHRINK * degree) + 1
    upper = float(np.abs(state[:, edge**2 :]).max()) / float(np.abs(state).max())
    if upper < SMALL and degree > 12:
        return state[:, : edge**2], edge - 1
    if upper > LARGE and degree < full:
        return state, min(full, int(degree / SHRINK) + 1)
    return state, degree


@lru_cache(maxsize=32)
def _wells(degree: int, stability: float, transverse: float, tilt: float) -> Floats:
    sphere, field = Sphere.of(degree), (transverse, 0.0, tilt)
    up = well(sphere, stability, field, 0)
    if tilt:
        return np.stack([up, well(sphere, stability, field, 1)])
    # Mirrored in the plane, a harmonic changes its sign with l + m.
    index = np.arange(sphere.size)
    ell = np.floor(np.sqrt(index + 0.5)).astype(np.int64)
    return np.stack([up, up * (1 - 2 * ((index - ell * ell) % 2))])


@lru_cache(maxsize=64)
def _question(degree: int, damping: float, stability: float, transverse: float, tilt: float) -> Floats:
    rest = sp.csc_array(Flow.of(degree, damping).generator(stability, transverse, tilt)[1:, 1:])
    solve = splu(rest.T.tocsc())
    vector = np.zeros(rest.shape[0])
    vector[1] = 1.0  # m_z
    for _ in range(60):
        before = vector
        vector = solve.solve(vector)
        vector /= np.abs(vector).max() * np.sign(vector[1])
        if np.abs(vector - before).max() < 1e-11:
            break
    seen = np.concatenate([[0.0], vector])
    up, down = _wells(degree, stability, transverse, tilt) @ seen
    if not abs(up - down) > 1e-6:
        raise ParameterError(
            f"at Delta = {stability:.3g} and xi_x = {transverse:.3g} the junction has no two states at "
            "rest; take a higher stability or a weaker in-plane field"
        )
    seen /= down - up
    seen[0] -= up / (down - up) * np.sqrt(4 * np.pi)
    return seen
