"""Channel lists of the 707B, such as ``1A01,1A03:1A05,slot2,MyPattern``; no relays in here.

Facts: 707B-901-01 reference manual, tagged K707-<page>; [MEM] = from memory, verify.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence

from labctl.core.device import Crosspoint
from labctl_sim.status import InstrumentFault
from labctl_sim.tsp_names import Value

ROWS = "ABCDEFGH"
COLUMNS = 12
PARAMETER_ERROR = 1115  # of a 3706A (an open driver's log); which of them the 707B uses is [MEM]
_CHANNEL = re.compile(r"([1-6])([A-H])([0-9]{2})")
_GROUP = re.compile(r"allslots|slot([1-6])")
_PATTERN_NAME = re.compile(r"[A-Za-z_]\w{0,19}")


def refuse(what: str) -> InstrumentFault:
    """The error of a channel list: it moves nothing at all (K707-253)."""
    return InstrumentFault(PARAMETER_ERROR, f"Parameter error {what}"[:120])


def spell(point: Crosspoint) -> str:
    """``1A01``."""
    return f"{point.slot}{ROWS[point.row - 1]}{point.column:02d}"


class ChannelLists:
    """Reads lists for a mainframe with cards in ``slots``; ``patterns`` are its channel patterns by name."""

    def __init__(self, slots: Sequence[int], patterns: Mapping[str, Sequence[Crosspoint]]) -> None:
        self._slots = slots
        self._patterns = patterns

    def read(self, text: Value, *, groups: bool = True, patterns: bool = True) -> list[Crosspoint]:
        """The channels of ``text`` in its order, each once; raises an InstrumentFault if any is not there.

        ``groups``: ``slotX`` and ``allslots`` are allowed; ``patterns``: so are names of patterns.
        """
        if not isinstance(text, str) or not text.strip():
            raise refuse("empty channel list")
        found: dict[Crosspoint, None] = {}
        for item in re.split(r"[,;]", text):
            found.update(dict.fromkeys(self._item(item.strip(), groups, patterns)))
        return list(found)

    def _item(self, name: str, groups: bool, patterns: bool) -> Sequence[Crosspoint]:
        group = _GROUP.fullmatch(name)
        if group is not None:
            if not groups:
                raise refuse(f"{name} is not allowed here")
            slots = [int(group[1])] if group[1] else self._slots
            return [
                self._there(*place)
                for place in itertools.product(slots, range(1, len(ROWS) + 1), range(1, COLUMNS + 1))
            ]
        first, colon, last = name.partition(":")
        if colon:
            return self._span(self._point(first.strip()), self._point(last.strip()))
        if name in self._patterns:
            if not patterns:
                raise refuse(f"no pattern is allowed here, but {name} is one")
            return self._patterns[name]
        return [self._point(name)]

    def _span(self, first: Crosspoint, last: Crosspoint) -> Sequence[Crosspoint]:
        """All channels from ``first`` to ``last`` in numeric order, row by row (``4A01:4B08`` are 20: K707-7-34)."""
        if first.slot != last.slot or last < first:
            raise refuse(f"range {spell(first)}:{spell(last)}")
        every = (
            Crosspoint(first.slot, row, column)
            for row, column in itertools.product(range(first.row, last.row + 1), range(1, COLUMNS + 1))
        )
        return [point for point in every if first <= point <= last]

    def _point(self, name: str) -> Crosspoint:
        match = _CHANNEL.fullmatch(name)
        if match is None:
            what = "unknown pattern" if _PATTERN_NAME.fullmatch(name) else "invalid channel"
            raise refuse(f"{what} {name[:20]}")
        return self._there(int(match[1]), ROWS.index(match[2]) + 1, int(match[3]))

    def _there(self, slot: int, row: int, column: int) -> Crosspoint:
        if slot not in self._slots:
            raise refuse(f"slot {slot} is empty")
        if not 1 <= column <= COLUMNS:
            raise refuse(f"invalid channel {slot}{ROWS[row - 1]}{column:02d}")
        return Crosspoint(slot, row, column)


def pattern_name(value: Value) -> str:
    """A name that a pattern may have: not one that could be a channel or a group of them."""
    if not isinstance(value, str) or not _PATTERN_NAME.fullmatch(value) or _GROUP.fullmatch(value):
        raise refuse("invalid pattern name")
    return value
