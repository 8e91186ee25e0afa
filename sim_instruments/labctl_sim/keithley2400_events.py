"""The status registers of a Keithley 2400: measurement, operation and questionable (K24-288 [15-14])."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from labctl_sim.keithley2400_limits import spell
from labctl_sim.keithley2400_meter import OVER, RANGE_COMPLIANCE, REAL_COMPLIANCE
from labctl_sim.scpi import Call, Command
from labctl_sim.scpi_table import run
from labctl_sim.status import Register

if TYPE_CHECKING:
    from labctl_sim.keithley2400 import Keithley2400

LIMITS = 0b111111
READING_AVAILABLE, READING_OVERFLOW, BUFFER_AVAILABLE, BUFFER_FULL = 1 << 6, 1 << 7, 1 << 8, 1 << 9
OUTPUT_ENABLE, OVER_TEMPERATURE, OVER_VOLTAGE, COMPLIANCE = 1 << 11, 1 << 12, 1 << 13, 1 << 14
SWEEPING, WAITING_FOR_TRIGGER, WAITING_FOR_ARM, IDLE = 1 << 3, 1 << 5, 1 << 6, 1 << 10  # [MEM]
MEASUREMENT, QUESTIONABLE, OPERATION = 1, 8, 128  # bits of the status byte: MSB (PM), QSB, OSB (SCPI)


class Events:
    """Conditions come from the panel; events latch."""

    def __init__(self, panel: Keithley2400) -> None:
        self._panel = panel

    def commands(self) -> list[Command]:
        """STATus: condition, event, enable; a 2400 has no transition filters."""
        panel = self._panel
        registers = [
            *panel.register("STATus:MEASurement", MEASUREMENT, page="K24-288")[:3],
            *panel.register("STATus:QUEStionable", QUESTIONABLE, page="K24 ch. 15", verify=True)[:3],
            *panel.register("STATus:OPERation", OPERATION, page="K24 ch. 15", verify=True)[:3],
        ]
        return [
            *[replace(command, ask=self._in_radix(command.ask)) for command in registers],
            Command("STATus:PRESet", lambda _: self.preset(), page="PM"),
        ]

    def _in_radix(self, ask: Callable[[Call], Any] | None) -> Callable[[Call], Any]:
        """A register as FORMat:SREGister wants it."""

        def answer(call: Call) -> str:
            text = str(run(ask, call)) if ask is not None else "0"
            return spell(int(text), self._panel.state["registers"])

        return answer

    @property
    def _measurement(self) -> Register:
        return self._panel.status.registers[MEASUREMENT]

    @property
    def _operation(self) -> Register:
        return self._panel.status.registers[OPERATION]

    def preset(self) -> None:
        """No event is summed up any more."""
        for register in self._panel.status.registers.values():
            register.preset()

    def reading(self, word: int) -> None:
        """A reading with this status word is there."""
        panel, register = self._panel, self._measurement
        lasting = {
            OUTPUT_ENABLE: False, OVER_TEMPERATURE: False,
            OVER_VOLTAGE: panel.output.over_voltage(),
            COMPLIANCE: bool(word & (REAL_COMPLIANCE | RANGE_COMPLIANCE)),
        }  # fmt: skip
        register.update(self._kept(lasting) & ~(READING_AVAILABLE | READING_OVERFLOW))
        register.update(register.condition | READING_AVAILABLE | (READING_OVERFLOW if word & OVER else 0))

    def limits(self, bits: int) -> None:
        """Limits that failed, or that all passed: L1 to LP (K24-288)."""
        self._measurement.update(self._measurement.condition & ~LIMITS)
        self._measurement.update(self._measurement.condition | bits)

    def buffer(self, stored: int, full: bool) -> None:
        """The TRACe buffer holds so many readings."""
        self._measurement.update(self._kept({BUFFER_AVAILABLE: stored >= 2, BUFFER_FULL: full}))

    def protection(self, code: int) -> None:
        """What keeps the output off: the error code, or 0."""
        self._measurement.update(self._kept({OUTPUT_ENABLE: code == 802, OVER_TEMPERATURE: code == 810}))

    def idle(self) -> None:
        """The trigger model came to rest."""
        self._operation.update(IDLE)

    def waits(self, layer: int) -> None:
        """The trigger model waits in a layer, by the bit that says so; with 0 it has got what it waited for."""
        rest = self._operation.condition & ~(WAITING_FOR_ARM | WAITING_FOR_TRIGGER)
        self._operation.update(rest | layer)

    def sweeping(self, is_sweep: bool) -> None:
        """The trigger model left idle."""
        self._operation.update(SWEEPING if is_sweep else 0)

    def _kept(self, bits: dict[int, bool]) -> int:
        condition = self._measurement.condition & ~sum(bits)
        return condition | sum(bit for bit, present in bits.items() if present)
