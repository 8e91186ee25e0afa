"""The status model of TSP instruments: register sets with filters and enables that feed each other and the status byte.

Facts: 2600B reference manual, tagged K26-<page>; [MEM] = from memory, verify.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from labctl_sim.status import Status
from labctl_sim.tsp_names import Attribute, Constant, Function, Name, whole

MEASUREMENT, EAV, QUESTIONABLE, MAV, ESB, MSS, OPERATION = 1, 4, 8, 16, 32, 64, 128
ALL_BITS = 65535.0
_SUMMARIES = (("measurement", MEASUREMENT), ("questionable", QUESTIONABLE), ("operation", OPERATION))
_BYTE_NAMES = {
    "MSB": 1, "MEASUREMENT_SUMMARY_BIT": 1, "SSB": 2, "SYSTEM_SUMMARY_BIT": 2, "EAV": 4, "ERROR_AVAILABLE": 4,
    "QSB": 8, "QUESTIONABLE_SUMMARY_BIT": 8, "MAV": 16, "MESSAGE_AVAILABLE": 16, "ESB": 32, "EVENT_SUMMARY_BIT": 32,
    "MSS": 64, "MASTER_SUMMARY_STATUS": 64, "OSB": 128, "OPERATION_SUMMARY_BIT": 128,
}  # fmt: skip
_STANDARD_NAMES = {"OPC": 1, "QYE": 4, "DDE": 8, "EXE": 16, "CME": 32, "URQ": 64, "PON": 128,
                   "OPERATION_COMPLETE": 1, "QUERY_ERROR": 4, "DEVICE_DEPENDENT_ERROR": 8, "EXECUTION_ERROR": 16,
                   "COMMAND_ERROR": 32, "USER_REQUEST": 64, "POWER_ON": 128}  # fmt: skip


@dataclass
class Register:
    """One set: the condition now, what passed the transition filters since it was read, what is let through."""

    condition: Callable[[], int]
    event: int = 0
    enable: int = 0
    rising: int = int(ALL_BITS)  # ptr: all bits (K26-9-283)
    falling: int = 0
    last: int = 0

    def look(self) -> int:
        """Take notice of the condition; returns it."""
        now = self.condition()
        self.event |= (now & ~self.last & self.rising) | (self.last & ~now & self.falling)
        self.last = now
        return now

    def take(self) -> int:
        """The event register, which reading clears."""
        event, self.event = self.event, 0
        return event

    @property
    def summary(self) -> bool:
        """What the next register up sees of this one."""
        return bool(self.event & self.enable)


@dataclass
class StatusModel:
    """All register sets of an instrument by path, deepest first in ``look``; and the status byte over them."""

    status: Status
    looked: Callable[[], None]  # after a script has read a condition: see TspPanel.looked
    registers: dict[str, Register] = field(default_factory=dict)
    bits: dict[str, Mapping[str, int]] = field(default_factory=dict)  # constants per register
    _order: list[Register] = field(default_factory=list)

    def add(self, path: str, condition: Callable[[], int], bits: Mapping[str, int]) -> None:
        """Declare ``status.<path>``; ``bits`` are the constants that stand beside it."""
        self.registers[path] = Register(condition)
        self.bits[path] = bits
        self._order = [self.registers[each] for each in sorted(self.registers, key=lambda each: -each.count("."))]

    def summaries(self, *children: tuple[str, int]) -> Callable[[], int]:
        """A condition made of the summaries of registers: (path, bit)."""
        return lambda: sum(bit for path, bit in children if self.registers[path].summary)

    def look(self) -> None:
        """Let every register take notice, those below first."""
        for register in self._order:
            register.look()

    def byte(self, message_available: bool) -> int:
        """The status byte."""
        if any(register.enable for register in self._order):
            self.look()
        value = self.status.byte(message_available) & ~MSS
        for path, bit in _SUMMARIES:
            if path in self.registers and self.registers[path].summary:
                value |= bit
        return value | MSS * bool(value & self.status.service_enable)

    def reset(self) -> None:
        """``status.reset()``: enables and filters as at power-up, events gone."""
        for register in self.registers.values():
            register.event = register.enable = register.falling = 0
            register.rising = int(ALL_BITS)
            register.last = register.condition()
        self.status.event = self.status.event_enable = self.status.service_enable = 0

    def clear(self) -> None:
        """``*CLS``: events and errors go, enables and filters stay."""
        self.status.clear()
        for register in self.registers.values():
            register.event = 0

    def names(self) -> dict[str, Name]:
        """``status.*``."""
        status = self.status
        mask = whole(0, 255)
        byte_enable = Attribute(
            lambda: float(status.service_enable),
            lambda value: setattr(status, "service_enable", int(mask(value)) & ~MSS),  # bit 6 is ignored (488.2 10.34)
        )
        request = Attribute(lambda: float(self.byte(False) & status.service_enable))
        names: dict[str, Name] = {
            "status.condition": Attribute(lambda: self._seen(self.byte(False)), page="K26-9-276"),
            "status.request_enable": byte_enable,
            "status.request_event": request,
            "status.node_enable": byte_enable,
            "status.node_event": request,
            "status.reset": Function(self.reset),
            "status.standard.event": Attribute(lambda: float(status.read_event())),
            "status.standard.condition": Attribute(lambda: float(status.event)),
            "status.standard.enable": Attribute(
                lambda: float(status.event_enable), lambda value: setattr(status, "event_enable", int(mask(value)))
            ),
        }
        names |= {f"status.{name}": Constant(float(bit)) for name, bit in _BYTE_NAMES.items()}
        names |= {f"status.standard.{name}": Constant(float(bit)) for name, bit in _STANDARD_NAMES.items()}
        for path, register in self.registers.items():
            names |= self._of_register(f"status.{path}", register, self.bits[path])
        return names

    def _of_register(self, path: str, register: Register, bits: Mapping[str, int]) -> dict[str, Name]:
        mask = whole(0, ALL_BITS)

        def attribute(name: str) -> Attribute:
            return Attribute(
                lambda: float(getattr(register, name)), lambda value: setattr(register, name, int(mask(value)))
            )

        def event() -> float:
            self.look()
            return self._seen(register.take())

        def condition() -> float:
            self.look()
            return self._seen(register.last)

        return {
            f"{path}.condition": Attribute(condition, page="K26-9-283"),
            f"{path}.event": Attribute(event, page="K26-9-283"),
            f"{path}.enable": attribute("enable"),
            f"{path}.ptr": attribute("rising"),
            f"{path}.ntr": attribute("falling"),
            **{f"{path}.{name}": Constant(float(bit)) for name, bit in bits.items()},
        }

    def _seen(self, value: int) -> float:
        self.looked()
        return float(value)
