"""Keithley 7001 and 7002 switch systems with matrix cards (SCPI). K7D: an open 7001 class; K7001-<page>: the 7001
manual; K24-<page>: the 2400 of the same family; [MEM] = from memory, verify.

A channel is ``slot!row!column``. The rows of all cards are joined by the backplane, the columns are the lines of the
array. Closing opens nothing else; a list with a channel that is not there, or is forbidden, moves nothing at all.
Options: ``rows`` and ``columns`` of the cards; without them they are 4 x 10, or as large as the wiring needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from labctl.core.device import Crosspoint
from labctl_sim import scpi_text
from labctl_sim.scpi import Call, Command, Number, ScpiPanel
from labctl_sim.status import InstrumentFault
from labctl_sim.world import World

RELAY_SECONDS = 3e-3  # operate or release, for reed and latching cards alike [MEM]
MEMORIES = 100  # [MEM]
TEXTS = {-222: "Parameter data out of range", -223: "Too much data", -350: "Queue overflow"}  # as in K24-441

Points = frozenset[Crosspoint]


class Keithley7001(ScpiPanel):
    """The mainframe of two slots, with a card in every slot that the wiring uses."""

    error_depth = 10  # [MEM], same family
    texts = TEXTS
    model = "7001"
    slots = 2  # [MEM]

    def __init__(self, world: World, role: str, options: Mapping[str, Any]) -> None:
        lines = world.wiring.lines
        self.cards = {slot for slot, _ in lines if slot <= self.slots}
        letters = world.wiring.rows.values()
        self.rows = int(options.get("rows", max([4, *(ord(letter) - ord("A") + 1 for letter in letters)])))
        self.columns = int(options.get("columns", max([10, *(column for _, column in lines)])))
        self.paths: dict[int, Points] = {}
        super().__init__(world, role, options)

    def identity(self) -> str:
        """Form of the 2400's (K24-297); the firmware field is [MEM]."""
        return f"KEITHLEY INSTRUMENTS INC.,MODEL {self.model},SIM0006,A10  /B01"

    def format_error(self, code: int, text: str) -> str:
        """``0,"No error"`` when there is none, a sign otherwise."""
        return f'{code:+d},"{text}"' if code else f'0,"{text}"'

    def format_number(self, value: float) -> str:
        """K24-353."""
        return f"{value:+.6E}"

    def reset(self) -> None:
        """Opens everything [MEM]; memories stay [MEM]."""
        self.state = {"bbm": True, "settle": 0.0, "display": True}
        self.forbidden: Points = frozenset()
        self.scan: list[Crosspoint] = []
        self._move(frozenset())

    def commands(self) -> list[Command]:
        """ROUTe is the optional root (K7D)."""
        types = [
            Command(f"[ROUTe]:CONFigure:SLOT{slot}:CTYPe", ask=partial(self._ask_card, slot), verify=True)
            for slot in range(1, self.slots + 1)
        ]
        return [
            Command("[ROUTe]:CLOSe", self._close, self._ask_closed, page="K7D"),
            Command("[ROUTe]:CLOSe:STATe", ask=lambda _: _spell(sorted(self.world.closed)), verify=True),
            Command("[ROUTe]:OPEN", self._open, self._ask_open, page="K7D"),
            Command("[ROUTe]:OPEN:ALL", lambda _: self._move(frozenset()), verify=True),
            Command("[ROUTe]:SCAN[:INTernal]", self._set_scan, lambda _: _spell(self.scan), page="K7001-153"),
            Command("[ROUTe]:SCAN:POINts", ask=lambda _: str(len(self.scan)), verify=True),
            Command("[ROUTe]:FCHannels", self._set_forbidden, lambda _: _spell(sorted(self.forbidden)), verify=True),
            Command("[ROUTe]:MEMory:SAVE", self._save, verify=True),
            Command("[ROUTe]:MEMory:RECall", self._recall, verify=True),
            self.switch("[ROUTe]:CONFigure:BBMake", "bbm", verify=True),
            self.numeric("[ROUTe]:CONFigure:STIMe", "settle", Number("S", 0.0, 99999.999), verify=True),
            *types,
            self.switch("DISPlay:ENABle", "display", verify=True),
            Command("SYSTem:ERRor[:NEXT]", ask=self.next_error, page="K24-444"),
            Command("STATus:QUEue[:NEXT]", ask=self.next_error, page="K24-444"),
            Command("SYSTem:PRESet", lambda _: self.reset(), verify=True),
            Command("SYSTem:VERSion", ask=lambda _: "1991.0", verify=True),
        ]

    # -- moving relays

    def _close(self, call: Call) -> None:
        points = self._channels(call)
        for point in points:
            if point in self.forbidden:
                raise InstrumentFault(-221)  # which error it really is: [MEM]
        self._move(self.world.closed | frozenset(points))

    def _open(self, call: Call) -> None:
        if [str(parameter).upper() for parameter in call.parameters] == ["ALL"]:
            self._move(frozenset())
        else:
            self._move(self.world.closed - frozenset(self._channels(call)))

    def _move(self, closed: Points) -> None:
        self.world.relays(closed, RELAY_SECONDS + float(self.state["settle"]))

    # -- asking

    def _ask_closed(self, call: Call) -> str:
        """``0,1``: what each relay was told; a stuck one it cannot know."""
        return ",".join(str(int(point in self.world.closed)) for point in self._channels(call))

    def _ask_open(self, call: Call) -> str:
        return ",".join(str(int(point not in self.world.closed)) for point in self._channels(call))

    def _ask_card(self, slot: int, _: Call) -> str:
        return "C7012" if slot in self.cards else "NONE"

    # -- lists and memories

    def _set_scan(self, call: Call) -> None:
        self.scan = self._channels(call)

    def _set_forbidden(self, call: Call) -> None:
        self.forbidden = frozenset(self._channels(call, may_be_empty=True))

    def _save(self, call: Call) -> None:
        self.paths[self._memory(call)] = self.world.closed

    def _recall(self, call: Call) -> None:
        self._move(self.paths.get(self._memory(call), frozenset()))

    @staticmethod
    def _memory(call: Call) -> int:
        """``M1`` to ``M100``."""
        name = str(call.only()).upper()
        if not name.startswith("M") or not name[1:].isdecimal():
            raise InstrumentFault(-104)
        if not 1 <= int(name[1:4]) <= MEMORIES or len(name) > 4:
            raise InstrumentFault(-222)
        return int(name[1:])

    def _channels(self, call: Call, *, may_be_empty: bool = False) -> list[Crosspoint]:
        parameter = call.only()
        if may_be_empty and parameter == "(@)":
            return []
        points = [Crosspoint(*place) for place in scpi_text.channels(parameter, 3)]
        for point in points:
            if point.slot not in self.cards or not (1 <= point.row <= self.rows and 1 <= point.column <= self.columns):
                raise InstrumentFault(-222)
        return points


class Keithley7002(Keithley7001):
    """The mainframe of ten slots."""

    model = "7002"
    slots = 10  # [MEM]


def _spell(points: Iterable[Crosspoint]) -> str:
    return "(@" + ",".join(f"{point.slot}!{point.row}!{point.column}" for point in points) + ")"
