"""One line of TSP, read and run: the part of its Lua that drivers write. No loops, no functions, no tables.

Statements: assignments (``channel.connectrule = 1``), calls (``channel.close("1A01")``) and ``print(...)``.
Expressions: numbers, strings, ``nil``, ``true``, ``false``, names, calls, ``-``, ``+``, ``*``, ``/`` and ``..``.
What cannot be read is -285, what cannot be run is -286; either drops the rest of the line.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from labctl_sim.status import InstrumentFault

Value = None | bool | float | str | Callable[..., Any]

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>0[xX][0-9A-Fa-f]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<name>[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<mark>\.\.|[-+*/=(),;]))""",
    re.VERBOSE,
)
SYNTAX, RUNTIME = -285, -286
DEEPEST = 50


@dataclass(frozen=True)
class Attribute:
    """A name that can be read, and perhaps assigned."""

    get: Callable[[], Value]
    set: Callable[[Value], None] | None = None


Name = Attribute | Callable[..., Any] | float


class Line:
    """Reads and runs one line, statement by statement."""

    def __init__(self, text: str, names: Mapping[str, Name], printed: list[str]) -> None:
        self._names = names
        self._printed = printed
        self._tokens = list(_tokens(text))
        self._at = 0
        self._depth = 0

    def run(self) -> None:
        """Run every statement; what they print is appended to ``printed``."""
        while self._peek() != ("end", ""):
            if self._take(";"):
                continue
            kind, name = self._next()
            if kind != "name":
                raise _syntax(name)
            if self._take("="):
                value = self._first(self._expression())
                self._assign(name, value)
            elif self._peek() == ("mark", "("):
                self._call(name)
            else:
                raise _syntax(self._peek()[1])

    def _assign(self, name: str, value: Value) -> None:
        target = self._names.get(name)
        if not isinstance(target, Attribute) or target.set is None:
            raise InstrumentFault(RUNTIME, f"TSP Runtime error at line 1: cannot assign to {name}")
        target.set(value)

    def _call(self, name: str) -> tuple[Value, ...]:
        arguments = self._arguments()
        if name == "print":
            self._printed.append("\t".join(text_of(value) for value in arguments))
            return ()
        target = self._names.get(name)
        if not callable(target):
            raise InstrumentFault(RUNTIME, f"TSP Runtime error at line 1: attempt to call {name} (not a function)")
        try:
            inspect.signature(target).bind(*arguments)
        except TypeError as error:
            raise InstrumentFault(RUNTIME, f"TSP Runtime error at line 1: wrong arguments to {name}") from error
        result = target(*arguments)
        return result if isinstance(result, tuple) else (result,)

    def _arguments(self) -> list[Value]:
        values: list[Value] = []
        self._expect("(")
        while not self._take(")"):
            if values:
                self._expect(",")
            found = self._expression()
            # A call gives all its results where it stands last in the list, as in Lua.
            values += found if self._peek() == ("mark", ")") else [self._first(found)]
            if not found and self._peek() != ("mark", ")"):
                values.append(None)
        return values

    def _expression(self) -> tuple[Value, ...]:
        self._depth += 1
        if self._depth > DEEPEST:
            raise _syntax("chunk has too many syntax levels")
        left = self._product()
        while (mark := self._peek())[0] == "mark" and mark[1] in ("+", "-", ".."):
            self._next()
            a, b = self._first(left), self._first(self._product())
            left = (
                text_of(a) + text_of(b)
                if mark[1] == ".."
                else number(a) + (number(b) if mark[1] == "+" else -number(b)),
            )
        self._depth -= 1
        return left

    def _product(self) -> tuple[Value, ...]:
        left = self._operand()
        while (mark := self._peek())[0] == "mark" and mark[1] in ("*", "/"):
            self._next()
            a, b = number(self._first(left)), number(self._first(self._operand()))
            left = (a * b if mark[1] == "*" else a / b if b else float("nan"),)
        return left

    def _operand(self) -> tuple[Value, ...]:
        kind, text = self._next()
        if kind == "name":
            return self._named(text)
        value: Value
        if (kind, text) == ("mark", "-"):
            value = -number(self._first(self._operand_below()))
        elif (kind, text) == ("mark", "("):
            value = self._first(self._expression())
            self._expect(")")
        elif kind == "number":
            value = float(int(text, 16)) if text[:2].lower() == "0x" else float(text)
        elif kind == "string":
            value = re.sub(r"\\(.)", r"\1", text[1:-1])
        else:
            raise _syntax(text)
        return (value,)

    def _named(self, name: str) -> tuple[Value, ...]:
        if name in ("nil", "true", "false"):
            return ({"nil": None, "true": True, "false": False}[name],)
        if self._peek() == ("mark", "("):
            return self._call(name)
        target = self._names.get(name)
        return (target.get() if isinstance(target, Attribute) else target,)

    def _operand_below(self) -> tuple[Value, ...]:
        self._depth += 1
        if self._depth > DEEPEST:
            raise _syntax("chunk has too many syntax levels")
        value = self._operand()
        self._depth -= 1
        return value

    def _first(self, values: tuple[Value, ...]) -> Value:
        return values[0] if values else None

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at]

    def _next(self) -> tuple[str, str]:
        token = self._tokens[self._at]
        if token[0] != "end":
            self._at += 1
        return token

    def _take(self, mark: str) -> bool:
        if self._peek() == ("mark", mark):
            self._at += 1
            return True
        return False

    def _expect(self, mark: str) -> None:
        if not self._take(mark):
            raise _syntax(self._peek()[1])


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _syntax(text[at : at + 10])
        kind = match.lastgroup or ""
        value = match[kind]
        tokens.append((kind, re.sub(r"\s", "", value) if kind == "name" else value))
        at = match.end()
    return [*tokens, ("end", "")]


def _syntax(near: str) -> InstrumentFault:
    return InstrumentFault(SYNTAX, f"TSP Syntax error at line 1: unexpected symbol near `{near or '<eof>'}'")


def number(value: Value) -> float:
    """A number, or text that reads as one; anything else is -286."""
    if isinstance(value, float):
        return value
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            pass
    raise InstrumentFault(RUNTIME, "TSP Runtime error at line 1: attempt to perform arithmetic on a non-number")


def text_of(value: Value) -> str:
    """As ``print`` writes it: numbers with asciiprecision 6."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.5e}"
    return value if isinstance(value, str) else "function"
