"""The common commands of IEEE 488.2 on a TSP instrument: lines that begin with a star, and are no Lua.

Facts: 2600B reference manual, tagged K26-<page>; K2651A, the reference manual of the 2651A, of the same family.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from labctl_sim import scpi_text
from labctl_sim.status import InstrumentFault
from labctl_sim.tsp_errors import RUNTIME
from labctl_sim.tsp_status import MSS
from labctl_sim.tsp_tree import ScriptEnd

if TYPE_CHECKING:
    from labctl_sim.tsp import TspPanel


class CommonCommands:
    """``*IDN?`` and its like on ``panel``."""

    def __init__(self, panel: TspPanel) -> None:
        self._panel = panel
        self._replies: dict[str, Callable[[], str]] = {
            "*IDN?": panel.identity,
            "*ESR?": self._ask_events,
            "*ESE?": lambda: str(panel.status.event_enable),
            "*SRE?": lambda: str(panel.status.service_enable),
            "*STB?": self._ask_byte,
            "*TST?": lambda: "0",  # always (K2651A-757)
        }
        self._actions: dict[str, Callable[[], None]] = {
            "*RST": panel.reset,
            "*CLS": panel.model.clear,
            "*OPC": panel.promise_completion,
            "*OPC?": panel.ask_completion,
            "*WAI": panel.wait_complete,
            "*TRG": panel.trigger,
        }
        self._masks: dict[str, Callable[[int], None]] = {
            "*ESE": lambda value: setattr(panel.status, "event_enable", value),
            "*SRE": lambda value: setattr(panel.status, "service_enable", value & ~MSS),  # bit 6 counts as 0 (488.2)
        }

    def run(self, line: str) -> None:
        """Run a line; the first error ends it."""
        try:
            for unit in line.split(";"):
                if unit.strip():
                    self._unit(unit.strip())
        except InstrumentFault as fault:
            self._panel.fail(fault)
        except ScriptEnd as end:
            self._panel.status.push(RUNTIME, f"TSP Runtime error: {end}")

    def _unit(self, text: str) -> None:
        unit = scpi_text.parse_unit(text.encode("latin-1"))
        header = unit.header + "?" * unit.is_query
        wanted = int(header in self._masks)
        if not wanted and header not in self._replies and header not in self._actions:
            raise InstrumentFault(-113)
        if len(unit.parameters) != wanted:
            raise InstrumentFault(-108 if unit.parameters else -109)
        if header in self._replies:
            self._panel.say(self._replies[header]().encode())
        elif header in self._actions:
            self._actions[header]()
        else:
            value = scpi_text.number(unit.parameters[0])
            if not 0 <= value <= 255:
                raise InstrumentFault(-222)
            self._masks[header](round(value))

    def _ask_events(self) -> str:
        events = str(self._panel.status.read_event())
        self._panel.looked()
        return events

    def _ask_byte(self) -> str:
        byte = str(self._panel.model.byte(False))
        self._panel.looked()
        return byte
