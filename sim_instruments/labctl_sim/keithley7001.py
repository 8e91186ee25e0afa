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
from labctl_sim.fault import TRIGGERS
from labctl_sim.keithley7001_scan import SCAN_DEFAULTS, Scan
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
    conditions = TRIGGERS | {"stuck_relay"}
    model = "7001"
    slots = 2  # [MEM]

    def __init__(self, world: World, role: str, options: Mapping[str, Any]) -> None:
        lines = world.wiring.places
        self.cards = {slot for slot, _ in lines if slot <= self.slots}
        self.rows = int(options.get("rows", max([4, *world.wiring.rows.values()])))
        self.columns = int(options.get("columns", max([10, *(column for _, column in lines)])))
        self.paths: dict[int, Points] = {}
        self.scans = Scan(self)
        super().__init__(world, role, options)

    def has_relay(self, point: Crosspoint) -> bool:
        """Whether there is such a crosspoint."""
        return point.slot in self.cards and point.row <= self.rows and 1 <= point.column <= self.columns

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
        self.state = {
            "bbm": True, "settle": 0.0, "display": True, "pairs": False, "single": False, "text": "",
            "text_shown": False, **SCAN_DEFAULTS,
        }  # fmt: skip
        self.scans.forget()
        self.forbidden: Points = frozenset()
        self.scan: list[Crosspoint] = []
        self._move(frozenset())

    def commands(self) -> list[Command]:
        """ROUTe is the optional root (K7D)."""
        types = [
            Command(
                f"[ROUTe]:CONFigure:SLOT{slot or ''}:CTYPe",
                self._set_card,
                partial(self._ask_card, slot or 1),
                verify=True,
            )
            for slot in range(self.slots + 1)
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
            self.switch("[ROUTe]:CONFigure:CPAir", "pairs", verify=True),
            self.switch("[ROUTe]:CONFigure:SCHannel", "single", verify=True),
            *types,
            *self.scans.commands(),
            Command("DISPlay[:WINDow#]:TEXT[:DATA]", self._set_text, lambda _: f'"{self.state["text"]}"', verify=True),
            self.switch("DISPlay[:WINDow#]:TEXT:STATe", "text_shown", verify=True),
            *self.register("STATus:OPERation", 128, page="K24 ch. 15", verify=True),
            *self.register("STATus:QUEStionable", 8, page="K24 ch. 15", verify=True),
            Command("STATus:PRESet", lambda _: self._preset_status(), verify=True),
            Command("STATus:QUEue:CLEar", lambda _: self.status.errors.clear(), verify=True),
            self.switch("DISPlay:ENABle", "display", verify=True),
            Command("SYSTem:ERRor[:NEXT]", ask=self.next_error, page="K24-444"),
            Command("STATus:QUEue[:NEXT]", ask=self.next_error, page="K24-444"),
            Command("SYSTem:PRESet", lambda _: self.reset(), verify=True),
            Command("SYSTem:VERSion", ask=lambda _: "1991.0", verify=True),
        ]

    def pending(self) -> bool:
        """``*OPC`` is complete once a scan is over."""
        return self.scans.running

    def take_trigger(self) -> None:
        """``*TRG``: only while a layer waits for the bus, otherwise -211."""
        self.scans.bus_trigger()

    def clear(self) -> None:
        """Device clear: a scan ends, relays stay [MEM]."""
        super().clear()
        self.scans.abort()

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

    def step(self, *, opening: Crosspoint | None, closing: Crosspoint) -> None:
        """One channel of a scan after another; break before make unless that was switched off."""
        left = self.world.closed - {opening}
        if self.state["bbm"]:
            self._move(left)
        self._move(left | {closing})

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

    def _set_card(self, call: Call) -> None:
        """For cards that do not say what they are; those here do."""
        scpi_text.choice(call.only(), ("C7012", "C7013", "C7152", "C7153", "C7154", "C7156", "C7174", "C7999", "NONE"))

    def _set_text(self, call: Call) -> None:
        words = scpi_text.string(call.only())
        if len(words) > 20:
            raise InstrumentFault(-223)
        self.state["text"] = words

    def _preset_status(self) -> None:
        for register in self.status.registers.values():
            register.preset()

    # -- lists and memories

    def _set_scan(self, call: Call) -> None:
        self.scan = self._channels(call)
        if any(point in self.forbidden for point in self.scan):
            self.scan = []
            raise InstrumentFault(-221)

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
