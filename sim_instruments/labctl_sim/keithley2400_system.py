"""The small things of a Keithley 2400: system, display, terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labctl_sim import scpi_text
from labctl_sim.scpi import Call, Command, Number, documented
from labctl_sim.status import InstrumentFault

if TYPE_CHECKING:
    from labctl_sim.keithley2400 import Keithley2400


class System:
    """The SYSTem and DISPlay subsystems."""

    def __init__(self, panel: Keithley2400) -> None:
        self._panel = panel

    def commands(self) -> list[Command]:
        """K24 chapter 18."""
        panel, meter = self._panel, self._panel.meter
        return [
            *documented(
                "PM",
                Command("SYSTem:PRESet", lambda _: panel.preset()),
                Command("SYSTem:ERRor[:NEXT]", ask=panel.next_error),
                Command("SYSTem:ERRor:ALL", ask=self._all_errors),
                Command("SYSTem:ERRor:COUNt", ask=lambda _: str(len(panel.status.errors))),
                Command("SYSTem:ERRor:CODE[:NEXT]", ask=lambda _: str(panel.status.pop()[0])),
                Command("SYSTem:ERRor:CODE:ALL", ask=self._all_codes),
                Command("SYSTem:CLEar", lambda _: panel.status.errors.clear()),
                Command("STATus:QUEue[:NEXT]", ask=panel.next_error),
                Command("STATus:QUEue:CLEar", lambda _: panel.status.errors.clear()),
                Command("SYSTem:VERSion", ask=lambda _: "1996.0"),
                Command("SYSTem:TIME", ask=lambda _: f"{meter.seconds():.3f}"),
                Command("SYSTem:TIME:RESet", lambda _: meter.restart_time()),
                panel.switch("SYSTem:TIME:RESet:AUTO", "time_auto", verify=True),
                panel.switch("SYSTem:AZERo:CACHing[:STATe]", "cache", verify=True),
                Command("SYSTem:AZERo:CACHing:REFResh", lambda _: None, verify=True),
                Command("SYSTem:AZERo:CACHing:RESet", lambda _: None, verify=True),
                Command("SYSTem:AZERo:CACHing:NPLCycles", ask=lambda _: "", verify=True),
                Command("SYSTem:MEMory:INITialize", lambda _: self._initialise(), verify=True),
                panel.switch("SYSTem:MEP[:STATe]", "exchange", verify=True),  # on: SCPI; off: 488.1, for speed
                panel.switch("SYSTem:MEP:HOLDoff", "holdoff", verify=True),
                Command("DISPlay[:WINDow#]:DATA", ask=lambda _: f'"{self._shown()}"', verify=True),
                Command("DISPlay[:WINDow#]:ATTRibutes", ask=lambda _: f'"{"0" * 20}"', verify=True),
                Command("SYSTem:LFRequency", self._set_line, lambda _: f"{meter.line_hertz:.0f}"),
                panel.switch("SYSTem:LFRequency:AUTO", "line_auto"),
                panel.switch("SYSTem:RSENse", "four_wire"),
                panel.option("SYSTem:GUARd", "guard", ("OHMS", "CABLe")),
                Command("SYSTem:AZERo[:STATe]", self._set_autozero, lambda _: str(int(panel.state["autozero"]))),
                panel.option("SYSTem:RCMode", "range_change", ("SINGle", "MULTiple")),
                panel.option("SYSTem:POSetup", "power_on", ("RST", "PRESet", "SAV0", "SAV1", "SAV2", "SAV3", "SAV4")),
                panel.switch("SYSTem:BEEPer:STATe", "beeper"),
                Command("SYSTem:BEEPer[:IMMediate]", self._beep),
                *[Command(f"SYSTem:{word}", lambda _: None) for word in ("LOCal", "REMote", "RWLock", "KEY")],
                verify=True,
            ),
            *documented(
                "PM",
                panel.switch("DISPlay:ENABle", "display"),
                panel.integer("DISPlay:DIGits", "digits", 4, 7),
                Command("DISPlay:CNDisplay", lambda _: None),
                Command("DISPlay[:WINDow#]:TEXT[:DATA]", self._set_text, lambda _: f'"{panel.state["text"]}"'),
                panel.switch("DISPlay[:WINDow#]:TEXT:STATe", "text_shown"),
                Command("ROUTe:TERMinals", self._set_terminals, lambda _: str(panel.state["terminals"])),
            ),
        ]

    def _all_errors(self, call: Call) -> str:
        return ",".join(self._panel.next_error(call) for _ in range(max(len(self._panel.status.errors), 1)))

    def _all_codes(self, _: Call) -> str:
        return ",".join(str(self._panel.status.pop()[0]) for _ in range(max(len(self._panel.status.errors), 1)))

    def _initialise(self) -> None:
        """The buffer, the memories of *SAV and of the source are as new."""
        self._panel.buffers.clear()
        self._panel.saved.clear()
        self._panel.memory.saved.clear()
        self._panel.maths.own.clear()

    def _shown(self) -> str:
        """What the upper line shows: a text, the last reading, or nothing yet."""
        panel = self._panel
        if panel.state["text_shown"]:
            return str(panel.state["text"])
        return panel.format_number(panel.buffers.readings[-1][1]) if panel.buffers.readings else "------"

    def _set_line(self, call: Call) -> None:
        hertz = scpi_text.number(call.only(), "HZ")
        if hertz not in (50.0, 60.0):
            raise InstrumentFault(-222)
        self._panel.meter.line_hertz = hertz

    def _set_autozero(self, call: Call) -> None:
        parameter = call.only()
        if not (isinstance(parameter, str) and parameter.upper() == "ONCE"):
            self._panel.state["autozero"] = scpi_text.boolean(parameter)

    def _beep(self, call: Call) -> None:
        limits = (Number("HZ", 65.0, 2e6), Number("S", 0.0, 7.9))
        if len(call.parameters) > len(limits):
            raise InstrumentFault(-108)
        for parameter, kind in zip(call.parameters, limits, strict=False):
            self._panel.limited(kind.read(parameter), *kind.bounds())

    def _set_text(self, call: Call) -> None:
        text = scpi_text.string(call.only())
        if len(text) > 32:
            raise InstrumentFault(-223)
        self._panel.state["text"] = text

    def _set_terminals(self, call: Call) -> None:
        """Changing them turns the output off [MEM]; the bench's cable is on whichever are used."""
        terminals = scpi_text.choice(call.only(), ("FRONt", "REAR"))
        if terminals != self._panel.state["terminals"]:
            self._panel.state["terminals"] = terminals
            self._panel.output.turn(on=False)
