"""Reading one TOML table: each value checked, every mistake noted with its remedy, none raised."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any


class Mistake(str):
    """What is wrong, in words; ``path`` are the keys from the top of the file down to where it is."""

    __slots__ = ("path",)

    path: tuple[str, ...]

    @classmethod
    def at(cls, path: Sequence[str], text: str) -> Mistake:
        """The mistake ``text`` at ``path``."""
        mistake = cls(text)
        mistake.path = tuple(path)
        return mistake


class Table:
    """A table of a TOML file and the ``mistakes`` found in it; what is wrong reads as None."""

    def __init__(self, name: str, content: Any, mistakes: list[str]) -> None:
        self.name = name
        self.mistakes = mistakes
        self.content: Mapping[str, Any] = {}
        self._read: list[str] = []
        if isinstance(content, Mapping):
            self.content = content
        else:
            mistakes.append(Mistake.at(self.path, f"[{name}] is {_kind(content)}; write it as a table"))

    @property
    def path(self) -> tuple[str, ...]:
        """The keys from the top of the file down to this table."""
        return tuple(self.name.partition(",")[0].split(".")) if self.name else ()

    def mistake(self, key: str, what: str) -> None:
        """Note a mistake in ``key``."""
        where = f"[{self.name}] " if self.name else ""
        self.mistakes.append(Mistake.at((*self.path, key), f"{where}{key}: {what}"))

    def take(self, key: str) -> Any:
        """The raw value of ``key``, None if it is not there; from now on the key counts as known."""
        self._read.append(key)
        return self.content.get(key)

    def text(self, key: str, example: str, default: str | None = None) -> str | None:
        """A text; without ``default`` it must be there and not be empty."""
        value = self.take(key)
        if value is None and default is not None:
            return default
        if value is None:
            self.mistake(key, f'is missing; add e.g. {key} = "{example}"')
            return None
        if not isinstance(value, str) or (default is None and not value.strip()):
            self.mistake(key, f'is {_kind(value)}; write a text, e.g. {key} = "{example}"')
            return None
        return value

    def number(
        self, key: str, example: str, default: float | None = None, least: float = 0.0, above: bool = True
    ) -> float | None:
        """A finite number above ``least`` (or at it, when ``above`` is false); an infinite one only as ``default``."""
        value = self.take(key)
        if value is None and default is not None:
            return default
        if value is None:
            self.mistake(key, f"is missing; add e.g. {key} = {example}")
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.mistake(key, f"is {_kind(value)}; write a number, e.g. {key} = {example}")
            return None
        try:
            number = float(value)
        except OverflowError:  # TOML's whole numbers have as many digits as one likes
            number = math.inf
        if not math.isfinite(number) or number < least or (above and number == least):
            bound = "above" if above else "at least"
            self.mistake(
                key, f"is {_short(value)}; it must be a finite number {bound} {least:g}, e.g. {key} = {example}"
            )
            return None
        return number

    def whole(self, key: str, example: str, least: int = 1) -> int | None:
        """A whole number from ``least``."""
        value = self.take(key)
        if value is None:
            self.mistake(key, f"is missing; add e.g. {key} = {example}")
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            shown = _short(value) if isinstance(value, int) and not isinstance(value, bool) else _kind(value)
            self.mistake(key, f"is {shown}; write a whole number from {least}, e.g. {key} = {example}")
            return None
        return value

    def rest(self) -> dict[str, Any]:
        """The keys that nobody asked for."""
        return {key: value for key, value in self.content.items() if key not in self._read}

    def refuse_rest(self, also_known: Sequence[str] = ()) -> None:
        """Note every key that nobody asked for as unknown."""
        known = [*self._read, *also_known]
        for key in self.rest():
            if key in also_known:
                continue
            near = get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(sorted(known))}"
            self.mistake(key, f"is not known here; {hint}")


def _short(number: float) -> str:
    """As it was written, unless nobody would read to its end."""
    text = str(number)
    return text if len(text) <= 30 else f"{text[:12]}... ({len(text)} characters)"


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return "a list"
    return repr(value)
