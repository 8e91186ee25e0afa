"""The SCPI dialect: the error queue behind ``:SYST:ERR?``."""

from __future__ import annotations

from typing import Any

from pymeasure.instruments import SCPIMixin

from labctl.core.errors import InstrumentError
from labctl_drivers.base import LabInstrument

# The deepest queue of the instruments we know holds 30 errors; one that never runs empty is not a queue.
MOST_ERRORS = 100


class ScpiInstrument(SCPIMixin, LabInstrument):  # type: ignore[misc]  # pymeasure carries no types
    """A SCPI instrument: PyMeasure's common commands, and errors that raise."""

    # the mixin stands first, and its own version only logs
    check_errors = LabInstrument.check_errors

    def errors(self) -> list[str]:
        """Drain ``:SYST:ERR?``: ``["-222, Data out of range"]``."""
        found: list[str] = []
        with self.lock:
            while (entry := self._next_error()) is not None:
                found.append(entry)
                if len(found) >= MOST_ERRORS:
                    raise InstrumentError(f"{self.name}: its error queue does not run empty; last was {entry}")
        return found

    def _next_error(self) -> str | None:
        reply = self.ask(":SYST:ERR?")
        code, comma, text = reply.partition(",")
        try:
            number = int(float(code))
        except ValueError as error:
            raise InstrumentError(
                f"{self.name}: answered {reply!r} to ':SYST:ERR?', which is no error entry"
            ) from error
        if number == 0:
            return None
        return f"{number:+d}, {text.strip().strip(chr(34))}" if comma else f"{number:+d}"

    def clear(self) -> None:
        """Clear status and error queue (``*CLS``)."""
        self.write("*CLS")


def block(data: bytes) -> bytes:
    """``data`` as an IEEE 488.2 definite-length block.

    >>> block(b"abc")
    b'#13abc'
    """
    length = str(len(data)).encode()
    return b"#" + str(len(length)).encode() + length + data


def quoted_function(reply: Any) -> str:
    """The bare name of a function reply: ``'"CURR:DC"'`` becomes ``CURR``."""
    return str(reply).strip().strip("\"'").upper().split(":")[0]
