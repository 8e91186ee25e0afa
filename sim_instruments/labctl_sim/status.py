"""The status model of IEEE 488.2: event register, enable masks, status byte, error queue."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

OPERATION_COMPLETE = 1
POWER_ON = 128
REQUEST = 64  # of the status byte: it sums up the others, and cannot be enabled (488.2 11.3.2)
OVERRUN = -363

TEXTS = {
    0: "No error",
    -101: "Invalid character",
    -102: "Syntax error",
    -104: "Data type error",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -113: "Undefined header",
    -114: "Header suffix out of range",
    -120: "Numeric data error",
    -124: "Too many digits",
    -131: "Invalid suffix",
    -138: "Suffix not allowed",
    -151: "Invalid string data",
    -161: "Invalid block data",
    -171: "Invalid expression",
    -211: "Trigger ignored",
    -213: "Init ignored",
    -221: "Settings conflict",
    -222: "Data out of range",
    -223: "Too much data",
    -224: "Illegal parameter value",
    -230: "Data corrupt or stale",
    -310: "System error",
    -350: "Queue overflow",
    -363: "Input buffer overrun",
    -410: "Query INTERRUPTED",
    -420: "Query UNTERMINATED",
    -430: "Query DEADLOCKED",
    -440: "Query UNTERMINATED after indefinite response",
}


class InstrumentFault(Exception):  # an error of the simulated instrument, never of ours
    """What a command handler raises to put an error in the queue and drop the rest of the message."""

    def __init__(self, code: int, text: str | None = None) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


def event_bit(code: int) -> int:
    """The bit of the standard event register that an error of this code sets."""
    if -200 < code <= -100:
        return 32  # command error
    if -300 < code <= -200 or 800 <= code < 900:
        return 16  # execution error; Keithley counts its +8xx here (K24-441)
    if -500 < code <= -400:
        return 4  # query error
    return 8  # device-dependent error


class Register:
    """A SCPI status register: ``condition``, the ``event`` latched from it, and which events count (``enable``)."""

    def __init__(self) -> None:
        self.condition = 0
        self.event = 0
        self.enable = 0
        self.positive = 0x7FFF  # bits that latch when they rise, and
        self.negative = 0  # when they fall

    def update(self, condition: int) -> None:
        """The condition is now this; its transitions latch."""
        rose, fell = condition & ~self.condition, self.condition & ~condition
        self.condition = condition
        self.event |= (rose & self.positive) | (fell & self.negative)

    def read_event(self) -> int:
        """The events, which reading clears."""
        event, self.event = self.event, 0
        return event

    def preset(self) -> None:
        """``STATus:PRESet``."""
        self.enable, self.positive, self.negative = 0, 0x7FFF, 0


class Status:
    """One instrument's registers and its error queue of ``depth``; when full, the last entry becomes -350.

    ``texts`` are those that this model words in its own way. ``registers`` are summed up in the status byte's bit of
    their key (1, 8 or 128, usually).
    """

    def __init__(self, depth: int, texts: Mapping[int, str]) -> None:
        self.event = POWER_ON
        self.event_enable = 0
        self._service_enable = 0
        self.power_on_clear = True
        self.falls = 0  # times that the last reason for service went away
        self.registers: dict[int, Register] = {}
        self.errors: deque[tuple[int, str]] = deque()
        self._depth = depth
        self._texts = {**TEXTS, **texts}

    @property
    def service_enable(self) -> int:
        """Which bits of the status byte are a reason for service."""
        return self._service_enable

    @service_enable.setter
    def service_enable(self, mask: int) -> None:
        self._service_enable = mask & ~REQUEST

    def push(self, code: int, text: str | None = None) -> None:
        """Queue an error and set its event bit."""
        self.event |= event_bit(code)
        if len(self.errors) >= self._depth:
            self.errors[-1] = (-350, self._texts[-350])
            self.event |= event_bit(-350)
        else:
            self.errors.append((code, self._texts.get(code, "") if text is None else text))

    def pop(self) -> tuple[int, str]:
        """The oldest error, or (0, "No error")."""
        entry = self.errors.popleft() if self.errors else (0, self._texts[0])
        self._fallen()
        return entry

    def overflow(self) -> None:
        """Let the error queue be full, and one error too many come."""
        for _ in range(self._depth + 1):
            self.push(-350)

    def clear(self) -> None:
        """``*CLS``: events and errors go, enable masks stay."""
        self.event = 0
        for register in self.registers.values():
            register.event = 0
        self.errors.clear()
        self._fallen()

    def read_event(self) -> int:
        """``*ESR?``: the event register, which reading clears."""
        event, self.event = self.event, 0
        self._fallen()
        return event

    def _fallen(self) -> None:
        if self.service_enable and not self.byte(False) & 64:
            self.falls += 1

    def byte(self, message_available: bool) -> int:
        """The status byte: error available (4), message available (16), event summary (32), master summary (64)."""
        value = 4 * bool(self.errors) | 16 * message_available | 32 * bool(self.event & self.event_enable)
        for bit, register in self.registers.items():
            value |= bit * bool(register.event & register.enable)
        return value | 64 * bool(value & self.service_enable)
