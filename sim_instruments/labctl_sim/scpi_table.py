"""A line of a SCPI instrument's table: the pattern of a header, what setting and asking it do, and who says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from labctl_sim import scpi_text
from labctl_sim.scpi_text import Parameter
from labctl_sim.status import InstrumentFault

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
    """A ``reply`` that is made once ``ready`` says so; a setting that has to wait first (``*WAI``) replies None."""

    ready: Callable[[], bool]
    reply: Callable[[], Reply | None]


@dataclass(frozen=True)
class Command:
    """A header pattern with what setting and asking it does; None = it cannot be set, or asked.

    ``page`` is where the manual says so (``"K24-110"``); ``verify`` marks what is from memory only.
    """

    pattern: str
    set: Callable[[Call], Later | None] | None = None
    ask: Callable[[Call], Reply | Later] | None = None
    page: str = "MEM"
    verify: bool = False


@dataclass(frozen=True)
class Number:
    """A numeric setting between ``low`` and ``high`` (functions where they depend on other settings).

    ``words`` are further names of numbers, in capitals, such as ``INF``.
    """

    unit: str = ""
    low: float | Callable[[], float] = float("-inf")
    high: float | Callable[[], float] = float("inf")
    default: float = 0.0
    words: Mapping[str, float] = field(default_factory=dict)

    def bounds(self) -> tuple[float, float]:
        """The limits now."""
        low, high = (limit() if callable(limit) else limit for limit in (self.low, self.high))
        return low, high

    def read(self, parameter: Parameter) -> float:
        """The value meant, limits not yet applied; MIN, MAX and DEF stand for numbers."""
        named = {**self._named(), **self.words}
        if isinstance(parameter, str) and parameter[:1].isalpha() and parameter.upper() in named:
            return named[parameter.upper()]
        return scpi_text.number(parameter, self.unit)

    def asked(self, call: Call, now: float) -> float:
        """What a query answers: ``now``, or the limit or default that its parameter names.

        Raises InstrumentFault -108 for a number, -104 for a block, -224 for any other word.
        """
        if not call.parameters:
            return now
        parameter = call.only()
        if isinstance(parameter, bytes):
            raise InstrumentFault(-104)
        if parameter.upper() in self._named():
            return self._named()[parameter.upper()]
        raise InstrumentFault(-224 if parameter[:1].isalpha() else -108)

    def _named(self) -> dict[str, float]:
        low, high = self.bounds()
        return {
            "MIN": low, "MINIMUM": low, "MAX": high, "MAXIMUM": high, "DEF": self.default, "DEFAULT": self.default,
        }  # fmt: skip


def run(handler: Callable[[Call], Any], call: Call) -> Any:
    """What ``handler`` makes of ``call``; -108 if there are parameters and it looks at none: it calls its one ``_``."""
    if call.parameters and _is_bare(handler):
        raise InstrumentFault(-108)
    return handler(call)


def _is_bare(handler: Callable[[Call], Any]) -> bool:
    code = getattr(handler, "__code__", None)
    return code is not None and "_" in code.co_varnames[: code.co_argcount]


def only_first(command: Command) -> Command:
    """The same command, refusing any channel but the first with -114."""

    def guarded(handler: Callable[[Call], Any] | None) -> Callable[[Call], Any] | None:
        if handler is None:
            return None

        def checked(call: Call) -> Any:
            if any(number > 1 for number in call.suffixes):
                raise InstrumentFault(-114)
            return run(handler, call)

        return checked

    return replace(command, set=guarded(command.set), ask=guarded(command.ask))


def documented(page: str, *commands: Command, verify: bool = False) -> list[Command]:
    """The same commands, with the page of the manual that they are from."""
    return [replace(command, page=page, verify=verify) for command in commands]
