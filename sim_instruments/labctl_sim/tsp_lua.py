"""A real Lua for the scripts of TSP instruments, behind the walls of ``tsp_sandbox.lua``; no instrument in here.

TSP is an early Lua in which every number is a double: Lua 5.1 (of lupa) is its nearest relative that is still kept up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from lupa import lua51  # type: ignore[import-untyped]  # lupa has no types

Value = None | bool | float | str
Host = Callable[..., tuple[Any, ...]]

SANDBOX = Path(__file__).with_name("tsp_sandbox.lua")
HARD_TO_SOFT = 3  # the allocator's limit over the sandbox's own; see the sandbox
LIBRARY_KILOBYTES = 1024  # what Lua's libraries and an object tree need before any script

# How Lua 5.1 quotes what Lua 5.0, and so the instruments, quote as `this'.
_OF_LUA = re.compile(r"attempt to |bad argument|unexpected symbol|unfinished|malformed|near |expected|unknown escape")
_PLACE = re.compile(r"(?:tsp|\[string [^\]]*\]):(\d+): ")


@dataclass(frozen=True)
class Limits:
    """What one message may cost at most."""

    instructions: float = 2e8
    seconds: float = 2.0  # of computing, not of the world: all instruments of the bench wait meanwhile
    kilobytes: float = 16384.0

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Limits:
        """From ``script_instructions``, ``script_seconds`` and ``script_kilobytes`` of a station's options."""
        return cls(
            float(options.get("script_instructions", cls.instructions)),
            float(options.get("script_seconds", cls.seconds)),
            float(options.get("script_kilobytes", cls.kilobytes)),
        )


@dataclass(frozen=True)
class Outcome:
    """How a script ended: ``ok``, ``syntax``, ``runtime``, ``stopped`` (by a limit) or ``memory``; and its message."""

    kind: str
    message: str = ""

    @property
    def line(self) -> int:
        """The line of the script where it went wrong, 1 if the message does not say."""
        found = _PLACE.match(self.message)
        return int(found[1]) if found else 1

    @property
    def text(self) -> str:
        """The message without its place, quoted as the instruments do."""
        text = _PLACE.sub("", self.message, count=1)
        return re.sub(r"'([^']*)'", r"`\1'", text) if _OF_LUA.search(text) else text


class Lua:
    """One instrument's interpreter. ``host`` is where calls of the object tree arrive: it must never raise."""

    def __init__(self, host: Host, limits: Limits) -> None:
        runtime = lua51.LuaRuntime(
            encoding="latin-1",
            unpack_returned_tuples=True,
            register_eval=False,
            register_builtins=False,
            attribute_filter=_deny,
            max_memory=int((HARD_TO_SOFT * limits.kilobytes + LIBRARY_KILOBYTES) * 1024),
        )
        self._runtime = runtime  # keeps the state alive
        doors = runtime.execute(
            SANDBOX.read_text(encoding="utf-8"),
            host,
            limits.kilobytes + LIBRARY_KILOBYTES,
            limits.instructions,
            limits.seconds,
        )
        self._execute, self._store, self._call, self._declare, self._numbers, self._tidy, self._seal = doors

    def declare(self, kind: str, value: Any, extra: Any, path: tuple[str | int, ...]) -> None:
        """Put a name into the object tree; ``kind`` as in the sandbox."""
        self._declare(kind, value, extra, *path)

    def format_numbers(self, pattern: str) -> None:
        """How ``print`` writes numbers, e.g. ``%.5e``."""
        self._numbers(pattern)

    def execute(self, text: str) -> Outcome:
        """Run a chunk."""
        return self._guard(self._execute, text)

    def store(self, name: str, text: str) -> Outcome:
        """Compile a script and keep it under ``name``; the anonymous one is ``""``."""
        return self._guard(self._store, name, text)

    def call(self, name: str) -> Outcome:
        """Run a script that is kept."""
        return self._guard(self._call, name)

    def seal(self) -> None:
        """From now on no script can take objects apart: what runs is somebody else's."""
        self._seal()

    def tidy(self) -> bool:
        """Collect garbage; False if scripts still hold too much, and only a new interpreter can help."""
        try:
            return bool(self._tidy())
        except lua51.LuaError:
            return False

    def _guard(self, function: Any, *arguments: str) -> Outcome:
        try:
            result = function(*arguments)
        except lua51.LuaMemoryError:
            return Outcome("memory")
        except lua51.LuaError as error:
            return Outcome("runtime", str(error))
        kind, message = result if isinstance(result, tuple) else (result, None)
        if message is not None and str(message).endswith("not enough memory"):
            return Outcome("memory")
        return Outcome(str(kind), "" if message is None else str(message))


def _deny(obj: object, name: object, is_setting: bool) -> NoReturn:
    """Should a Python object ever reach a script, then it has no attributes."""
    raise AttributeError(f"scripts see no attributes of Python objects, not even {name!r}")
