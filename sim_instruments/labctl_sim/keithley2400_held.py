"""The busy rule of a Keithley 2400: while the trigger model runs, commands are held back, all but a few (K24-297)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from labctl_sim import scpi_text
from labctl_sim.scpi_table import Call, Command, Later, Reply, run

# Executed even while the trigger model is busy (K24-297).
# *STB? too: PyMeasure's driver waits for its buffer by asking it, and works (PM; verify).
EXEMPT = ("*RST", "*RCL", "*TRG", "*STB", "ABORt", "SYSTem:PRESet")
_EXEMPT_HEADERS = tuple(scpi_text.pattern(text)[0] for text in EXEMPT)
_FIRST_HEADER = re.compile(rb"\s*:?([A-Z*:]+)(?![A-Z0-9])", re.IGNORECASE)


def comes_through(message: bytes) -> bool:
    """Whether the first command of ``message`` is one of those that are never held."""
    found = _FIRST_HEADER.match(message)
    if found is None:
        return False
    header = found[1].decode().upper()
    return any(each.fullmatch(header if header.startswith("*") else f":{header}") for each in _EXEMPT_HEADERS)


def held(command: Command, busy: Callable[[], bool]) -> Command:
    """The same command, waiting while the instrument is ``busy`` unless it is exempt."""
    if command.pattern in EXEMPT:
        return command
    return replace(command, set=_waiting(command.set, busy), ask=_waiting(command.ask, busy))


def _waiting(handler: Callable[[Call], Any] | None, busy: Callable[[], bool]) -> Callable[[Call], Any] | None:
    if handler is None:
        return None

    def act(call: Call) -> Any:
        if not busy():
            return run(handler, call)
        waits = _Held(busy, lambda: run(handler, call))
        return Later(waits.ready, waits.reply)

    return act


class _Held:
    """A command that runs once the trigger model is idle; what it replies may come later still."""

    def __init__(self, busy: Callable[[], bool], act: Callable[[], Reply | Later | None]) -> None:
        self._busy = busy
        self._act: Callable[[], Reply | Later | None] | None = act
        self._result: Reply | Later | None = None

    def ready(self) -> bool:
        """True once it has run and its reply is there."""
        if self._act is not None:
            if self._busy():
                return False
            act, self._act = self._act, None
            self._result = act()
        return self._result.ready() if isinstance(self._result, Later) else True

    def reply(self) -> Reply | None:
        """Its reply, if it has one."""
        return self._result.reply() if isinstance(self._result, Later) else self._result
