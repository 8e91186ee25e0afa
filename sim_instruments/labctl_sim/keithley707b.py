"""Keithley 707B switch matrix with 8 x 12 cards. Facts: 707B-901-01 reference manual, tagged K707-<page>;
[MEM] = from memory, verify.

The rows of all cards are joined by the backplane, the columns are the lines of the array. A function that meets a
channel that is not there, or may not be closed, moves nothing at all (K707-253). It ends once its relays have settled
and their delays are over (K707-275).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from labctl.core.device import Crosspoint
from labctl_sim.fault import TRIGGERS
from labctl_sim.keithley707b_channels import COLUMNS, ROWS, ChannelLists, pattern_name, refuse, spell
from labctl_sim.keithley2636b_front import common_front
from labctl_sim.tsp import TspPanel
from labctl_sim.tsp_names import Constant, Function, Name, Setting, Value, number, one_of, span
from labctl_sim.world import World

SETTLE_SECONDS = 4e-3  # close or open, K707-275
LONGEST_DELAY_SECONDS = 60.0  # [MEM]
RULE_OFF, BREAK_BEFORE_MAKE, MAKE_BEFORE_BREAK = 0.0, 1.0, 2.0  # names K707-99, values those of the 3706A (QC)
SWITCH, CLOSED = 1.0, 1.0  # K707-7-35, K707-7-34
RULE = Setting("connectrule", BREAK_BEFORE_MAKE, one_of(RULE_OFF, BREAK_BEFORE_MAKE, MAKE_BEFORE_BREAK), "K707-99")
SEQUENTIAL = Setting("connectsequential", 0.0, one_of(0, 1), "K707-275", verify=True)

Points = frozenset[Crosspoint]


class Keithley707B(TspPanel):
    """The mainframe with a card in every slot that the wiring uses, and in ``slots`` of its options."""

    conditions = TRIGGERS | {"stuck_relay"}
    precision = 10  # K707-7-93

    def __init__(self, world: World, role: str, options: Mapping[str, Any]) -> None:
        self.slots = sorted(
            {slot for slot, _ in world.wiring.places} | {int(slot) for slot in options.get("slots", ())}
        )
        self.settings: dict[str, Any] = {RULE.name: RULE.default, SEQUENTIAL.name: SEQUENTIAL.default}
        self.delays: dict[Crosspoint, float] = {}
        self.labels: dict[Crosspoint, str] = {}
        self.forbidden: set[Crosspoint] = set()
        self.patterns: dict[str, tuple[Crosspoint, ...]] = {}
        self.counts: Counter[Crosspoint] = Counter()  # since power-up, as 7174A cards have it (K707-7-28)
        self.lists = ChannelLists(self.slots, self.patterns)
        super().__init__(world, role, options)

    def identity(self) -> str:
        """Form of the open drivers: mixed case, spaces after the commas."""
        return "Keithley Instruments Inc., Model 707B, SIM0003, 01.40a"

    def has_relay(self, point: Crosspoint) -> bool:
        """Whether there is such a crosspoint."""
        return point.slot in self.slots and 1 <= point.column <= COLUMNS

    def reset(self) -> None:
        """Opens everything, and forgets delays, labels, patterns and what is forbidden [MEM]."""
        self.settings.update({RULE.name: RULE.default, SEQUENTIAL.name: SEQUENTIAL.default})
        self.patterns.clear()
        self._forget(set(self.delays) | set(self.labels) | self.forbidden)
        self.format.reset()
        self._move(frozenset())

    def names(self) -> dict[str, Name]:
        """The ``channel`` and ``slot`` names of K707 chapter 7."""
        cards: dict[str, Name] = {}
        for slot in range(1, 7):
            there = slot in self.slots
            idn = f"7174A, 8x12 High Speed, Low Current Matrix Card, SIM{slot:04d}, 01.00a" if there else "Empty Slot"
            cards[f"slot[{slot}].idn"] = Constant(idn, "K707-7", verify=True)
            if there:
                cards[f"slot[{slot}].rows.matrix"] = Constant(float(len(ROWS)), "K707-7", verify=True)
                cards[f"slot[{slot}].columns.matrix"] = Constant(float(COLUMNS), "K707-7", verify=True)
        return {
            **cards,
            **common_front(self.world.sleep),
            "channel.close": Function(self._close, "K707-253"),
            "channel.open": Function(self._open, "K707-7-35"),
            "channel.exclusiveclose": Function(self._exclusive_close, "K707-253"),
            "channel.exclusiveslotclose": Function(self._exclusive_slot_close, "K707-253"),
            "channel.getclose": Function(self._get_close, "K707-7-27"),
            "channel.getstate": Function(self._get_state, "K707-7-34"),
            "channel.getcount": Function(self._get_count, "K707-7-28"),
            "channel.gettype": Function(self._get_type, "K707-7-35"),
            "channel.reset": Function(self._reset_channels, "K707-7", verify=True),
            "channel.setdelay": Function(self._set_delay, "K707B-7-42"),
            "channel.getdelay": Function(self._get_delay, "K707-7-29"),
            "channel.setlabel": Function(self._set_label, "K707-7", verify=True),
            "channel.getlabel": Function(self._get_label, "K707-7", verify=True),
            "channel.setforbidden": Function(self._set_forbidden, "K707B-7-42"),
            "channel.clearforbidden": Function(self._clear_forbidden, "K707B-7-42"),
            "channel.getforbidden": Function(self._get_forbidden, "K707-7", verify=True),
            "channel.pattern.setimage": Function(self._set_image, "K707-7-34"),
            "channel.pattern.getimage": Function(self._get_image, "K707-7-28"),
            "channel.pattern.snapshot": Function(self._snapshot, "K707-7", verify=True),
            "channel.pattern.delete": Function(self._delete_pattern, "K707-7", verify=True),
            "channel.createspecifier": Function(self._specifier, "K707-7", verify=True),
            "channel.connectrule": RULE.attribute(self.settings),
            "channel.connectsequential": SEQUENTIAL.attribute(self.settings),
            "channel.BREAK_BEFORE_MAKE": Constant(BREAK_BEFORE_MAKE, "K707-99"),
            "channel.MAKE_BEFORE_BREAK": Constant(MAKE_BEFORE_BREAK, "K707-99"),
            "channel.OFF": Constant(RULE_OFF, "K707-99"),
            "channel.ON": Constant(1.0, "K707-99"),
            "channel.IND_CLOSED": Constant(CLOSED, "K707-7-34"),
            "channel.TYPE_SWITCH": Constant(SWITCH, "K707-7-35"),
        }

    # -- opening and closing

    def _close(self, text: Value) -> None:
        points = self._closable(self.lists.read(text))
        self._move(self.world.closed | points)

    def _open(self, text: Value) -> None:
        self._move(self.world.closed - frozenset(self.lists.read(text)))

    def _exclusive_close(self, text: Value) -> None:
        points = frozenset() if text == "" else self._closable(self.lists.read(text, groups=False))
        self._exchange(self.world.closed - points, points)

    def _exclusive_slot_close(self, text: Value) -> None:
        points = self._closable(self.lists.read(text, groups=False))
        slots = {point.slot for point in points}
        self._exchange(frozenset(point for point in self.world.closed if point.slot in slots) - points, points)

    def _closable(self, points: Collection[Crosspoint]) -> Points:
        for point in points:
            if point in self.forbidden:
                raise refuse(f"channel {spell(point)} is forbidden to close")
        return frozenset(points)

    def _move(self, closed: Points) -> None:
        """Drive the relays to this state and wait: settling times, then the delays of those that close.

        One after the other their times add up, together they overlap (K707-275).
        """
        before = self.world.closed
        made, broken = closed - before, before - closed
        delays = [self.delays.get(point, 0.0) for point in made]
        if self.settings[SEQUENTIAL.name]:
            seconds = SETTLE_SECONDS * (len(made) + len(broken)) + sum(delays)
        else:
            seconds = SETTLE_SECONDS + max(delays, default=0.0)
        self.counts.update(made)
        self.world.relays(closed, seconds)

    def _exchange(self, opening: Points, closing: Points) -> None:
        """Open and close in the order of the connect rule, which rules only the exclusive functions (K707-250)."""
        before = self.world.closed
        if self.settings[RULE.name] == BREAK_BEFORE_MAKE:
            self._move(before - opening)
        elif self.settings[RULE.name] == MAKE_BEFORE_BREAK:
            self._move(before | closing)
        self._move((before - opening) | closing)

    # -- queries: semicolons between closed channels, commas elsewhere, in the order that was asked (K707-167)

    def _get_close(self, text: Value) -> tuple[str | None]:
        """``1A01;1B02``, or nil when nothing is closed."""
        closed = self.world.closed
        return (";".join(spell(point) for point in self.lists.read(text) if point in closed) or None,)

    def _get_state(self, text: Value, mask: Value = CLOSED) -> str:
        """``0,1``: the closed bit of each, as the mainframe was told; a stuck relay it cannot know."""
        shown, closed = int(number(mask, 2)) & int(CLOSED), self.world.closed
        return ",".join(str(shown * (point in closed)) for point in self.lists.read(text))

    def _get_count(self, text: Value) -> str:
        return ",".join(str(self.counts[point]) for point in self.lists.read(text))

    def _get_type(self, text: Value) -> str:
        return ",".join("1" for _ in self.lists.read(text))

    # -- what channels have

    def _reset_channels(self, text: Value = "allslots") -> None:
        points = self.lists.read(text)
        self._forget(points)
        self._drop_patterns(points)
        self._move(self.world.closed - frozenset(points))

    def _forget(self, points: Collection[Crosspoint]) -> None:
        for point in points:
            self.delays.pop(point, None)
            self.labels.pop(point, None)
            self.forbidden.discard(point)

    def _set_delay(self, text: Value, seconds: Value) -> None:
        points = self.lists.read(text, patterns=False)
        delay = span(0, LONGEST_DELAY_SECONDS)(seconds)
        self.delays.update(dict.fromkeys(points, delay))

    def _get_delay(self, text: Value) -> str:
        points = self.lists.read(text, patterns=False)
        return ",".join(self.format.ascii(self.delays.get(point, 0.0)) for point in points)

    def _set_label(self, text: Value, label: Value) -> None:
        points = self.lists.read(text, groups=False, patterns=False)
        if len(points) != 1 or not isinstance(label, str) or len(label) > 20:
            raise refuse("a label of at most 20 characters belongs to one channel")
        self.labels[points[0]] = label

    def _get_label(self, text: Value) -> str:
        return ",".join(self.labels.get(point, spell(point)) for point in self.lists.read(text, patterns=False))

    def _set_forbidden(self, text: Value) -> None:
        """Patterns that hold a forbidden channel are deleted; relays that are closed stay so (K707B-7-42)."""
        points = self.lists.read(text)
        self.forbidden.update(points)
        self._drop_patterns(points)

    def _clear_forbidden(self, text: Value) -> None:
        self.forbidden.difference_update(self.lists.read(text))

    def _get_forbidden(self, text: Value) -> tuple[str | None]:
        return (",".join(spell(point) for point in self.lists.read(text) if point in self.forbidden) or None,)

    # -- patterns

    def _set_image(self, text: Value, name: Value) -> None:
        points = self.lists.read(text, groups=False)
        self._closable(points)
        self.patterns[pattern_name(name)] = tuple(points)

    def _get_image(self, name: Value) -> str:
        return ",".join(spell(point) for point in self._pattern(name))

    def _snapshot(self, name: Value) -> None:
        """The channels that are closed now become a pattern."""
        self.patterns[pattern_name(name)] = tuple(sorted(self.world.closed))

    def _delete_pattern(self, name: Value) -> None:
        self._pattern(name)
        del self.patterns[name]

    def _pattern(self, name: Value) -> tuple[Crosspoint, ...]:
        if not isinstance(name, str) or name not in self.patterns:
            raise refuse(f"unknown pattern {name}")
        return self.patterns[name]

    def _drop_patterns(self, points: Collection[Crosspoint]) -> None:
        gone = set(points)
        for name in [name for name, image in self.patterns.items() if gone & set(image)]:
            del self.patterns[name]

    def _specifier(self, slot: Value, row: Value, column: Value) -> str:
        values = [int(number(value, place)) for place, value in enumerate((slot, row, column), 1)]
        if not 1 <= values[1] <= len(ROWS):
            raise refuse("row")
        return spell(self.lists.read(f"{values[0]}{ROWS[values[1] - 1]}{values[2]:02d}")[0])
