"""How messages of SCPI run: unit by unit, replies that come later, and what interrupts or ends an exchange.

Deferred replies belong to the session that asked (see ``asker`` in panel.py): two sessions may each wait for their own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from labctl_sim import scpi_text
from labctl_sim.scpi_settings import Settings
from labctl_sim.scpi_table import Call, Command, Later, Reply, run
from labctl_sim.status import OVERRUN, InstrumentFault

INDEFINITE = b"#0"
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


class Exchange(Settings, ABC):
    """The part of a SCPI instrument that takes messages and gives replies."""

    longest_message = 1 << 16  # bytes [MEM]; a longer one is thrown away whole: -363
    input_bytes = 4096  # [MEM] a message whose rest does not fit in here,
    output_bytes = 65536  # [MEM] while its replies do not fit in here, is a deadlock (488.2 6.3.1.7): -430
    system_error = -310

    def __init__(self) -> None:
        self.asker: object = self
        self.mistakes: list[Exception] = []
        self.completes = False  # *OPC was sent and its bit is still to be set
        self._deferred: WeakKeyDictionary[object, _Deferred] = WeakKeyDictionary()
        self._running: _Message | None = None

    @abstractmethod
    def settle(self) -> None:
        """See whether what ``*OPC`` waits for is over."""

    @abstractmethod
    def prefix(self, full_header: str) -> str:
        """What stands before a reply."""

    @abstractmethod
    def _find(self, header: str) -> tuple[Command, tuple[int, ...]]:
        """The command that a header means, and the numbers in it."""

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
        if len(message) > self.longest_message:
            self.status.push(OVERRUN)
            return None
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
            waits = run(command.set, call)
            return None if waits is None else _Deferred(waits, message, is_query=False)
        if command.ask is None:
            raise InstrumentFault(-113)
        if message.deadlocked:
            return None
        if message.replies and message.replies[-1].startswith(INDEFINITE):
            raise InstrumentFault(-440)
        reply = run(command.ask, call)
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
