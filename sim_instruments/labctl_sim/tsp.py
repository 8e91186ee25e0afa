"""An instrument that speaks TSP: 488.2 common commands, lines and scripts of Lua, an error queue that one prints.

Every line is a chunk of Lua of its own, except between ``loadscript`` and ``endscript``; every ``print`` is a response
of its own. Facts: 2600B reference manual, tagged K26-<page>; QKT, an open driver; [MEM] = from memory, verify.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from labctl_sim import scpi_text
from labctl_sim.status import OPERATION_COMPLETE, InstrumentFault, Status
from labctl_sim.tsp_common import common_names
from labctl_sim.tsp_errors import OUT_OF_MEMORY, OVERRUN, RUNTIME, SYNTAX, TEXTS
from labctl_sim.tsp_format import Format
from labctl_sim.tsp_lua import Limits, Lua, Outcome
from labctl_sim.tsp_names import Name
from labctl_sim.tsp_status import StatusModel
from labctl_sim.tsp_tree import Instances, ScriptEnd, Tree
from labctl_sim.world import World

LONGEST_LINE = 32_768  # [MEM]; a DMM6500 of the same family takes 1024
LONGEST_MESSAGE = 1_000_000  # of lines, and so of a script
_SCRIPT = re.compile(r"\s*(loadscript|loadandrunscript)\b[ \t]*(\S*)\s*")
_NAME = re.compile(r"[A-Za-z_]\w*|")


class TspPanel(ABC):
    """The part of a TSP instrument that is the same in all of them."""

    error_depth = 30  # [MEM]
    precision = 6  # digits of numbers as printed, format.asciiprecision after reset

    def __init__(self, world: World, role: str, options: Mapping[str, Any]) -> None:
        self.world = world
        self.role = role
        self.options = options
        self.status = Status(self.error_depth, TEXTS)
        self.model = StatusModel(self.status, self.looked)
        self.format = Format(self.precision, self._format_numbers)
        self.asker: object = self
        self.mistakes: list[Exception] = []
        self._responses: WeakKeyDictionary[object, deque[bytes]] = WeakKeyDictionary()
        self._printed: deque[bytes] = deque()
        self._script: tuple[str, str, list[str], int] | None = None  # verb, name, lines, bytes
        self._completes = False
        self._completion_asked: WeakKeyDictionary[object, bool] = WeakKeyDictionary()
        self._all_names: dict[str, Name] = {**common_names(self), **self.format.names(), **self.names()}
        self.registers(self.model)
        self._all_names |= self.model.names()
        self._tree = Tree(self._all_names, self.instances(), self.say, self.fail, self.mistakes.append)
        self._lua = self._fresh()
        self.reset()

    # -- what each instrument says of itself

    @abstractmethod
    def identity(self) -> str:
        """The answer to ``*IDN?``."""

    @abstractmethod
    def names(self) -> dict[str, Name]:
        """The instrument's own names: attributes, functions, constants."""

    @abstractmethod
    def reset(self) -> None:
        """``reset()`` and ``*RST``."""

    def instances(self) -> tuple[Instances, ...]:
        """The class of objects that scripts can make, if there is one."""
        return ()

    def registers(self, model: StatusModel) -> None:
        """Declare the status registers that it has besides the standard ones."""
        return

    def looked(self) -> None:
        """Someone has looked whether something still runs, and will probably wait and look again."""
        return

    def pending(self) -> bool:
        """True while an overlapped operation runs: ``*OPC``, ``*OPC?``, ``*WAI`` and ``waitcomplete`` wait for it."""
        return False

    def take_trigger(self) -> None:
        """What ``*TRG`` does; nothing waits for it unless the instrument says so."""
        return

    def abort(self) -> None:
        """What device clear stops."""
        return

    def table(self) -> dict[str, Name]:
        """All names; their ``page`` and ``verify`` say how well each is known."""
        return dict(self._all_names)

    # -- for the functions of the object tree

    def say(self, text: bytes) -> None:
        """Print a line."""
        self._printed.append(text + b"\n")

    def fail(self, fault: InstrumentFault) -> None:
        """Queue an error."""
        self.status.push(fault.code, fault.text)

    def wait_complete(self) -> None:
        """Let time pass until no overlapped operation runs."""
        while self.pending():
            due = self.world.next_event()
            if due is None:
                raise ScriptEnd("waitcomplete() waits for a trigger that nothing here will ever send")
            self.world.sleep(due - self.world.now())

    def promise_completion(self) -> None:
        """``opc()`` and ``*OPC``."""
        self._completes = True
        self._settle()

    # -- the Panel protocol

    @property
    def waiting(self) -> bool:
        """True while a response of the present asker is still to come from ``poll``."""
        return bool(self._responses.get(self.asker)) or self.asker in self._completion_asked

    def handle(self, message: bytes) -> bytes | None:
        """Run a message; the first line that it prints is the response, the others come from ``poll``."""
        if self.waiting:
            self.interrupted()
        self._settle()
        self._tree.begin()
        self._printed = deque()
        if len(message) > LONGEST_MESSAGE:
            self.status.push(OVERRUN)
        else:
            for line in message.decode("latin-1").split("\n"):
                self._line(line.rstrip("\r"))
        self._settle()
        self.model.look()
        if self._printed:
            self._responses[self.asker] = self._printed
        return self.poll()

    def poll(self) -> bytes | None:
        """The next line that was printed, or the answer to ``*OPC?`` once nothing is pending."""
        self._settle()
        lines = self._responses.get(self.asker)
        if lines:
            line = lines.popleft()
            if not lines:
                del self._responses[self.asker]
            return line
        if self.asker in self._completion_asked and not self.pending():
            del self._completion_asked[self.asker]
            return b"1\n"
        return None

    def interrupted(self) -> None:
        """-410."""
        self._forget_responses()
        self.status.push(-410)

    def unterminated(self) -> None:
        """-420."""
        if not self.waiting:
            self.status.push(-420)

    def clear(self) -> None:
        """Device clear: stops what runs and forgets half-sent scripts; settings stay."""
        self._forget_responses()
        self._script = None
        self._completes = False
        self.abort()

    def trigger(self) -> None:
        """The bus trigger does what ``*TRG`` does."""
        for _ in range(self.world.faults.triggers(self.role)):
            self.take_trigger()

    def status_byte(self, message_available: bool) -> int:
        """Serial poll."""
        self._settle()
        return self.model.byte(message_available)

    # -- lines and scripts

    def _line(self, line: str) -> None:
        if self._script is not None:
            self._script_line(line, *self._script)
            return
        if not line.strip():
            return
        if len(line) > LONGEST_LINE:
            self.status.push(OVERRUN)
        elif line.lstrip().startswith("*"):
            self._common_line(line.strip())
        elif (begins := _SCRIPT.fullmatch(line)) is not None:
            self._script = (begins[1], begins[2], [], 0)
        else:
            self._end(self._lua.execute(line))

    def _script_line(self, line: str, verb: str, name: str, lines: list[str], size: int) -> None:
        if line.strip() != "endscript":
            size += len(line) + 1
            lines.append(line)
            self._script = (verb, name, lines, size) if size <= LONGEST_MESSAGE else None
            if self._script is None:
                self.status.push(OUT_OF_MEMORY)
            return
        self._script = None
        if _NAME.fullmatch(name) is None:
            self.status.push(-282)
            return
        stored = self._lua.store(name, "\n".join(lines))
        self._end(stored)
        if stored.kind == "ok" and verb == "loadandrunscript":
            self._end(self._lua.call(name))

    def _end(self, outcome: Outcome) -> None:
        """What the error queue gets of how a script ended; an interpreter that is full is replaced."""
        if outcome.kind == "memory":
            self.status.push(OUT_OF_MEMORY)
            if not self._lua.tidy():
                self._lua = self._fresh()
        elif outcome.kind != "ok":
            code, what = (SYNTAX, "Syntax") if outcome.kind == "syntax" else (RUNTIME, "Runtime")
            self.status.push(code, f"TSP {what} error at line {outcome.line}: {outcome.text[:200]}")
            self._lua.tidy()

    def _format_numbers(self, pattern: str) -> None:
        self._lua.format_numbers(pattern)

    def _fresh(self) -> Lua:
        lua = Lua(self._tree.host, Limits.of(self.options))
        self._tree.grow(lua)
        lua.format_numbers(f"%.{self.format.precision - 1}e")
        return lua

    # -- common commands

    def _common_line(self, line: str) -> None:
        try:
            for unit in line.split(";"):
                if unit.strip():
                    self._common(unit.strip())
        except InstrumentFault as fault:
            self.fail(fault)
        except ScriptEnd as end:
            self.status.push(RUNTIME, f"TSP Runtime error: {end}")

    def _common(self, text: str) -> None:
        unit = scpi_text.parse_unit(text.encode("latin-1"))
        header = unit.header + "?" * unit.is_query
        status = self.status
        replies: dict[str, Callable[[], str]] = {
            "*IDN?": self.identity,
            "*ESR?": self._ask_events,
            "*ESE?": lambda: str(status.event_enable),
            "*SRE?": lambda: str(status.service_enable),
            "*STB?": self._ask_byte,
            "*TST?": lambda: "0",  # always (2651A p.757)
        }
        actions: dict[str, Callable[[], None]] = {
            "*RST": self.reset,
            "*CLS": self._clear_status,
            "*OPC": self.promise_completion,
            "*OPC?": lambda: self._completion_asked.update({self.asker: True}),
            "*WAI": self.wait_complete,
            "*TRG": self.trigger,
        }
        if header in replies:
            self.say(replies[header]().encode())
        elif header in actions:
            if unit.parameters:
                raise InstrumentFault(-108)
            actions[header]()
        elif header in ("*ESE", "*SRE") and len(unit.parameters) == 1:
            value = scpi_text.number(unit.parameters[0])
            if not 0 <= value <= 255:
                raise InstrumentFault(-222)
            setattr(status, "event_enable" if header == "*ESE" else "service_enable", round(value))
        else:
            raise InstrumentFault(-109 if header in ("*ESE", "*SRE") else -113)

    def _ask_events(self) -> str:
        events = str(self.status.read_event())
        self.looked()
        return events

    def _ask_byte(self) -> str:
        byte = str(self.model.byte(False))
        self.looked()
        return byte

    def _clear_status(self) -> None:
        self.status.clear()
        for register in self.model.registers.values():
            register.event = 0

    def _settle(self) -> None:
        """Set the bit that ``*OPC`` promised, once nothing is pending."""
        if self._completes and not self.pending():
            self._completes = False
            self.status.event |= OPERATION_COMPLETE

    def _forget_responses(self) -> None:
        self._responses.pop(self.asker, None)
        self._completion_asked.pop(self.asker, None)


def to_verify(panel: TspPanel) -> dict[str, Name]:
    """The names of ``panel`` that are known from memory only, for a session at the real instrument to tick off."""
    return {name: entry for name, entry in panel.table().items() if getattr(entry, "verify", False)}
