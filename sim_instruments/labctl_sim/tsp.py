"""An instrument that speaks TSP: 488.2 common commands, an error queue that one prints, and lines of Lua."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from labctl_sim import scpi_text
from labctl_sim.status import OPERATION_COMPLETE, InstrumentFault, Status
from labctl_sim.tsp_line import SYNTAX, Attribute, Line, Name, number, text_of
from labctl_sim.world import World

LONGEST_LINE = 8192


class TspPanel(ABC):
    """The part of a TSP instrument that is the same in all of them."""

    error_depth = 30  # [MEM]

    def __init__(self, world: World, role: str, options: Mapping[str, Any]) -> None:
        self.world = world
        self.role = role
        self.options = options
        self.status = Status(self.error_depth, {})
        self._names: dict[str, Name] = {**self._shared(), **self.names()}
        self.reset()

    @abstractmethod
    def identity(self) -> str:
        """The answer to ``*IDN?``."""

    @abstractmethod
    def names(self) -> dict[str, Name]:
        """The instrument's own names: attributes, functions, constants."""

    @abstractmethod
    def reset(self) -> None:
        """``reset()`` and ``*RST``."""

    def handle(self, message: bytes) -> bytes | None:
        """Run a message; what it prints is the response."""
        printed: list[str] = []
        try:
            line = message.decode("ascii").strip()
            if len(line) > LONGEST_LINE:
                raise InstrumentFault(-223)
            if line.startswith("*"):
                self._common(line.upper(), printed)
            else:
                Line(line, self._names, printed).run()
        except UnicodeDecodeError:
            self.status.push(SYNTAX, "TSP Syntax error at line 1: unexpected symbol")
        except InstrumentFault as fault:
            self.status.push(fault.code, fault.text)
        return "".join(line + "\n" for line in printed).encode("ascii", "replace") if printed else None

    def poll(self) -> bytes | None:
        """Nothing is ever deferred: a command ends when its relays have settled."""
        return None

    def interrupted(self) -> None:
        """-410."""
        self.status.push(-410)

    def unterminated(self) -> None:
        """-420."""
        self.status.push(-420)

    def clear(self) -> None:
        """Device clear: there is no half-done input."""
        return

    def trigger(self) -> None:
        """A bus trigger, which nothing here waits for."""
        return

    def status_byte(self, message_available: bool) -> int:
        """Serial poll."""
        return self.status.byte(message_available)

    def _common(self, text: str, printed: list[str]) -> None:
        unit = scpi_text.parse_unit(text.encode())
        header = unit.header + "?" * unit.is_query
        replies: dict[str, Callable[[], str]] = {
            "*IDN?": self.identity,
            "*ESR?": lambda: str(self.status.read_event()),
            "*ESE?": lambda: str(self.status.event_enable),
            "*SRE?": lambda: str(self.status.service_enable),
            "*STB?": lambda: str(self.status.byte(False)),
            "*OPC?": lambda: "1",
            "*TST?": lambda: "0",
        }
        actions: dict[str, Callable[[], None]] = {
            "*RST": self.reset,
            "*CLS": self.status.clear,
            "*OPC": lambda: setattr(self.status, "event", self.status.event | OPERATION_COMPLETE),
            "*WAI": lambda: None,
            "*TRG": self.trigger,
        }
        if header in replies:
            printed.append(replies[header]())
        elif header in actions:
            actions[header]()
        elif header in ("*ESE", "*SRE") and len(unit.parameters) == 1:
            value = scpi_text.number(unit.parameters[0])
            if not 0 <= value <= 255:
                raise InstrumentFault(-222)
            setattr(self.status, "event_enable" if header == "*ESE" else "service_enable", round(value))
        else:
            raise InstrumentFault(-113)

    def _forget(self) -> None:
        self.status.errors.clear()

    def _shared(self) -> dict[str, Name]:
        def take() -> tuple[float, str, float, float]:
            code, text = self.status.pop()
            return (float(code), text if code else "Queue Is Empty", 20.0 if code else 0.0, 1.0)

        identity = [part.strip() for part in self.identity().split(",")]
        return {
            "errorqueue.count": Attribute(lambda: float(len(self.status.errors))),
            "errorqueue.next": take,
            "errorqueue.clear": self._forget,
            "waitcomplete": lambda *_: None,
            "delay": lambda seconds: self.world.sleep(number(seconds)),
            "reset": lambda *_: self.reset(),
            "tostring": text_of,
            "tonumber": number,
            "localnode.model": Attribute(lambda: identity[1].removeprefix("Model ")),
            "localnode.serialno": Attribute(lambda: identity[2]),
        }
