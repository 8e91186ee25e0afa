"""Reading buffers of the 2636B: dedicated ones and those that scripts make.

Facts: 2600B reference manual, tagged K26-<page>; [MEM] = from memory, verify.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from labctl_sim.status import InstrumentFault
from labctl_sim.tsp_errors import OUT_OF_MEMORY
from labctl_sim.tsp_names import Mark, Setting, Value, number, one_of, span, whole

DEDICATED = ("smua.nvbuffer1", "smua.nvbuffer2", "smub.nvbuffer1", "smub.nvbuffer2")
FULL, BARE = 60_000, 140_000  # readings in a dedicated buffer with and without time and source [MEM]
MOST_READINGS = 1_000_000  # in all buffers that scripts made [MEM]
FILL_ONCE, FILL_WINDOW = 0.0, 1.0

# How each is named where text is asked for [MEM].
FUNCTIONS = {"i": "Current", "v": "Voltage", "r": "Ohms", "p": "Watts"}

SETTINGS = (
    Setting("appendmode", 0.0, one_of(0, 1), "K26-7-17"),
    Setting("cachemode", 1.0, one_of(0, 1), "K26-7-18"),
    Setting("collectsourcevalues", 0.0, one_of(0, 1), "K26-7-21", verify=True),
    Setting("collecttimestamps", 1.0, one_of(0, 1), "K26-7-36"),
    Setting("fillcount", 1.0, whole(1, BARE), "K26-3-14", verify=True),
    Setting("fillmode", FILL_ONCE, one_of(FILL_ONCE, FILL_WINDOW), "K26-3-14", verify=True),
    Setting("timestampresolution", 1e-6, span(1e-6, 4294), "K26-7-35"),
)
ONLY_WHEN_EMPTY = ("collectsourcevalues", "collecttimestamps", "timestampresolution")  # 5032, K26-7-35


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading with all that a buffer may keep beside it; ``seconds`` on the world's clock."""

    value: float
    seconds: float
    source_value: float
    status: float
    function: str
    measure_range: float
    source_function: str
    output: str
    source_range: float


COLUMNS: dict[str, Callable[[Reading], float | str]] = {
    "readings": attrgetter("value"),
    "timestamps": attrgetter("seconds"),
    "sourcevalues": attrgetter("source_value"),
    "statuses": attrgetter("status"),
    "measurefunctions": attrgetter("function"),
    "measureranges": attrgetter("measure_range"),
    "sourcefunctions": attrgetter("source_function"),
    "sourceoutputstates": attrgetter("output"),
    "sourceranges": attrgetter("source_range"),
}
MEMBERS = {
    **dict.fromkeys(COLUMNS, "column"),
    **{setting.name: "setting" for setting in SETTINGS},
    **dict.fromkeys(("n", "next", "capacity", "basetimestamp"), "get"),
    **dict.fromkeys(("clear", "clearcache"), "function"),
}


@dataclass
class Buffer:
    """One buffer; ``size`` is None for a dedicated one."""

    size: int | None
    state: dict[str, Any] = field(default_factory=lambda: {setting.name: setting.default for setting in SETTINGS})
    data: list[Reading] = field(default_factory=list)

    @property
    def capacity(self) -> int:
        """Readings that it can hold."""
        if self.size is not None:
            return self.size
        return FULL if self.state["collecttimestamps"] or self.state["collectsourcevalues"] else BARE

    def begin(self) -> None:
        """A measurement will store here: unless it is to append, what is there goes."""
        if not self.state["appendmode"]:
            self.data.clear()

    def add(self, reading: Reading) -> None:
        """Store one more; a full buffer keeps its oldest, or as a window its newest."""
        if self.state["fillmode"] == FILL_WINDOW:
            del self.data[: len(self.data) + 1 - min(int(self.state["fillcount"]), self.capacity)]
        if len(self.data) < self.capacity:
            self.data.append(reading)

    def values(self, column: str, first: int, last: int) -> Sequence[float | str]:
        """The entries from ``first`` to ``last`` (counted from 1) of a column."""
        part = self.data[first - 1 : last]
        if column == "timestamps":
            return [self.stamp(reading) for reading in part]
        return [COLUMNS[column](reading) for reading in part]

    def stamp(self, reading: Reading) -> float:
        """Seconds since the first reading (K26-7-36), in steps of the resolution."""
        step = float(self.state["timestampresolution"])
        return round((reading.seconds - self.data[0].seconds) / step) * step


class Buffers:
    """All buffers of the instrument by number: 0 to 3 are dedicated."""

    name = "reading_buffer"
    members = MappingProxyType(MEMBERS)

    def __init__(self, looked: Callable[[], None]) -> None:
        self._looked = looked  # a script looks how far a measurement has come
        self._buffers = {number: Buffer(None) for number in range(len(DEDICATED))}
        self._numbers = itertools.count(len(DEDICATED))
        self._checks = {setting.name: setting.check for setting in SETTINGS}

    def dedicated(self, channel: int) -> list[Buffer]:
        """The two dedicated buffers of a channel (0 or 1)."""
        return [self._buffers[2 * channel], self._buffers[2 * channel + 1]]

    def make(self, size: Value) -> float:
        """A new buffer; its number."""
        size = int(whole(1, MOST_READINGS)(size))
        if size + sum(buffer.size or 0 for buffer in self._buffers.values()) > MOST_READINGS:
            raise InstrumentFault(OUT_OF_MEMORY)
        self._buffers[number := next(self._numbers)] = Buffer(size)
        return float(number)

    def find(self, mark: Value) -> tuple[Buffer, str]:
        """The buffer that a script handed over, and the column that it meant; raises 5033."""
        known = isinstance(mark, Mark) and mark.kind == "ref" and mark.column in COLUMNS
        if not known or mark.number not in self._buffers:
            raise InstrumentFault(5033)
        return self._buffers[mark.number], mark.column

    def reset(self) -> None:
        """Dedicated buffers are empty and as they were at first."""
        for place in range(len(DEDICATED)):
            buffer = self._buffers[place]
            buffer.data.clear()
            buffer.state.update({setting.name: setting.default for setting in SETTINGS})

    # -- tsp_tree.Instances

    def get(self, number: int, name: str) -> Value:
        """A member's value."""
        buffer = self._there(number)
        if name == "n":
            count = len(buffer.data)
            self._looked()
            return float(count)
        if name == "next":
            return float(len(buffer.data) % buffer.capacity + 1)
        if name == "capacity":
            return float(buffer.capacity)
        if name == "basetimestamp":
            return buffer.data[0].seconds if buffer.data else 0.0
        return buffer.state[name]

    def assign(self, number: int, name: str, value: Value) -> None:
        """Assign to a setting."""
        buffer = self._there(number)
        if buffer.data and name in ONLY_WHEN_EMPTY:
            raise InstrumentFault(5032)
        buffer.state[name] = self._checks[name](value)

    def call(self, number: int, name: str, *arguments: Value) -> None:
        """``clear()``; the cache has nothing to forget."""
        if name == "clear":
            self._there(number).data.clear()

    def item(self, number: int, column: str, index: Value) -> Value:
        """``buffer[1]``, ``buffer.timestamps[1]``; nil where there is none."""
        buffer = self._there(number)
        if not self.collects(buffer, column):
            return None
        place = _index(index)
        found = buffer.values(column, place, place) if place >= 1 else ()
        return found[0] if found else None

    def forget_all_but(self, numbers: set[int]) -> None:
        """Buffers that no script knows any more are gone."""
        for gone in [n for n in self._buffers if n >= len(DEDICATED) and n not in numbers]:
            del self._buffers[gone]

    @staticmethod
    def collects(buffer: Buffer, column: str) -> bool:
        """Whether the column was asked for (K26-7-36)."""
        switch = {"timestamps": "collecttimestamps", "sourcevalues": "collectsourcevalues"}.get(column)
        return switch is None or bool(buffer.state[switch])

    def _there(self, number: int) -> Buffer:
        if number not in self._buffers:
            raise InstrumentFault(4903)
        return self._buffers[number]


def _index(value: Value) -> int:
    place = number(value)
    if place != int(place):
        raise InstrumentFault(4900, f"Reading buffer index {place:g} is invalid")
    return int(place)
