"""Columns on a lattice: switching probabilities of junctions near a nominal one, by interpolation.

A column (`columns`) is one junction at one pulse voltage, all widths, from the Fokker-Planck equation: noise-free. They
stand on a grid of the overdrive in kT (`SPACING`, or `TORQUE_SPACING` where a torque switches), are made when they are
first asked for, and a polynomial goes through six of them, after the widths of neighbouring columns have been brought
into phase. Their changes with each number of the junction (central differences over `REACH`, first and second order)
are known at some of them and go through four.

What makes this good is the choice of numbers, because no mixed terms are known. A junction's size scales Delta and xi_x
alike and is one number; the other is their ratio. Widths count as angles of precession of each junction itself, so that
tau_N drops out and a field moves the phase exactly. And an overdrive belongs to a nominal junction: in another field it
means the Delta at which a junction moves `alike`; of a torque, the same multiple of the one that leaves no barrier.

A junction further from the nominal one than `REACH` is served from a nominal junction nearer to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from labctl.core.clock import Clock, WallClock
from labctl.core.errors import ParameterError
from labctl_sim.macrospin.cache import Store
from labctl_sim.macrospin.columns import Point, column
from labctl_sim.macrospin.interpolation import Bank, Rhythm, lagrange
from labctl_sim.macrospin.layer import FreeLayer, Values
from labctl_sim.macrospin.scales import Scales
from labctl_sim.macrospin.shapes import Shape
from labctl_sim.macrospin.waits import Waits

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SPACING = 0.75  # kT of overdrive between columns
TORQUE_SPACING = 4.5  # the same where a torque pushes: of spin/damping beyond 2 Delta, in a nominal junction's kT
STRIDE = 2  # of these from one to the next at which the changes with a junction's numbers are known
RINGING = 0.08  # damping below which these changes go on with the ringing, so that they are needed at every one
NAMES = ("stability", "size", "tilt", "damping", "mixing", "time")
REACH = np.array([0.15, 0.15, 0.4, 0.15, 0.15, 0.17])  # logarithms, but of the tilt: kT; trusted to twice as far
FINE, COARSE = (-2, -1, 0, 1, 2, 3), (-1, 0, 1, 2)  # nodes of a polynomial in the overdrive: of columns, of changes
SAME = 1e-7
AXIAL = 0.05  # of Delta: a transverse field weaker than this sets no angle


@dataclass
class Lattice:
    """Columns near the junction ``nominal`` (N = 1); ``used`` holds the keys of those that have been asked for."""

    nominal: FreeLayer
    store: Store
    clock: Clock = field(default_factory=WallClock)
    used: set[str] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        if self.nominal.devices != 1:
            raise ParameterError(f"the table's nominal layer has {self.nominal.devices} junctions; give one")
        self._scales = Scales.of(self.nominal)
        one = {name: float(getattr(self._scales, name)[0]) for name in Scales.__dataclass_fields__}
        self._one = one
        if not one["stability"] > 0.5:
            raise ParameterError(
                f"the nominal stability at rest is {one['stability']:.3g} kT, which holds no state; take 1 or more"
            )
        turn = -one["spin_per_volt"] / one["damping"]
        self._by_torque = abs(turn) / 2 > abs(one["drop_per_volt"])
        if turn == 0 and one["drop_per_volt"] == 0:
            raise ParameterError("the nominal junction feels no volts: give it VCMA or a torque per volt")
        self._spacing = TORQUE_SPACING if self._by_torque else SPACING
        self._stride = 1 if self._by_torque or one["damping"] < RINGING else STRIDE
        self._across = one["transverse"] > AXIAL * one["stability"]
        self._radian = float(self._radians(self._scales, self._scales.stability)[0])
        self._bank = Bank()
        self._waits = Waits(self.clock, self.store.kept)
        self._numbers: dict[tuple[Shape, int, int, tuple[int, ...], int], int] = {}

    def chances(
        self, scales: Scales, states: Integers, volts: Floats, base: Floats, shape: Shape, top_seconds: Floats
    ) -> Floats:
        """P(the other state after one pulse) from ``states``: (N,); peak volts, base volts, seconds of the top (N,)."""
        axis, side = self._axis(scales, volts)
        overdrive = axis if self._by_torque else scales.drop_per_volt * volts - scales.stability
        rest, deviation, radian = self._deviation(scales, base, shape)
        cell = np.where(np.abs(deviation) < 2 * REACH, 0, np.rint(deviation / (2 * REACH))).astype(np.int64)
        local = deviation / REACH - 2 * cell
        active = [int(k) for k in np.flatnonzero((np.abs(local) > SAME).any(axis=0))]
        ways = [0, *(way * (k + 1) for k in active for way in (-1, 1))]  # one up from the number's index: 0 is none
        place = np.floor(axis / self._spacing).astype(np.int64)
        kinds, which = np.unique(np.column_stack([cell, side, place]), axis=0, return_inverse=True)
        fine, changes = len(FINE), 1 + 2 * len(active)
        columns = np.empty((fine + (len(COARSE) * changes if active else 0), len(kinds)), np.int64)
        for index, kind in enumerate(kinds.tolist()):
            anchor, sign, node = tuple(kind[:-2]), kind[-2], kind[-1]
            for row, corner in enumerate(FINE):
                columns[row, index] = self._column(shape, node + corner, sign, anchor, 0)
            for end, corner in enumerate(COARSE if active else ()):
                coarse = (node // self._stride + corner) * self._stride
                for row, way in enumerate(ways, fine + end * changes):
                    columns[row, index] = self._column(shape, coarse, sign, anchor, way)
        edges = 2 * shape.half_seconds / radian
        own = Rhythm.of(
            rest, scales.transverse if self._rings(shape) else np.zeros(rest.size), scales.damping, edges, overdrive
        )
        found = self._bank.find(columns[:, which.ravel()], states, top_seconds / radian, own)
        value = (lagrange(axis / self._spacing - place, FINE) * found[:fine]).sum(axis=0)
        if active:
            part = axis / (self._spacing * self._stride)
            part -= np.floor(part)
            known = np.einsum("cn,cwn->wn", lagrange(part, COARSE), found[fine:].reshape(len(COARSE), changes, -1))
            for order, k in enumerate(active):
                minus, plus = known[1 + 2 * order], known[2 + 2 * order]
                value += local[:, k] * (plus - minus) / 2 + local[:, k] ** 2 * ((plus + minus) / 2 - known[0])
        result: Floats = np.clip(value, 0.0, 1.0)
        return result

    def _rings(self, shape: Shape) -> bool:
        return self._across and not self._by_torque and not shape.fixed

    def _column(self, shape: Shape, node: int, side: int, anchor: tuple[int, ...], way: int) -> int:
        """The number of the column of the anchor's junction, or of one that deviates by REACH in number |way| - 1."""
        place = (shape, node, side, anchor, way)
        known = self._numbers.get(place)
        if known is None:
            deviation = 2 * REACH * np.array(anchor)
            if way:
                deviation[abs(way) - 1] += np.sign(way) * REACH[abs(way) - 1]
            point = self.point(shape, node, side, deviation)
            # Without a torque, half a turn about the field turns a junction into that of the opposite tilt.
            turned = replace(point, tilt=-point.tilt) if point.tilt < 0 and not (point.spin or point.lean) else point
            key = turned.key() + (" fixed" if shape.fixed else "")
            some = self.store.get(key)
            if some is None:
                self._waits.one_more()
                some = self.store.put(key, column(turned, shape.fixed))
            if turned is not point:
                some = replace(some, chance=some.chance[::-1])
            self.used.add(key)
            known = self._numbers[place] = self._bank.add(some, point, point.drop - point.stability, self._rings(shape))
        return known

    def prepare(self, shape: Shape, volts: Floats, names: tuple[str, ...]) -> None:
        """Make the columns that junctions near the nominal one need at ``volts`` (V,), with their changes."""
        axis, sign = self._axis(Scales.of(self.nominal.repeated(volts.size)), volts)
        ways = [way * (NAMES.index(name) + 1) for name in names for way in (-1, 1)]
        for start, side in {(int(a), int(b)) for a, b in zip(np.floor(axis / self._spacing), sign, strict=True)}:
            for corner in FINE:
                self._column(shape, start + corner, side, (0,) * len(NAMES), 0)
            for corner in COARSE:
                for way in (0, *ways):
                    coarse = (start // self._stride + corner) * self._stride
                    self._column(shape, coarse, side, (0,) * len(NAMES), way)

    def point(self, shape: Shape, node: int, side: int, deviation: Floats) -> Point:
        """The junction and pulse at a node of the grid."""
        one = self._one
        stability = one["stability"] * float(np.exp(deviation[0] + deviation[1]))
        across = one["transverse"] * float(np.exp(deviation[1]))
        damping = one["damping"] * float(np.exp(deviation[3]))
        mixing = float(np.exp(deviation[4]))
        turn = -one["spin_per_volt"] / one["damping"]
        if self._by_torque:
            push = side * stability * max(0.0, 2 + node * self._spacing / one["stability"])
            spin, drop, volts = -damping * push, mixing * push * one["drop_per_volt"] / turn, push / turn
        else:
            top = -node * self._spacing
            drop = stability - float(alike(top, one["transverse"], across) if self._across else top)
            volts = drop / one["drop_per_volt"]
            spin = mixing * volts * one["spin_per_volt"]
        lean = one["tilt_per_volt"] * volts + one["tilt_per_square_volt"] * volts**2
        # Without a field that sets an angle, damping is but a part of tau_N.
        unit = 2 * (damping / across if self._across else one["damping"] / stability)
        radian = self._radian * float(np.exp(-deviation[5]))
        stairs = [tuple((part, seconds / radian) for part, seconds in side) for side in (shape.leading, shape.trailing)]
        return Point(stability, across, one["tilt"] + float(deviation[2]), damping, drop, spin, lean, unit, *stairs)

    def _axis(self, scales: Scales, volts: Floats) -> tuple[Floats, Integers]:
        """The nominal junction's overdrive in kT that means the same, and the way the torque pushes: (N,) each."""
        if self._by_torque:
            push = -scales.spin_per_volt / scales.damping * volts
            return self._one["stability"] * (np.abs(push) / scales.stability - 2), np.where(push < 0, -1, 1)
        top = scales.stability - scales.drop_per_volt * volts
        if self._across:
            top = alike(top, scales.transverse, self._one["transverse"])
        return -top, np.ones(volts.size, np.int64)

    def _radians(self, scales: Scales, rest: Floats) -> Floats:
        """The seconds of a radian of precession, (N,)."""
        unit = scales.damping / scales.transverse if self._across else self._one["damping"] / rest
        return 2 * unit * scales.neel_seconds

    def _deviation(self, scales: Scales, base: Floats, shape: Shape) -> tuple[Floats, Floats, Floats]:
        """Delta at rest (N,), how a junction differs from the nominal one (N, 6), the seconds of a radian (N,)."""
        one = self._one
        rest, lean = scales.at(base)
        lean = lean - scales.spin_per_volt / scales.damping * base
        if not (rest > 0.5).all():
            raise ParameterError(
                f"a junction rests at a stability of {rest.min():.3g} kT, which holds no state: lower the base level"
            )
        radian = self._radians(scales, rest)
        zero = np.zeros(rest.size)
        mixing = zero
        if one["spin_per_volt"] and one["drop_per_volt"]:
            own = scales.spin_per_volt / scales.drop_per_volt
            mixing = np.log(own / (one["spin_per_volt"] / one["drop_per_volt"])) * (-1 if self._by_torque else 1)
        field = np.log(scales.transverse / one["transverse"]) if self._across else zero
        return (
            rest,
            np.column_stack(
                [
                    np.log(rest / one["stability"]) - field,
                    field,
                    lean - one["tilt"],
                    np.log(scales.damping / one["damping"]) if one["transverse"] else zero,
                    mixing,
                    np.log(self._radian / radian) if shape.leading or shape.trailing else zero,
                ]
            ),
            radian,
        )


def alike(stability: Values, across: Values, other: Values) -> Floats:
    """The Delta at which a junction moves in the field xi_x ``other`` as one of ``stability`` does in ``across``: (N,).

    Where there is a barrier, Delta (1 - xi_x/2 Delta)^2, it is the same; where there is none, Delta/xi_x is, on which
    the path of a spin depends that only field and anisotropy turn. The two meet where the barrier goes.
    """
    above = np.maximum(stability, across / 2)
    barrier = (above - across / 2) ** 2 / above
    same = (barrier + other + np.sqrt(barrier * (barrier + 2 * other))) / 2
    return np.where(stability > across / 2, same, stability * other / across)
