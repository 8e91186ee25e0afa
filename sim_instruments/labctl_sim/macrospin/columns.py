"""Columns of the switching table: P(flip) of one junction at one pulse voltage against every width, without sampling.

A column is a pure function of a `Point`: the Fokker-Planck equation of the macrospin (`fokker_planck`) is carried from
Boltzmann's law in one well through the leading edge and along the top of the pulse, and at every width it is asked
which well it will fall into. That question is carried backwards, once, from the end of the trailing edge, where it is
the slow left eigenvector of the resting junction. Normalised to 0 and 1 in the two wells it is an exact reduction to
two states: no pulse is no flip, what comes after the pulse is left to escape rates, and a pulse that forgets its past
leaves equilibrium. It stands for a junction that is left alone for some tau_N/Delta (a nanosecond or two).

Edges are staircases, as `labctl_sim.pulse_shape` makes them. Times are angles of precession: t in units of `unit`.
The top is followed until the ringing is over; beyond, 1 - up - down decays exponentially, as that of two states does.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

from labctl.core.errors import ParameterError
from labctl_sim.macrospin.fokker_planck import brown, well
from labctl_sim.macrospin.sphere import Sphere

Floats = NDArray[np.float64]

VERSION = 1  # part of every key: raise it when the numbers change
STABLE = (
    3.0  # the 1-norm of (generator x step): Taylor's four terms are stable to 2.8 of the spectral radius, 0.8 of it
)
TURN = 0.12  # and no step turns a spin by more than this many radians about the transverse field
CHUNK = 8  # samples between two looks at the degree
SHRINK, SMALL, LARGE = 0.88, 1e-7, 1e-5  # of the degree; of the largest coefficient in its upper part
PER_TURN = 40  # samples of a column per turn of the fastest precession
LONGEST_TURNS, MOST_SAMPLES = 200, 12_000
FORGOTTEN = 3e-4  # of 1 - up - down
RINGS = 5.0  # over the damping: radians before a tail may begin, for flat is also what has not begun
Stairs = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Point:
    """One junction under one shape of pulse, in units of kT and of angles of precession.

    At rest: ``stability``, ``transverse``, ``tilt``, ``damping``. At the top: Delta is lower by ``drop``, the torque is
    ``spin``, xi_z is ``lean`` higher. ``unit`` is one radian of precession in units of tau_N. ``leading`` and
    ``trailing`` are stairs (part of the way to the top, angle); of ``lean`` they take the same part.
    """

    stability: float
    transverse: float
    tilt: float
    damping: float
    drop: float
    spin: float
    lean: float
    unit: float
    leading: Stairs
    trailing: Stairs

    @property
    def sample_angle(self) -> float:
        """The finest angle that a column of this point needs to be known at."""
        fast = 2 * abs(self.stability - self.drop) * self.unit / (2 * self.damping)
        return 2 * np.pi / PER_TURN / float(np.sqrt(1 + min(fast, 30.0)))

    def key(self) -> str:
        """The point in words, the same on every machine."""
        numbers = [f"{value:.9g}" for value in astuple(self)[:8]]
        stairs = [f"{a:.9g}:{b:.9g}" for side in (self.leading, self.trailing) for a, b in side]
        return " ".join([f"v{VERSION}", *numbers, str(len(self.leading)), *stairs])


@dataclass(frozen=True)
class Column:
    """``chance`` float64 (2, S): P(P -> AP) and P(AP -> P) at angles 0, step, 2 step, ... of the top.

    Beyond the last, 1 - up - down falls by exp(-``rate``) per radian.
    """

    chance: Floats
    step: float
    rate: float


def column(point: Point, fixed: bool = False, angles: tuple[float, int] | None = None) -> Column:
    """The column of ``point``: as long as it needs, at angle 0 alone (``fixed``), or at (step, how many) ``angles``."""
    flow = Flow.of(_degree(point), point.damping)
    seen, starts = flow.question(point), flow.wells(point)
    for part, angle in reversed(point.trailing):
        turned = sp.csr_array(flow.generator(point, part).T)
        seen = _steps(turned, seen[None, :], angle * point.unit, point)[0]
    # A half turn about the field exchanges the wells; where nothing tells them apart, one start is enough.
    alike = point.tilt == 0 and point.spin == 0 and point.lean == 0
    state = starts[:1] if alike else starts
    degree = flow.sphere.degree
    for part, angle in point.leading:
        state, degree = flow.carry(flow.generator(point, part), state, angle * point.unit, point, degree)
    answers = [state @ seen[: state.shape[1]]]
    step, count = angles or (point.sample_angle, 1 if fixed else MOST_SAMPLES)
    turn = max(4, round(2 * np.pi / step))
    top = flow.generator(point, 1.0)
    rate, wait = 0.0, RINGS / point.damping
    while len(answers) < count:
        more, state, degree = flow.sample(
            top, state, step * point.unit, min(CHUNK, count - len(answers)), seen, point, degree
        )
        answers += more
        if angles is None and len(answers) > 2 * turn and (rate := _finished(np.array(answers), turn, step, wait)) > 0:
            break
        if angles is None and len(answers) * step > 2 * np.pi * LONGEST_TURNS:
            break
    if rate <= 0 and len(answers) > 2 * turn:
        rate = _finished(np.array(answers), turn, step, wait) or _envelope(np.array(answers), turn, step)
    up = np.array(answers)[:, 0]
    chance = np.stack([up, up if alike else 1 - np.array(answers)[:, 1]])
    return Column(np.clip(chance, 0.0, 1.0), float(step), float(rate))


def _finished(answers: Floats, turn: int, step: float, wait: float) -> float:
    """The rate of the tail if the last turn of ``answers`` (S, 1 or 2) is a pure exponential, or nothing; else 0."""
    left = _left(answers[-turn:])
    if np.abs(left).max() < FORGOTTEN:
        return 1.0
    if left.min() <= 0 or len(answers) * step < wait:
        return 0.0
    rate = float(np.log(left[0] / left[-1])) / (step * (turn - 1))
    straight = left[0] * np.exp(-rate * step * np.arange(turn))
    return max(rate, 1e-12) if rate > -1e-9 and np.abs(left - straight).max() < FORGOTTEN / 3 else 0.0


def _left(answers: Floats) -> Floats:
    """1 - up - down: what remains of the past."""
    result: Floats = 1 - 2 * answers[:, 0] if answers.shape[1] == 1 else answers[:, 1] - answers[:, 0]
    return result


def _envelope(answers: Floats, turn: int, step: float) -> float:
    left = np.abs(_left(answers))
    return max(1e-12, float(np.log(left[-2 * turn : -turn].max() / max(left[-turn:].max(), 1e-300))) / (turn * step))


def _degree(point: Point) -> int:
    """As `Sphere.for_barrier`, for the sharper of the laws at rest and at the top."""
    return min(150, 12 + math.ceil(6 * math.sqrt(max(point.stability, abs(point.stability - point.drop) / 2))))


@dataclass(frozen=True)
class Flow:
    """Generators of one degree and damping as sums of a few, on one pattern of nonzero elements."""

    sphere: Sphere
    damping: float
    pattern: sp.csr_array
    parts: Floats  # (5, nonzero): nothing, Delta, xi_x, xi_z, spin

    @staticmethod
    @lru_cache(maxsize=8)
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

    def generator(self, point: Point, part: float) -> sp.csr_array:
        """dW/dt at ``part`` of the way to the top."""
        numbers = np.array(
            [
                1.0,
                point.stability - part * point.drop,
                point.transverse,
                point.tilt + part * point.lean,
                part * point.spin,
            ]
        )
        result = self.pattern.copy()
        result.data = numbers @ self.parts
        return result

    def wells(self, point: Point) -> Floats:
        """Boltzmann's law in P and in AP at rest, (2, size)."""
        field = (point.transverse, 0.0, point.tilt)
        return np.stack([well(self.sphere, point.stability, field, state) for state in (0, 1)])

    def question(self, point: Point) -> Floats:
        """The functional (size,) that says with what chance a density ends in AP, left to itself at rest."""
        rest = sp.csc_array(self.generator(point, 0.0)[1:, 1:])
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
        up, down = self.wells(point) @ seen
        if not abs(up - down) > 1e-6:
            raise ParameterError(
                f"at Delta = {point.stability:.3g} and xi_x = {point.transverse:.3g} the junction has no two states at "
                "rest; take a higher stability or a weaker in-plane field"
            )
        seen /= down - up
        seen[0] -= up / (down - up) * np.sqrt(4 * np.pi)
        return seen

    def carry(
        self, generator: sp.csr_array, state: Floats, span: float, point: Point, degree: int
    ) -> tuple[Floats, int]:
        """``state`` (k, size) after ``span`` tau_N, with the degree that it then needs."""
        matrix, state = self._cut(generator, state, degree)
        return _adapted(_steps(matrix, state, span, point), degree, self.sphere.degree)

    def sample(
        self, generator: sp.csr_array, state: Floats, span: float, count: int, seen: Floats, point: Point, degree: int
    ) -> tuple[list[Floats], Floats, int]:
        """``seen`` . state after each of ``count`` times ``span``: [(k,)], with the last state and its degree."""
        matrix, state = self._cut(generator, state, degree)
        answers = []
        for _ in range(count):
            state = _steps(matrix, state, span, point)
            answers.append(state @ seen[: state.shape[1]])
        state, degree = _adapted(state, degree, self.sphere.degree)
        return answers, state, degree

    def _cut(self, generator: sp.csr_array, state: Floats, degree: int) -> tuple[sp.csr_array, Floats]:
        size = (degree + 1) ** 2
        if state.shape[1] < size:
            state = np.concatenate([state, np.zeros((len(state), size - state.shape[1]))], axis=1)
        return generator[:size, :size] if size < generator.shape[0] else generator, state[:, :size]


def _steps(matrix: sp.csr_array, state: Floats, span: float, point: Point) -> Floats:
    """Taylor's series to the fourth order, in equal steps as long as they are stable and accurate."""
    if span <= 0:
        return state
    norm = float(np.bincount(matrix.indices, np.abs(matrix.data)).max())
    count = max(1, int(np.ceil(max(norm * span / STABLE, span / point.unit / TURN))))
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


def pack(some: Column) -> dict[str, NDArray[Any]]:
    """A column as arrays, to be stored."""
    return {"chance": some.chance.astype(np.float32), "numbers": np.array([some.step, some.rate])}


def unpack(stored: dict[str, NDArray[Any]]) -> Column:
    """The column that `pack` made; ValueError or KeyError if it is not one."""
    chance, numbers = np.asarray(stored["chance"], np.float64), np.asarray(stored["numbers"], np.float64)
    whole = np.concatenate([chance.ravel(), numbers.ravel()])
    if (
        chance.ndim != 2
        or len(chance) != 2
        or chance.size == 0
        or numbers.shape != (2,)
        or not np.isfinite(whole).all()
    ):
        raise ValueError("not a column")
    if chance.min() < 0 or chance.max() > 1 or not numbers[0] > 0 or numbers[1] < 0:
        raise ValueError("not a column of probabilities")
    return Column(chance, float(numbers[0]), float(numbers[1]))
