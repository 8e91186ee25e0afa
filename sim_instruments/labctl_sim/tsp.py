"""An instrument that speaks TSP: 488.2 common commands, lines and scripts of Lua, an error queue that one prints.

Every line is a chunk of Lua of its own, except between ``loadscript`` and ``endscript``; every ``print`` is a response
of its own. Facts: 2600B reference manual, tagged K26-<page>; QKT, an open driver; [MEM] = from memory, verify.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from labctl_sim.fault import TRIGGERS
from labctl_sim.status import OPERATION_COMPLETE, InstrumentFault, Status
from labctl_sim.tsp_commands import CommonCommands
from labctl_sim.tsp_common import common_names
from labctl_sim.tsp_errors import OUT_OF_MEMORY, OVERRUN, RUNTIME, SYNTAX, TEXTS
from labctl_sim.tsp_format import Format
from labctl_sim.tsp_lua import Limits, Lua, Outcome
from labctl_sim.tsp_names import Name
from labctl_sim.tsp_status import StatusModel
from labctl_sim.tsp_tree import Instances, ScriptEnd, Tree
from labctl_sim.tsp_upload import LONGEST_SCRIPT, Upload
from labctl_sim.world import World

LONGEST_LINE = 32_768  # [MEM]; a DMM6500 of the same family takes 1024


class TspPanel(ABC):
    """The part of a TSP instrument that is the same in all of them."""

    error_depth = 30  # [MEM]
    longest_message = LONGEST_SCRIPT  # of lines, and so of a script
    conditions: frozenset[str] = TRIGGERS  # faults of itself that it asks about, see panel.py
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
        self._upload: Upload | None = None
        self._completes = False
        self._completion_asked: WeakKeyDictionary[object, bool] = WeakKeyDictionary()
        self._all_names: dict[str, Name] = {**common_names(self), **self.format.names(), **self.names()}
        self.registers(self.model)
        self._all_names |= self.model.names()
        self._common = CommonCommands(self)
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

    def factory_scripts(self) -> str:
        """Lua that is there from the beginning, if there is any."""
        return ""

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

    def ask_completion(self) -> None:
        """``*OPC?``."""
        self._completion_asked[self.asker] = True

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
        if len(message) > self.longest_message:
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
        self._upload = None
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
        if self._upload is not None:
            self._script_line(self._upload, line)
            return
        if not line.strip():
            return
        if len(line) > LONGEST_LINE:
            self.status.push(OVERRUN)
        elif line.lstrip().startswith("*"):
            self._common.run(line.strip())
        elif (upload := Upload.begun_by(line)) is not None:
            self._upload = upload
        else:
            self._end(self._lua.execute(line))

    def _script_line(self, upload: Upload, line: str) -> None:
        if not upload.ends(line):
            if upload.is_too_long:
                self._upload = None
                self.status.push(OUT_OF_MEMORY)
            return
        self._upload = None
        if not upload.has_legal_name:
            self.status.push(-282)
            return
        stored = self._lua.store(upload.name, upload.text)
        self._end(stored)
        if stored.kind == "ok" and upload.runs:
            self._end(self._lua.call(upload.name))

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
        if (scripts := self.factory_scripts()) and (outcome := lua.execute(scripts)).kind != "ok":
            raise RuntimeError(f"the factory scripts of {self.role} do not run: {outcome.message}")
        lua.seal()
        return lua

    # -- completion and responses

    def _settle(self) -> None:
        """Set the bit that ``*OPC`` promised, once nothing is pending."""
        if self._completes and not self.pending():
            self._completes = False
            self.status.event |= OPERATION_COMPLETE

    def _forget_responses(self) -> None:
        self._responses.pop(self.asker, None)
        self._completion_asked.pop(self.asker, None)
