"""Keithley 7001 and 7002 switch systems (SCPI) as a SwitchMatrix.

Facts: an open 7001 class (K7D); what stands here from memory is marked ``[MEM]``. A list of channels moves as a whole
or not at all. The mainframe keeps no count of closures that we know of, so there is no ``counts`` here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from labctl.core.device import Crosspoint, Setting
from labctl.core.errors import InstrumentError
from labctl_drivers.scpi import ScpiInstrument

CHANNEL = re.compile(r"(\d+)!(\d+)!(\d+)")


class Keithley7001(ScpiInstrument):
    """The mainframe of two slots, with matrix cards."""

    models: ClassVar[tuple[str, ...]] = ("7001",)
    slots: ClassVar[int] = 2

    def __init__(self, adapter: Any, name: str = "Keithley 7001", **kwargs: Any) -> None:
        super().__init__(adapter, name, **kwargs)

    def capabilities(self) -> Mapping[str, Setting]:
        """Slots of the mainframe; rows and columns are those of its cards."""
        return {"slots": self.slots}

    def snapshot(self) -> Mapping[str, Setting]:
        """The closed channels, e.g. ``{"closed": "1!1!1 1!2!2"}``."""
        return {"closed": " ".join(channel(point) for point in sorted(self.closed()))}

    def close_points(self, points: Iterable[Crosspoint]) -> None:
        """``:ROUT:CLOS``: these are closed as well, all or none."""
        self._move("CLOS", points)

    def open_points(self, points: Iterable[Crosspoint]) -> None:
        """``:ROUT:OPEN``: these are opened, others stay."""
        self._move("OPEN", points)

    def closed(self) -> frozenset[Crosspoint]:
        """The channels that the mainframe says are closed [MEM: ``:CLOS:STAT?``]; a welded relay it cannot know."""
        reply = self.ask(":ROUT:CLOS:STAT?")
        match = re.fullmatch(r"\(@(.*)\)", reply)
        if match is None:
            raise InstrumentError(f"{self.name}: answered {reply!r} to ':ROUT:CLOS:STAT?', which is no channel list")
        names = [name.strip() for name in match[1].split(",") if name.strip()]
        return frozenset(self._crosspoint(name, reply) for name in names)

    def safe(self) -> None:
        """Forget pending errors; no relay moves, for a matrix cannot know whether a source is live."""
        self.device_clear()
        self.clear()
        self.identify()

    def _move(self, verb: str, points: Iterable[Crosspoint]) -> None:
        wanted = frozenset(points)
        if not wanted:
            return
        names = ",".join(channel(point) for point in sorted(wanted))
        with self.lock:
            self.command(f":ROUT:{verb} (@{names})")
            self.ask("*OPC?")  # answers when the relays have settled
            found = self.closed()
        wrong = wanted - found if verb == "CLOS" else wanted & found
        if wrong:
            raise InstrumentError(
                f"{self.name}: {', '.join(channel(point) for point in sorted(wrong))} did not move at "
                f"':ROUT:{verb}'; check the card in that slot, and do not trust a measurement until it does"
            )

    def _crosspoint(self, name: str, reply: str) -> Crosspoint:
        match = CHANNEL.fullmatch(name)
        if match is None:
            raise InstrumentError(
                f"{self.name}: reports {name!r} as closed (in {reply!r}), which is no channel of the form '1!1!1'"
            )
        slot, row, column = (int(part) for part in match.groups())
        return Crosspoint(slot, row, column)


class Keithley7002(Keithley7001):
    """The mainframe of ten slots."""

    models: ClassVar[tuple[str, ...]] = ("7002",)
    slots: ClassVar[int] = 10

    def __init__(self, adapter: Any, name: str = "Keithley 7002", **kwargs: Any) -> None:
        super().__init__(adapter, name, **kwargs)


def channel(point: Crosspoint) -> str:
    """A crosspoint as the 7001 spells it.

    >>> channel(Crosspoint(1, 1, 12))
    '1!1!12'
    """
    return f"{point.slot}!{point.row}!{point.column}"
