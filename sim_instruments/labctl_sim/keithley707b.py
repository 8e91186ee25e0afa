"""Keithley 707B switch matrix with 8 x 12 cards. Facts: 707B-901-01 reference manual, tagged K707-<page>;
[MEM] = from memory, verify.

The rows of all cards are joined by the backplane, the columns are the lines of the array. A command that names a
channel that is not there moves nothing at all (K707-253). A command ends once its relays have settled (K707-275).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any

from labctl.core.device import Crosspoint
from labctl_sim.status import InstrumentFault
from labctl_sim.tsp import TspPanel
from labctl_sim.tsp_line import Attribute, Name, Value
from labctl_sim.world import World

ROWS = "ABCDEFGH"
COLUMNS = 12
SETTLE_SECONDS = 4e-3  # close or open, K707-275
BREAK_BEFORE_MAKE, MAKE_BEFORE_BREAK, RULE_OFF = 1.0, 2.0, 0.0  # values [MEM], names K707-99
_CHANNEL = re.compile(r"([1-6])([A-H])(\d\d)")


class Keithley707B(TspPanel):
    """The mainframe with a card in every slot that the wiring uses."""

    def __init__(self, world: World, role: str, options: Mapping[str, Any]) -> None:
        self.slots = sorted({slot for slot, _ in world.wiring.lines})
        self.rule = BREAK_BEFORE_MAKE
        self.delays: dict[Crosspoint, float] = {}
        super().__init__(world, role, options)

    def identity(self) -> str:
        """Form of the open drivers: mixed case, spaces after the commas."""
        return "Keithley Instruments Inc., Model 707B, SIM0003, 01.40a"

    def reset(self) -> None:
        """Opens everything [MEM]."""
        self.rule = BREAK_BEFORE_MAKE
        self.delays.clear()
        self._move(frozenset())

    def names(self) -> dict[str, Name]:
        """The ``channel`` functions of K707 chapter 7."""
        return {
            "channel.close": self._close,
            "channel.open": self._open,
            "channel.exclusiveclose": self._exclusive_close,
            "channel.exclusiveslotclose": self._exclusive_slot_close,
            "channel.getclose": self._get_close,
            "channel.getstate": self._get_state,
            "channel.reset": self._reset_channels,
            "channel.setdelay": self._set_delay,
            "channel.getdelay": self._get_delay,
            "channel.connectrule": Attribute(lambda: self.rule, self._set_rule),
            "channel.BREAK_BEFORE_MAKE": BREAK_BEFORE_MAKE,
            "channel.MAKE_BEFORE_BREAK": MAKE_BEFORE_BREAK,
            "channel.OFF": RULE_OFF,
        }

    # -- the channel functions

    def _close(self, text: Value) -> None:
        points = self._channels(text)
        self._move(self.world.closed | points, points)

    def _open(self, text: Value) -> None:
        self._move(self.world.closed - self._channels(text))

    def _exclusive_close(self, text: Value) -> None:
        points = frozenset[Crosspoint]() if text == "" else self._channels(text, groups=False)
        self._exchange(self.world.closed - points, points)

    def _exclusive_slot_close(self, text: Value) -> None:
        points = self._channels(text, groups=False)
        slots = {point.slot for point in points}
        self._exchange(frozenset(point for point in self.world.closed if point.slot in slots) - points, points)

    def _get_close(self, text: Value) -> str | None:
        """``1A01;1B02``, or nil when nothing is closed (K707-108)."""
        found = sorted(self._channels(text) & self.world.closed)
        return ";".join(_spell(point) for point in found) or None

    def _get_state(self, text: Value) -> str:
        return ";".join(str(int(point in self.world.closed)) for point in sorted(self._channels(text)))

    def _reset_channels(self, text: Value) -> None:
        points = self._channels(text)
        for point in points:
            self.delays.pop(point, None)
        self._move(self.world.closed - points)

    def _set_delay(self, text: Value, seconds: Value) -> None:
        points = self._channels(text)
        if not isinstance(seconds, float) or not 0 <= seconds <= 60:
            raise InstrumentFault(1101, "Parameter too big")
        self.delays.update(dict.fromkeys(points, seconds))

    def _get_delay(self, text: Value) -> str:
        return ",".join(f"{self.delays.get(point, 0.0):.5e}" for point in sorted(self._channels(text)))

    def _set_rule(self, value: Value) -> None:
        if value not in (BREAK_BEFORE_MAKE, MAKE_BEFORE_BREAK, RULE_OFF):
            raise InstrumentFault(-224)
        self.rule = float(value)

    # -- relays

    def _move(self, closed: frozenset[Crosspoint], touched: frozenset[Crosspoint] = frozenset()) -> None:
        delay = max((self.delays.get(point, 0.0) for point in touched), default=0.0)
        self.world.relays(closed, SETTLE_SECONDS + delay)

    def _exchange(self, opening: frozenset[Crosspoint], closing: frozenset[Crosspoint]) -> None:
        """Open and close in the order of the connect rule, which rules only the exclusive functions (K707-250)."""
        before = self.world.closed
        if self.rule == BREAK_BEFORE_MAKE:
            self._move(before - opening)
        elif self.rule == MAKE_BEFORE_BREAK:
            self._move(before | closing)
        self._move((before - opening) | closing, closing)

    def _channels(self, text: Value, *, groups: bool = True) -> frozenset[Crosspoint]:
        """The channels of a list such as ``1A01,1A03:1A05,slot2`` or ``allslots``; an error if one is not there."""
        if not isinstance(text, str) or not text.strip():
            raise InstrumentFault(1114, "Channel list is empty or not a string")  # number [MEM]
        found: set[Crosspoint] = set()
        for item in re.split(r"[,;]", text):
            name = item.strip()
            if re.fullmatch(r"allslots|slot[1-6]", name):
                if not groups:
                    raise InstrumentFault(1112, f"{name} is not allowed here")  # number [MEM]
                slots = self.slots if name == "allslots" else [int(name[-1])]
                places = itertools.product(slots, range(1, len(ROWS) + 1), range(1, COLUMNS + 1))
                found |= {self._there(*place) for place in places}
            else:
                first, _, last = name.partition(":")
                found |= self._span(self._point(first), self._point(last) if last else None)
        return frozenset(found)

    def _span(self, first: Crosspoint, last: Crosspoint | None) -> set[Crosspoint]:
        if last is None:
            return {first}
        if (first.slot, first.row) != (last.slot, last.row) or last.column < first.column:
            raise InstrumentFault(1115, "Range of channels is not within one row")  # number [MEM]
        return {Crosspoint(first.slot, first.row, column) for column in range(first.column, last.column + 1)}

    def _point(self, name: str) -> Crosspoint:
        match = _CHANNEL.fullmatch(name.strip())
        if match is None:
            raise InstrumentFault(1111, f"Channel {name.strip()[:20]} is not known")  # number [MEM]
        return self._there(int(match[1]), ROWS.index(match[2]) + 1, int(match[3]))

    def _there(self, slot: int, row: int, column: int) -> Crosspoint:
        if slot not in self.slots:
            raise InstrumentFault(1113, f"Slot {slot} is empty")  # number [MEM]
        if not 1 <= column <= COLUMNS:
            raise InstrumentFault(1111, f"Channel {slot}{ROWS[row - 1]}{column:02d} is not known")  # number [MEM]
        return Crosspoint(slot, row, column)


def _spell(point: Crosspoint) -> str:
    return f"{point.slot}{ROWS[point.row - 1]}{point.column:02d}"
