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
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from labctl_sim.macrospin.flow import Flow, steps

Floats = NDArray[np.float64]

VERSION = 2  # part of every key: raise it when the numbers change
CHUNK = 8  # samples between two looks at the degree
PER_TURN = 40  # samples of a column per turn of the fastest precession
LONGEST_TURNS, MOST_SAMPLES = 200, 12_000
FORGOTTEN = 3e-4  # of 1 - up - down
FINEST = 2.0**18  # of a stored chance: its steps
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

    def at(self, part: float) -> tuple[float, float, float, float]:
        """Delta, xi_x, xi_z and spin at ``part`` of the way to the top."""
        return self.stability - part * self.drop, self.transverse, self.tilt + part * self.lean, part * self.spin

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
    # A half turn about the field exchanges the wells; where nothing tells them apart, one start is enough.
    alike = point.tilt == 0 and point.spin == 0 and point.lean == 0
    flow = Flow.of(_degree(point), "axis" if point.transverse == 0 else "wells" if alike else "none")
    rest = (point.stability, point.transverse, point.tilt)
    (seen, offset), starts = flow.question(point.damping, *rest), flow.wells(*rest)
    for part, angle in reversed(point.trailing):
        turned = sp.csr_array(flow.generator(point.damping, *point.at(part)).T)
        seen = steps(turned, seen[None, :], angle * point.unit, point.unit)[0]
    state = starts[:1] if alike else starts
    degree = flow.degree
    for part, angle in point.leading:
        generator = flow.generator(point.damping, *point.at(part))
        state, degree = flow.carry(generator, state, angle * point.unit, point.unit, degree)
    answers = [state @ seen[: state.shape[1]] + offset]
    step, count = angles or (point.sample_angle, 1 if fixed else MOST_SAMPLES)
    turn = max(4, round(2 * np.pi / step))
    top = flow.generator(point.damping, *point.at(1.0))
    rate, wait = 0.0, RINGS / point.damping
    while len(answers) < count:
        more, state, degree = flow.sample(
            top, state, step * point.unit, min(CHUNK, count - len(answers)), seen, point.unit, degree
        )
        answers += [each + offset for each in more]
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


def pack(some: Column) -> dict[str, NDArray[Any]]:
    """A column as arrays, to be stored."""
    # On a grid of 2^-18, which float32 holds exactly: so differences of neighbours can be stored, too, without loss.
    chance = (np.rint(some.chance * FINEST) / FINEST).astype(np.float32)
    return {"chance": chance, "numbers": np.array([some.step, some.rate])}


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
