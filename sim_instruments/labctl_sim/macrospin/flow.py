"""The generators of a junction's Fokker-Planck equation, put together quickly, and a density carried along by them.

What belongs to the junction at rest (Boltzmann's law in either well, and the question which of them a density will end
in) is kept: the columns of one junction at many voltages share it. Where a symmetry leaves part of the harmonics out of
play, they are left out: without a transverse field all but those about z; where nothing tells the wells apart, those
that a half turn about the field does not change.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

from labctl.core.errors import ParameterError
from labctl_sim.macrospin.fokker_planck import brown, well
from labctl_sim.macrospin.sphere import Sphere

Floats = NDArray[np.float64]
Symmetry = Literal["none", "axis", "wells"]

# The 1-norm of (generator x step): Taylor's four terms are stable to 2.8 of the spectral radius, 0.8 of the norm.
STABLE = 3.0
TURN = 0.12  # and no step turns a spin by more than this many radians about the transverse field
SHRINK, SMALL, LARGE = 0.88, 1e-7, 1e-5  # of the degree; of the largest coefficient in its upper part


@dataclass(frozen=True)
class Flow:
    """Generators on the harmonics ``kept`` int64 (n,) up to ``degree``, as sums of a few on one pattern of elements."""

    degree: int
    symmetry: Symmetry
    kept: NDArray[np.int64]
    pattern: sp.csr_array
    parts: Floats  # (7, nonzero): nothing, Delta, xi_x, xi_z of the drift, the same three of the precession

    @staticmethod
    @lru_cache(maxsize=16)
    def of(degree: int, symmetry: Symmetry) -> Flow:
        """The generators of all junctions with this symmetry."""
        sphere, kept = _sphere(degree), _kept(degree, symmetry)

        def plain(stability: float, across: float, along: float, damping: float) -> sp.csr_array:
            return brown(sphere, stability, (across, 0.0, along), damping)[kept][:, kept]

        # brown() is drift + precession/damping: so two dampings tell them apart.
        still = plain(0.0, 0.0, 0.0, 1.0)
        numbers = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
        both = [[plain(*each, damping) - still for damping in (1.0, 2.0)] for each in numbers]
        each = [still, *(2 * half - one for one, half in both), *(2 * (one - half) for one, half in both)]
        pattern = sp.csr_array(sum((abs(one) for one in each), start=0 * still))
        pattern.sort_indices()
        parts = np.zeros((len(each), pattern.nnz))
        for row, one in zip(parts, each, strict=True):
            row[np.searchsorted(_places(pattern), _places(one))] = sp.coo_array(one).data
        return Flow(degree, symmetry, kept, pattern, parts)

    def generator(
        self, damping: float, stability: float, transverse: float, tilt: float, spin: float = 0.0
    ) -> sp.csr_array:
        """dW/dt = generator @ W, for numbers that have the symmetry."""
        result = self.pattern.copy()
        gradient, turning = tilt + spin / damping, tilt - spin * damping
        numbers = [1.0, stability, transverse, gradient, stability / damping, transverse / damping, turning / damping]
        result.data = np.array(numbers) @ self.parts
        return result

    def wells(self, stability: float, transverse: float, tilt: float) -> Floats:
        """Boltzmann's law in P and in AP at rest, (2, n)."""
        return _wells(self.degree, stability, transverse, tilt)[:, self.kept]

    def question(self, damping: float, stability: float, transverse: float, tilt: float) -> tuple[Floats, float]:
        """(seen (n,), offset): a density W ends in AP with the chance seen . W + offset, left to itself at rest.

        It is the slow left eigenvector, scaled to 0 and 1 in the two wells.
        """
        return _question(self.degree, self.symmetry, damping, stability, transverse, tilt)

    def carry(
        self, generator: sp.csr_array, state: Floats, span: float, unit: float, degree: int
    ) -> tuple[Floats, int]:
        """``state`` (k, n) after ``span`` tau_N, with the degree that it then needs."""
        matrix, state = self._cut(generator, state, degree)
        return self._adapted(steps(matrix, state, span, unit), degree)

    def sample(
        self, generator: sp.csr_array, state: Floats, span: float, count: int, seen: Floats, unit: float, degree: int
    ) -> tuple[list[Floats], Floats, int]:
        """``seen`` . state after each of ``count`` times ``span``: [(k,)], with the last state and its degree."""
        matrix, state = self._cut(generator, state, degree)
        answers = []
        for _ in range(count):
            state = steps(matrix, state, span, unit)
            answers.append(state @ seen[: state.shape[1]])
        state, degree = self._adapted(state, degree)
        return answers, state, degree

    def _size(self, degree: int) -> int:
        return int(np.searchsorted(self.kept, (degree + 1) ** 2))

    def _cut(self, generator: sp.csr_array, state: Floats, degree: int) -> tuple[sp.csr_array, Floats]:
        size = self._size(degree)
        if state.shape[1] < size:
            state = np.concatenate([state, np.zeros((len(state), size - state.shape[1]))], axis=1)
        return generator[:size, :size] if size < generator.shape[0] else generator, state[:, :size]

    def _adapted(self, state: Floats, degree: int) -> tuple[Floats, int]:
        """Fewer coefficients where the upper ones are nothing, more where they are not: the density grows smooth."""
        edge = int(SHRINK * degree)
        size = self._size(edge)
        upper = float(np.abs(state[:, size:]).max()) / float(np.abs(state).max())
        if upper < SMALL and degree > 12:
            return state[:, :size], edge
        if upper > LARGE and degree < self.degree:
            return state, min(self.degree, int(degree / SHRINK) + 1)
        return state, degree


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


def _places(matrix: sp.csr_array) -> NDArray[np.int64]:
    """Where the elements are, one number each, in the order in which a sorted matrix holds them."""
    some = sp.coo_array(matrix)
    result: NDArray[np.int64] = some.row.astype(np.int64) * matrix.shape[1] + some.col
    return result


_sphere = lru_cache(maxsize=8)(Sphere.of)


def _kept(degree: int, symmetry: Symmetry) -> NDArray[np.int64]:
    """The harmonics in play; but for "wells", that of degree 0 is one of them, which holds the total."""
    index = np.arange((degree + 1) ** 2)
    ell = np.floor(np.sqrt(index + 0.5)).astype(np.int64)
    m = index - ell * ell - ell
    played = {
        "none": np.ones(m.size, bool),
        "axis": m == 0,
        "wells": ((ell + np.abs(m)) % 2 == 1) == (m >= 0),  # a half turn about x: phi to -phi, m_z to -m_z
    }
    return np.flatnonzero(played[symmetry])


@lru_cache(maxsize=32)
def _wells(degree: int, stability: float, transverse: float, tilt: float) -> Floats:
    sphere, field = _sphere(degree), (transverse, 0.0, tilt)
    up = well(sphere, stability, field, 0)
    if tilt:
        return np.stack([up, well(sphere, stability, field, 1)])
    # Mirrored in the plane, a harmonic changes its sign with l + m.
    index = np.arange(sphere.size)
    ell = np.floor(np.sqrt(index + 0.5)).astype(np.int64)
    return np.stack([up, up * (1 - 2 * ((index - ell * ell) % 2))])


@lru_cache(maxsize=64)
def _question(
    degree: int, symmetry: Symmetry, damping: float, stability: float, transverse: float, tilt: float
) -> tuple[Floats, float]:
    flow = Flow.of(degree, symmetry)
    apart = flow.kept > 0  # the total, which stays
    rest = flow.generator(damping, stability, transverse, tilt)[apart][:, apart]
    solve = splu(sp.csc_array(rest.T))
    start: Floats = (flow.kept[apart] == 2).astype(np.float64)  # m_z
    vector = start
    for _ in range(60):
        before = vector
        vector = solve.solve(vector)
        vector /= np.abs(vector).max() * np.sign(vector @ start)
        if np.abs(vector - before).max() < 1e-11:
            break
    seen = np.zeros(flow.kept.size)
    seen[apart] = vector
    up, down = flow.wells(stability, transverse, tilt) @ seen
    if not abs(up - down) > 1e-6:
        raise ParameterError(
            f"at Delta = {stability:.3g} and xi_x = {transverse:.3g} the junction has no two states at "
            "rest; take a higher stability or a weaker in-plane field"
        )
    return seen / (down - up), float(-up / (down - up))
