"""An instrument that speaks SCPI: a table of commands, the 488.2 rules around it, and no transport."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from labctl_sim import scpi_text
from labctl_sim.scpi_text import Parameter
from labctl_sim.status import OPERATION_COMPLETE, InstrumentFault, Status
from labctl_sim.world import World

Reply = str | bytes


@dataclass(frozen=True)
class Call:
    """What a handler gets: numeric suffixes in the order of the pattern's ``#`` (0 = none given), parameters."""

    suffixes: tuple[int, ...]
    parameters: tuple[Parameter, ...]

    def only(self) -> Parameter:
        """The one parameter that there must be."""
        if len(self.parameters) != 1:
            raise InstrumentFault(-108 if self.parameters else -109)
        return self.parameters[0]


@dataclass(frozen=True)
class Later:
    """A ``reply`` that is made once ``ready`` says so."""

    ready: Callable[[], bool]
    reply: Callable[[], Reply]


@dataclass(frozen=True)
class Command:
    """A header pattern with what setting and asking it does; None = it cannot be set, or asked."""

    pattern: str
    set: Callable[[Call], None] | None = None
    ask: Callable[[Call], Reply | Later] | None = None


@dataclass(frozen=True)
class Number:
    """A numeric setting between ``low`` and ``high`` (functions where they depend on other settings)."""

    unit: str = ""
    low: float | Callable[[], float] = float("-inf")
    high: float | Callable[[], float] = float("inf")
    default: float = 0.0

    def bounds(self) -> tuple[float, float]:
        """The limits now."""
        low, high = (limit() if callable(limit) else limit for limit in (self.low, self.high))
        return low, high

    def read(self, parameter: Parameter) -> float:
        """The value meant, limits not yet applied; MIN, MAX and DEF stand for numbers."""
        low, high = self.bounds()
        named = {"MIN": low, "MINIMUM": low, "MAX": high, "MAXIMUM": high, "DEF": self.default, "DEFAULT": self.default}
        if isinstance(parameter, str) and parameter.upper() in named:
            return named[parameter.upper()]
        return scpi_text.number(parameter, self.unit)


class ScpiPanel(ABC):
    """The part of an SCPI instrument that is the same in all of them. Settings live in ``self.state`` by key."""

    error_depth = 20
    texts: Mapping[int, str] = MappingProxyType({})  # where its wording is its own
    adjusts = False  # True: a value out of range is limited *and* reported; False: it is refused

    def __init__(self, world: World, role: str, options: Mapping[str, Any]) -> None:
        self.world = world
        self.role = role
        self.options = options
        self.status = Status(self.error_depth, self.texts)
        self.state: dict[str, Any] = {}
        self._commands = [*self.commands(), *self._common()]  # an instrument may have its own *OPC?
        self._known: dict[str, tuple[Command, tuple[int, ...]]] = {}
        self._waiting: tuple[Later, list[bytes], str, list[Reply]] | None = None
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

    def take_trigger(self) -> None:
        """What ``*TRG`` does; -211 unless the instrument is waiting for one."""
        raise InstrumentFault(-211)

    def format_number(self, value: float) -> str:
        """A number as this instrument writes it."""
        return f"{value:+.8E}"

    def format_error(self, code: int, text: str) -> str:
        """An entry of the error queue as this instrument writes it."""
        return f'{code:+d},"{text}"'

    def prefix(self, full_header: str) -> str:
        """What stands before a reply; nothing, unless the instrument echoes headers."""
        return ""

    # -- the Panel protocol

    def handle(self, message: bytes) -> bytes | None:
        """Run the commands of one message; an error drops the rest of it."""
        if self._waiting is not None:
            self._waiting = None
            self.interrupted()
        replies: bytes | None = None
        for text in scpi_text.messages(message):
            if replies is not None:
                self.interrupted()
            replies = self._run(scpi_text.units(text), "", [])
        return replies

    def poll(self) -> bytes | None:
        """The deferred reply, if it is ready; the rest of its message runs then."""
        if self._waiting is None or not self._waiting[0].ready():
            return None
        later, rest, path, replies = self._waiting
        self._waiting = None
        try:
            replies = [*replies, later.reply()]
        except InstrumentFault as fault:
            self.status.push(fault.code, fault.text)
            rest = []
        return self._run(rest, path, replies)

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

    def trigger(self) -> None:
        """The bus trigger does what ``*TRG`` does."""
        try:
            self.take_trigger()
        except InstrumentFault as fault:
            self.status.push(fault.code, fault.text)

    def status_byte(self, message_available: bool) -> int:
        """Serial poll."""
        return self.status.byte(message_available)

    # -- running a message

    def _run(self, texts: list[bytes], path: str, replies: list[Reply]) -> bytes | None:
        for number, text in enumerate(texts):
            try:
                path, reply = self._execute(text, path)
            except InstrumentFault as fault:
                self.status.push(fault.code, fault.text)
                break
            if isinstance(reply, Later):
                self._waiting = (reply, texts[number + 1 :], path, replies)
                return self.poll()
            if reply is not None:
                replies.append(reply)
        if not replies:
            return None
        return b";".join(reply if isinstance(reply, bytes) else reply.encode("latin-1") for reply in replies) + b"\n"

    def _execute(self, text: bytes, path: str) -> tuple[str, Reply | Later | None]:
        """Run one unit with the header path that the unit before it left; returns the path that it leaves."""
        unit = scpi_text.parse_unit(text)
        if unit.header.startswith("*"):
            header = unit.header  # common commands do not move the path
        else:
            header = unit.header if unit.header.startswith(":") else f"{path}:{unit.header}"
            path = header.rpartition(":")[0]
        command, suffixes = self._find(header)
        call = Call(suffixes, unit.parameters)
        if not unit.is_query:
            if command.set is None:
                raise InstrumentFault(-113)
            command.set(call)
            return path, None
        if command.ask is None:
            raise InstrumentFault(-113)
        reply = command.ask(call)
        before = self.prefix(scpi_text.pattern(command.pattern)[1].format(*(number or "" for number in suffixes)))
        if before and not isinstance(reply, Later):
            reply = before.encode() + reply if isinstance(reply, bytes) else before + reply
        return path, reply

    def _find(self, header: str) -> tuple[Command, tuple[int, ...]]:
        if header in self._known:
            return self._known[header]
        for command in self._commands:
            match = scpi_text.pattern(command.pattern)[0].fullmatch(header)
            if match is not None:
                suffixes = tuple(int(digits[:9]) if digits else 0 for digits in match.groups())
                self._known[header] = (command, suffixes)
                return command, suffixes
        raise InstrumentFault(-113)

    # -- commands in one line

    def numeric(self, pattern: str, key: str, kind: Number, after: Callable[[], None] | None = None) -> Command:
        """A numeric setting kept in ``state[key]``; ``after`` runs once it has changed."""

        def write(call: Call) -> None:
            self.state[key] = self.limited(kind.read(call.only()), *kind.bounds())
            if after:
                after()

        def ask(call: Call) -> str:
            return self.format_number(kind.read(call.only()) if call.parameters else self.state[key])

        return Command(pattern, write, ask)

    def integer(self, pattern: str, key: str, low: int, high: int, after: Callable[[], None] | None = None) -> Command:
        """A whole-number setting kept in ``state[key]``."""
        kind = Number("", low, high, low)

        def write(call: Call) -> None:
            self.state[key] = round(self.limited(kind.read(call.only()), low, high))
            if after:
                after()

        def ask(call: Call) -> str:
            return str(round(kind.read(call.only())) if call.parameters else self.state[key])

        return Command(pattern, write, ask)

    def switch(self, pattern: str, key: str, after: Callable[[], None] | None = None) -> Command:
        """A boolean setting kept in ``state[key]``."""

        def write(call: Call) -> None:
            self.state[key] = scpi_text.boolean(call.only())
            if after:
                after()

        return Command(pattern, write, lambda _: str(int(self.state[key])))

    def option(
        self, pattern: str, key: str, names: tuple[str, ...], after: Callable[[], None] | None = None
    ) -> Command:
        """A setting that is one of ``names``, kept in ``state[key]`` as its short form."""

        def write(call: Call) -> None:
            self.state[key] = scpi_text.choice(call.only(), names)
            if after:
                after()

        return Command(pattern, write, lambda _: str(self.state[key]))

    def limited(self, value: float, low: float, high: float) -> float:
        """``value`` within its limits: limited and reported, or refused, as the instrument's family does it."""
        if low <= value <= high:
            return value
        if not self.adjusts or math.isnan(value):
            raise InstrumentFault(-222)
        self.status.push(-222)
        return min(max(value, low), high)

    def _common(self) -> list[Command]:
        status = self.status

        def mask(name: str) -> Callable[[Call], None]:
            def write(call: Call) -> None:
                value = scpi_text.number(call.only())
                if not 0 <= value <= 255:
                    raise InstrumentFault(-222)
                setattr(status, name, round(value))

            return write

        def complete(_: Call) -> None:
            status.event |= OPERATION_COMPLETE

        return [
            Command("*IDN", ask=lambda _: self.identity()),
            Command("*RST", lambda _: self.reset()),
            Command("*CLS", lambda _: status.clear()),
            Command("*ESR", ask=lambda _: str(status.read_event())),
            Command("*ESE", mask("event_enable"), lambda _: str(status.event_enable)),
            Command("*SRE", mask("service_enable"), lambda _: str(status.service_enable)),
            Command("*STB", ask=lambda _: str(status.byte(False))),
            Command("*OPC", complete, lambda _: "1"),
            Command("*WAI", lambda _: None),
            Command("*TRG", lambda _: self.take_trigger()),
            Command("*TST", ask=lambda _: "0"),
            Command("*OPT", ask=lambda _: "0"),
        ]

    def next_error(self, _: Call) -> str:
        """``SYSTem:ERRor?``."""
        return self.format_error(*self.status.pop())


def only_first(command: Command) -> Command:
    """The same command, refusing any channel but the first with -114."""

    def guarded(handler: Callable[[Call], Any] | None) -> Callable[[Call], Any] | None:
        if handler is None:
            return None

        def checked(call: Call) -> Any:
            if any(number > 1 for number in call.suffixes):
                raise InstrumentFault(-114)
            return handler(call)

        return checked

    return Command(command.pattern, guarded(command.set), guarded(command.ask))
