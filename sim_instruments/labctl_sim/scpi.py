"""An instrument that speaks SCPI: a table of commands, the 488.2 rules around it, and no transport.

What a panel may use beyond its table: ``page`` and ``verify`` on every command (``to_verify`` lists what is from
memory only); ``pending`` for operations that ``*OPC``, ``*OPC?`` and ``*WAI`` wait for; ``register`` for a SCPI status
register with its commands; ``scpi_text.channels`` for lists such as ``(@1!1!1:1!1!4)``. Deferred replies belong to the
session that asked (see ``asker`` in panel.py): two sessions may each wait for their own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

from labctl_sim import scpi_text
from labctl_sim.scpi_common import common
from labctl_sim.scpi_settings import Settings
from labctl_sim.scpi_table import Call, Command, Later, Number, Reply, documented, only_first
from labctl_sim.status import OPERATION_COMPLETE, InstrumentFault, Status
from labctl_sim.world import World

__all__ = ["Call", "Command", "Later", "Number", "Reply", "ScpiPanel", "documented", "only_first", "to_verify"]

INDEFINITE = b"#0"
KNOWN_HEADERS = 4096  # spellings of headers that are remembered
MISTAKES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@dataclass
class _Message:
    """A message half run: its units still to come, the bytes of these, the header path, the replies so far."""

    units: Iterator[bytes]
    left: int
    path: str = ""
    replies: list[bytes] = field(default_factory=list)
    size: int = 0
    deadlocked: bool = False


@dataclass
class _Deferred:
    """What one session waits for, and what it has sent in the meantime (after ``*WAI``)."""

    later: Later
    message: _Message
    is_query: bool
    next: deque[bytes] = field(default_factory=deque)


class ScpiPanel(Settings, ABC):
    """The part of an SCPI instrument that is the same in all of them. Settings live in ``self.state`` by key.

    ``mistakes`` holds what went wrong in our own handlers, where the instrument reports ``system_error``; a test that
    sends it rubbish looks whether it is empty.
    """

    error_depth = 20
    texts: Mapping[int, str] = MappingProxyType({})  # where its wording is its own
    input_bytes = 4096  # [MEM] a message whose rest does not fit in here,
    output_bytes = 65536  # [MEM] while its replies do not fit in here, is a deadlock (488.2 6.3.1.7): -430
    system_error = -310
    memories = 0  # of *SAV and *RCL; a panel that has some has ``recalled``

    def __init__(self, world: World, role: str, options: Mapping[str, Any]) -> None:
        self.world = world
        self.role = role
        self.options = options
        self.status = Status(self.error_depth, self.texts)
        self.state: dict[str, Any] = {}
        self.saved: dict[int, dict[str, Any]] = {}
        self._commands = [*self.commands(), *common(self)]  # an instrument may have its own *OPC?
        self._known: dict[str, tuple[Command, tuple[int, ...]]] = {}
        self.asker: object = self
        self.mistakes: list[Exception] = []
        self._deferred: WeakKeyDictionary[object, _Deferred] = WeakKeyDictionary()
        self._running: _Message | None = None
        self.completes = False  # *OPC was sent and its bit is still to be set
        self.reset()

    # -- what each instrument says of itself

    @abstractmethod
    def identity(self) -> str:
        """The answer to ``*IDN?``."""

    @abstractmethod
    def commands(self) -> list[Command]:
        """The instrument's own table; the 488.2 common commands are already there."""

    @abstractmethod
    def reset(self) -> None:
        """``*RST``: write the settings' table and tell the world."""

    def pending(self) -> bool:
        """True while an operation that was started is not over: ``*OPC``, ``*OPC?`` and ``*WAI`` wait for it."""
        return False

    def recalled(self) -> None:
        """``state`` has come from a memory of ``*SAV``: tell the world what it says."""

    def power_on(self, before: object) -> None:
        """After a power failure: memories survive it, and the enable masks under ``*PSC 0``."""
        if not isinstance(before, ScpiPanel):
            return
        self.saved = before.saved
        if not before.status.power_on_clear:
            self.status.power_on_clear = False
            self.status.event_enable = before.status.event_enable
            self.status.service_enable = before.status.service_enable

    def take_trigger(self) -> None:
        """What ``*TRG`` does; -211 unless the instrument is waiting for one."""
        raise InstrumentFault(-211)

    def format_error(self, code: int, text: str) -> str:
        """An entry of the error queue as this instrument writes it."""
        return f'{code:+d},"{text}"'

    def prefix(self, full_header: str) -> str:
        """What stands before a reply; nothing, unless the instrument echoes headers."""
        return ""

    def table(self) -> list[Command]:
        """All commands, the instrument's own first."""
        return list(self._commands)

    # -- the Panel protocol

    @property
    def replied(self) -> bool:
        """True while a message is run that has a reply already."""
        return self._running is not None and bool(self._running.replies)

    @property
    def waiting(self) -> bool:
        """True while the present asker's reply is still to come; a panel that holds messages adds its own."""
        return self._waiting is not None

    @property
    def _waiting(self) -> _Deferred | None:
        return self._deferred.get(self.asker)

    @_waiting.setter
    def _waiting(self, deferred: _Deferred | None) -> None:
        if deferred is None:
            self._deferred.pop(self.asker, None)
        else:
            self._deferred[self.asker] = deferred

    def handle(self, message: bytes) -> bytes | None:
        """Run the commands of one message; an error drops the rest of it."""
        self.settle()
        if (deferred := self._waiting) is not None:
            if not deferred.is_query and not deferred.message.replies:
                deferred.next.append(message)  # *WAI: what comes after it is read after it
                return self.poll()
            self._waiting = None
            self.interrupted()
        return self._handle_all(scpi_text.messages(message))

    def _handle_all(self, texts: Iterable[bytes]) -> bytes | None:
        reply: bytes | None = None
        for text in texts:
            if reply is not None:
                self.interrupted()
            elif (deferred := self._waiting) is not None:
                if not deferred.is_query:
                    deferred.next.append(text)
                    continue
                self._waiting = None
                self.interrupted()
            reply = self._run(_Message(scpi_text.units(text), len(text)))
        return reply

    def poll(self) -> bytes | None:
        """The deferred reply, if it is ready; the rest of its message runs then."""
        if not self._deferred or (deferred := self._waiting) is None:
            return None
        message, self._running = deferred.message, deferred.message
        try:
            if not self._guarded(deferred.later.ready):
                return None
            self._waiting = None
            reply = self._guarded(deferred.later.reply)
        except InstrumentFault as fault:
            self._waiting = None
            self.status.push(fault.code, fault.text)
            message.units = iter(())
            reply = None
        finally:
            self._running = None
        self._add(message, reply)
        answer = self._run(message)
        if (again := self._waiting) is not None:
            again.next.extend(deferred.next)
            return None
        if answer is not None or not deferred.next:
            if deferred.next:
                self.interrupted()
                return self._handle_all(deferred.next)
            return answer
        return self._handle_all(deferred.next)

    def interrupted(self) -> None:
        """-410."""
        self.status.push(-410)

    def unterminated(self) -> None:
        """-420."""
        if self._waiting is None:
            self.status.push(-420)

    def clear(self) -> None:
        """Device clear."""
        self._waiting = None
        self.completes = False

    def trigger(self) -> None:
        """The bus trigger does what ``*TRG`` does."""
        try:
            self._guarded(self.triggered)
        except InstrumentFault as fault:
            self.status.push(fault.code, fault.text)

    def status_byte(self, message_available: bool) -> int:
        """Serial poll, all but its request bit, which belongs to the bus."""
        if self.completes:
            self.settle()
        return self.status.byte(message_available)

    # -- running a message

    def _run(self, message: _Message) -> bytes | None:
        self._running = message
        try:
            for text in message.units:
                message.left -= len(text) + 1
                later = self._guarded(self._execute, text, message)
                if later is not None:
                    self._waiting = later
                    return self.poll()
        except InstrumentFault as fault:
            self.status.push(fault.code, fault.text)
        finally:
            self._running = None
        if not message.replies:
            return None
        return b";".join(message.replies) + b"\n"

    def _execute(self, text: bytes, message: _Message) -> _Deferred | None:
        """Run one unit; its reply goes to the message's, unless it comes later."""
        unit = scpi_text.parse_unit(text)
        if unit.header.startswith("*"):
            header = unit.header  # common commands do not move the path
        else:
            header = unit.header if unit.header.startswith(":") else f"{message.path}:{unit.header}"
            message.path = header.rpartition(":")[0]
        command, suffixes = self._find(header)
        call = Call(suffixes, unit.parameters)
        if not unit.is_query:
            if command.set is None:
                raise InstrumentFault(-113)
            waits = command.set(call)
            return None if waits is None else _Deferred(waits, message, is_query=False)
        if command.ask is None:
            raise InstrumentFault(-113)
        if message.deadlocked:
            return None
        if message.replies and message.replies[-1].startswith(INDEFINITE):
            raise InstrumentFault(-440)
        reply = command.ask(call)
        if isinstance(reply, Later):
            return _Deferred(reply, message, is_query=True)
        before = self.prefix(scpi_text.pattern(command.pattern)[1].format(*(number or "" for number in suffixes)))
        if before:
            reply = before.encode() + reply if isinstance(reply, bytes) else before + reply
        self._add(message, reply)
        return None

    def _add(self, message: _Message, reply: Reply | None) -> None:
        if reply is None:
            return
        message.replies.append(reply if isinstance(reply, bytes) else reply.encode("latin-1", "replace"))
        message.size += len(message.replies[-1])
        if message.left > self.input_bytes and message.size > self.output_bytes:
            self.status.push(-430)  # nobody can go on: the replies are thrown away, the queries that follow ignored
            message.replies.clear()
            message.deadlocked = True

    def _guarded(self, action: Callable[..., Any], *arguments: object) -> Any:
        """A mistake of ours in a handler is an error of the instrument: nothing that is sent to it stops the bench."""
        try:
            return action(*arguments)
        except MISTAKES as mistake:
            self.mistakes.append(mistake)
            raise InstrumentFault(self.system_error) from mistake

    def _find(self, header: str) -> tuple[Command, tuple[int, ...]]:
        if header in self._known:
            return self._known[header]
        for command in self._commands:
            match = scpi_text.pattern(command.pattern)[0].fullmatch(header)
            if match is not None:
                suffixes = tuple(int(digits[:9]) if digits else 0 for digits in match.groups())
                if len(self._known) < KNOWN_HEADERS:
                    self._known[header] = (command, suffixes)
                return command, suffixes
        raise InstrumentFault(-113)

    def settle(self) -> None:
        """Set the bit that ``*OPC`` promised, once nothing is pending."""
        if self.completes and not self.pending():
            self.completes = False
            self.status.event |= OPERATION_COMPLETE

    def triggered(self) -> None:
        """``*TRG`` or the bus trigger, as often as it counts."""
        for _ in range(self.world.faults.triggers(self.role)):
            self.take_trigger()

    def next_error(self, _: Call) -> str:
        """``SYSTem:ERRor?``."""
        return self.format_error(*self.status.pop())


def to_verify(panel: ScpiPanel) -> list[Command]:
    """The commands of ``panel`` that are from memory only, for a session at the real instrument to tick off."""
    return [command for command in panel.table() if command.verify]
