"""The words of which a TSP instrument's object tree is declared: attributes, functions, constants, and their checks.

A line of such a table names its source (``page``) and says whether it is still to be verified on the instrument
(``verify``: known from memory only); sources.py says what counts as sure.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from labctl_sim.status import InstrumentFault

Value = Any  # what a script hands over: None, bool, float, str, or a list of such, or a Mark
Check = Callable[[Value], Any]
NumberCheck = Callable[[Value], float]

TOO_BIG, TOO_SMALL, TOO_FEW, INVALID = 1101, 1102, 1400, 1401


@dataclass(frozen=True)
class Mark:
    """Something of a script that does not cross over: a reading buffer (``number``, ``column``), or ``"table"``..."""

    kind: str
    number: int = -1
    column: str = ""


@dataclass(frozen=True)
class Attribute:
    """A name that can be read, and perhaps assigned."""

    get: Callable[[], Value]
    set: Callable[[Value], None] | None = None
    page: str = "MEM"
    verify: bool = False


@dataclass(frozen=True)
class Function:
    """A name that can be called; with ``makes``, what it returns is the number of a new instance of that class."""

    call: Callable[..., Value]
    page: str = "MEM"
    verify: bool = False
    makes: str = ""

    def arity(self) -> tuple[int, float]:
        """How few and how many arguments it takes."""
        return arity(self.call)


@dataclass(frozen=True)
class Constant:
    """A name that stands for a number or a text."""

    value: float | str
    page: str = "MEM"
    verify: bool = False


@dataclass(frozen=True)
class Instance:
    """An object of a declared class, known by its number (a dedicated reading buffer)."""

    of: str
    number: int
    page: str = "MEM"
    verify: bool = False


Name = Attribute | Function | Constant | Instance | Callable[..., Value] | float


@dataclass(frozen=True)
class Setting:
    """An attribute kept in a table of state: its default (also after reset) and what it accepts."""

    name: str
    default: float | str
    check: Check
    page: str = "MEM"
    verify: bool = False

    def attribute(self, state: MutableMapping[str, Any], after: Callable[[], None] | None = None) -> Attribute:
        """The attribute, kept under its name in ``state``; ``after`` runs once it has changed."""

        def write(value: Value) -> None:
            state[self.name] = self.check(value)
            if after:
                after()

        return Attribute(lambda: state[self.name], write, self.page, self.verify)


def arity(function: Callable[..., Any]) -> tuple[int, float]:
    """How few and how many positional arguments ``function`` takes."""
    fewest, most = 0, 0.0
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            most = math.inf
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            most += 1
            fewest += parameter.default is parameter.empty
    return fewest, most


def number(value: Value, place: int = 1) -> float:
    """A finite number; as in Lua, a text that reads as one will do. Raises 1401 for anything else."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InstrumentFault(INVALID, f"Parameter {place} is invalid")
    return float(value)


def text(value: Value, place: int = 1) -> str:
    """A text, or 1401."""
    if not isinstance(value, str):
        raise InstrumentFault(INVALID, f"Parameter {place} is invalid")
    return value


def span(low: float, high: float) -> NumberCheck:
    """A number from ``low`` to ``high``: beyond is 1102 or 1101."""

    def check(value: Value) -> float:
        found = number(value)
        if found > high:
            raise InstrumentFault(TOO_BIG)
        if found < low:
            raise InstrumentFault(TOO_SMALL)
        return found

    return check


def whole(low: float, high: float) -> NumberCheck:
    """A whole number in a span; a fraction is rounded [MEM], for scripts divide to get one."""
    limited = span(low, high)
    return lambda value: float(round(limited(value)))


def one_of(*values: float) -> NumberCheck:
    """One of a few numbers; true and false count as 1 and 0. Anything else is 1401 [MEM]."""

    def check(value: Value) -> float:
        found = float(value) if isinstance(value, bool) else number(value)
        if found not in values:
            raise InstrumentFault(INVALID)
        return found

    return check


def flag(value: Value) -> bool:
    """True or false; 0 and 1 will do."""
    return bool(one_of(0, 1)(value))


def path_of(name: str) -> tuple[str | int, ...]:
    """``trigger.blender[1].stimulus`` as its parts."""
    return tuple(int(part) if part.isdigit() else part for part in re.findall(r"[A-Za-z_]\w*|\d+", name))


def prefixed(prefix: str, names: Mapping[str, Name]) -> dict[str, Name]:
    """The same names below ``prefix``."""
    return {f"{prefix}.{name}": entry for name, entry in names.items()}
