"""The common commands of IEEE 488.2, the same in every SCPI instrument; their pages are sections of the standard."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING

from labctl_sim import scpi_text
from labctl_sim.scpi_table import Call, Command, Later, Reply
from labctl_sim.status import InstrumentFault

if TYPE_CHECKING:
    from labctl_sim.scpi import ScpiPanel


def common(panel: ScpiPanel) -> list[Command]:
    """The lines of the table that all instruments share; ``*SAV`` and ``*RCL`` where there are memories for them."""
    status = panel.status

    def mask(name: str) -> Callable[[Call], None]:
        def write(call: Call) -> None:
            value = scpi_text.number(call.only())
            if not 0 <= value <= 255:
                raise InstrumentFault(-222)
            setattr(status, name, round(value))

        return write

    def opc(_: Call) -> None:
        panel.completes = True
        panel.settle()

    def opc_query(_: Call) -> Reply | Later:
        return Later(lambda: not panel.pending(), lambda: "1") if panel.pending() else "1"

    def wait(_: Call) -> Later | None:
        return Later(lambda: not panel.pending(), lambda: None) if panel.pending() else None

    def forget(then: Callable[[], None]) -> Callable[[Call], None]:
        def act(_: Call) -> None:
            panel.completes = False  # *RST and *CLS cancel a pending *OPC (488.2 12.5.2)
            then()

        return act

    def event(_: Call) -> str:
        panel.settle()
        return str(status.read_event())

    def byte(_: Call) -> str:
        return str(panel.status_byte(panel.replied))

    def on_power(call: Call) -> None:
        status.power_on_clear = scpi_text.boolean(call.only())

    def place(call: Call) -> int:
        number = round(scpi_text.number(call.only()))
        if not 0 <= number < panel.memories:
            raise InstrumentFault(-222)
        return number

    def save(call: Call) -> None:
        panel.saved[place(call)] = copy.deepcopy(panel.state)

    def recall(call: Call) -> None:
        number = place(call)
        if number in panel.saved:
            panel.state = copy.deepcopy(panel.saved[number])
            panel.recalled()
        else:
            panel.reset()  # an empty memory holds the defaults [MEM]

    memories = [
        Command("*SAV", save, page="488.2 10.33"),
        Command("*RCL", recall, page="488.2 10.29", verify=True),
    ]
    return [
        *(memories if panel.memories else ()),
        Command("*IDN", ask=lambda _: panel.identity(), page="488.2 10.14"),
        Command("*RST", forget(panel.reset), page="488.2 10.32"),
        Command("*CLS", forget(status.clear), page="488.2 10.3"),
        Command("*ESR", ask=event, page="488.2 10.12"),
        Command("*ESE", mask("event_enable"), lambda _: str(status.event_enable), "488.2 10.10"),
        Command("*SRE", mask("service_enable"), lambda _: str(status.service_enable), "488.2 10.34"),
        Command("*STB", ask=byte, page="488.2 10.36"),
        Command("*OPC", opc, opc_query, "488.2 10.18"),
        Command("*WAI", wait, page="488.2 10.39"),
        Command("*TRG", lambda _: panel.triggered(), page="488.2 10.37"),
        Command("*TST", ask=lambda _: "0", page="488.2 10.38"),
        Command("*OPT", ask=lambda _: "0", page="488.2 10.20"),
        Command("*PSC", on_power, lambda _: str(int(status.power_on_clear)), "488.2 10.25"),
    ]
