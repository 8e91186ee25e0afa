"""Keithley 707B switching matrix (TSP) as a SwitchMatrix.

Facts: 707B reference manual 2-87 to 2-89 and 7-22. Relays latch nothing here that was not asked for: a list of
channels closes as a whole or not at all, and a command completes only when the relays have settled.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from labctl.core.device import Crosspoint, Setting
from labctl.core.errors import InstrumentError
from labctl_drivers.tsp import TspInstrument

CHANNEL = re.compile(r"([1-6])([A-H])(\d\d)")


class Keithley707B(TspInstrument):
    """The 707B mainframe with any matrix cards of eight rows."""

    models: ClassVar[tuple[str, ...]] = ("707B",)

    def __init__(self, adapter: Any, name: str = "Keithley 707B", **kwargs: Any) -> None:
        super().__init__(adapter, name, **kwargs)

    def capabilities(self) -> Mapping[str, Setting]:
        """Slots and rows of the mainframe."""
        return {"slots": 6, "rows": 8}

    def snapshot(self) -> Mapping[str, Setting]:
        """The closed channels, e.g. ``{"closed": "1A01 1H02"}``."""
        return {"closed": " ".join(channel(point) for point in sorted(self.closed()))}

    def close_points(self, points: Iterable[Crosspoint]) -> None:
        """``channel.close``: these are closed as well, all or none."""
        self._move("close", points)

    def open_points(self, points: Iterable[Crosspoint]) -> None:
        """``channel.open``: these are opened, others stay."""
        self._move("open", points)

    def closed(self) -> frozenset[Crosspoint]:
        """The channels that the mainframe says are closed; a welded relay it cannot know."""
        reply = self.ask('print(channel.getclose("allslots"))')
        if reply in ("nil", ""):
            return frozenset()
        return frozenset(self._crosspoint(name.strip(), reply) for name in re.split("[;,]", reply))

    def counts(self, points: Iterable[Crosspoint]) -> Mapping[Crosspoint, int]:
        """How often each of these relays has closed in its life (``channel.getcount``, manual 7-28)."""
        wanted = sorted(set(points))
        if not wanted:
            return {}
        names = ",".join(channel(point) for point in wanted)
        reply = self.ask(f'print(channel.getcount("{names}"))')
        try:
            found = [int(float(part)) for part in re.split("[;,]", reply)]
            return dict(zip(wanted, found, strict=True))
        except ValueError as error:
            raise InstrumentError(
                f"{self.name}: answered {reply!r} when asked for the counts of {names}; "
                "a whole number for each belongs there"
            ) from error

    def safe(self) -> None:
        """Forget pending errors; no relay moves.

        A matrix cannot know whether a source is live, and relays that move under current weld. Bringing the lines
        to ground is the bench's business, after the sources are off.
        """
        self.device_clear()
        self.clear()
        self.identify()

    def _move(self, verb: str, points: Iterable[Crosspoint]) -> None:
        names = ",".join(channel(point) for point in sorted(set(points)))
        if names:
            self.command(f'channel.{verb}("{names}")')

    def _crosspoint(self, name: str, reply: str) -> Crosspoint:
        match = CHANNEL.fullmatch(name)
        if match is None:
            raise InstrumentError(
                f"{self.name}: reports {name!r} as closed (in {reply!r}), which is no channel of the form '1A01'"
            )
        slot, row, column = match.groups()
        return Crosspoint(int(slot), ord(row) - ord("A") + 1, int(column))


def channel(point: Crosspoint) -> str:
    """A crosspoint as the 707B spells it.

    >>> channel(Crosspoint(1, 1, 1))
    '1A01'
    """
    return f"{point.slot}{chr(ord('A') + point.row - 1)}{point.column:02d}"
