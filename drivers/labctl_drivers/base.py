"""What all our drivers share: a PyMeasure instrument whose errors raise, guarded by one lock, checked by identity."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any, ClassVar

from pymeasure.instruments import Instrument

from labctl.core.device import Identity
from labctl.core.errors import InstrumentError, InstrumentGone, InstrumentTimeout, StationError

RAMP_VOLTS = 0.05
"""The largest step in which ``safe()`` takes a level that is on towards zero: well below what switches a junction."""
WHOLE = re.compile(r"[+-]?\d+\.\d+[eE][+-]?\d{2,3}")
"""A number with an exponent, as instruments answer it: one that was cut short has lost that."""


CUT_OFF = (InstrumentTimeout, KeyboardInterrupt, SystemExit)
"""What leaves an answer unread."""


class LabInstrument(Instrument):  # type: ignore[misc]  # pymeasure carries no types
    """A PyMeasure instrument that satisfies `labctl.core.device.Device` once ``errors`` (the dialect's part),
    ``capabilities``, ``snapshot`` and ``safe`` (the instrument's part) are added.

    Constructing one sends ``*IDN?`` and nothing else: whatever state the instrument was left in stays as it is
    until it has been looked at. PyMeasure only logs an instrument's errors; here they are raised.
    """

    models: ClassVar[tuple[str, ...]] = ()
    """Model numbers as they stand in the reply to ``*IDN?``."""

    def __init__(self, adapter: Any, name: str, **kwargs: Any) -> None:
        kwargs.pop("includeSCPI", None)  # PyMeasure's own switch; the dialect is a base class here
        if kwargs and not isinstance(adapter, str | int):
            # PyMeasure would drop these silently, and a misspelt option with them.
            raise StationError(
                f"{name}: {type(self).__name__} has no option {', '.join(sorted(kwargs))}; "
                "its options are the keyword arguments in drivers/labctl_drivers"
            )
        self.lock = RLock()
        self._last_command = ""
        super().__init__(adapter, name, includeSCPI=False, **kwargs)
        found = self.identify()
        if found.model not in self.models:
            raise InstrumentGone(
                f"{name}: expected model {' or '.join(self.models)}, but {found.vendor} {found.model} "
                f"(serial {found.serial}) answers there; correct the address or the driver in the station file"
            )

    def identify(self) -> Identity:
        """Ask ``*IDN?``; the model comes back as its bare number, e.g. ``2400``."""
        reply = self.ask("*IDN?")
        parts = [part.strip() for part in reply.split(",", 3)]
        if len(parts) != 4:
            raise InstrumentGone(
                f"{self.name}: answered {reply!r} to '*IDN?', where vendor, model, serial number and firmware belong; "
                "is this address an instrument?"
            )
        vendor, model, serial, firmware = parts
        return Identity(vendor, model.split()[-1] if model else "", serial, firmware)

    def close(self) -> None:
        """Give up the connection; changes nothing on the instrument."""
        self.adapter.close()

    def shutdown(self) -> None:
        """PyMeasure's word for ``safe``: called on leaving a ``with`` block."""
        self.safe()
        super().shutdown()

    def write(self, command: str, **kwargs: Any) -> None:
        """Send ``command``, and remember it so that a refusal can name it."""
        with self.lock:
            self._last_command = command
            super().write(command, **kwargs)

    def command(self, command: str) -> None:
        """Send ``command`` and raise InstrumentError if the instrument reports an error."""
        with self.lock:
            self.write(command)
            self.check_set_errors()

    def ask(self, command: str, query_delay: float | None = None) -> str:
        """Send ``command`` and return the reply without surrounding whitespace.

        A query that timed out, or that Ctrl-C cut off, may still be answered later, and that answer would be taken
        for the next one: the instrument's buffers are cleared before the exception goes on its way.
        """
        with self.lock:
            try:
                return str(super().ask(command, query_delay)).strip()
            except CUT_OFF:
                self.device_clear()
                raise

    def values(
        self,
        command: str,
        separator: str = ",",
        cast: Callable[[str], Any] = float,
        preprocess_reply: Callable[[str], str] | None = None,
        maxsplit: int = -1,
        **kwargs: Any,
    ) -> list[Any]:
        """Ask ``command`` and cast each part of the reply; a part that cannot be cast raises InstrumentError."""
        reply = self.ask(command, **kwargs)
        try:
            text = preprocess_reply(reply) if preprocess_reply else reply
            return [cast(part.strip()) for part in text.split(separator, maxsplit)]
        except (ValueError, IndexError) as error:
            raise InstrumentError(
                f"{self.name}: answered {reply!r} to {command!r}, which cannot be read as {cast.__name__}; "
                "if the reply belongs to another question, reopen the bench"
            ) from error

    def number(self, command: str) -> float:
        """Ask ``command`` and read the reply as one number."""
        return float(self.values(command, separator="\0")[0])

    def level(self, command: str) -> float:
        """Ask ``command``, which answers a level, twice; raises InstrumentError unless both agree and are whole.

        For the way to zero, which begins where the reply says: a digit that was lost would begin it ten times higher.
        """
        replies = self.ask(command), self.ask(command)
        if replies[0] != replies[1] or WHOLE.fullmatch(replies[0]) is None:
            raise InstrumentError(
                f"{self.name}: answered {replies[0]!r} and then {replies[1]!r} to {command!r}, which cannot be trusted "
                "as the level that it gives; it is turned off without going down in steps"
            )
        return float(replies[0])

    def check_errors(self) -> list[str]:
        """Drain the error queue and raise InstrumentError naming the last command if anything was in it."""
        with self.lock:
            command = self._last_command  # asking for the errors is a command too
            found = self.errors()
            if found:
                raise InstrumentError(f"{self.name}: {command!r} was refused: {'; '.join(found)}")
        return []

    check_set_errors = check_errors
    check_get_errors = check_errors

    def device_clear(self) -> bool:
        """Clear the instrument's buffers out of band (VISA clear); False if this connection cannot.

        It never raises: it is the step before the one that matters.
        """
        clear = getattr(self.adapter.connection, "clear", None)
        if clear is None:
            return False
        try:
            clear()
        except Exception:  # noqa: BLE001 - raw sockets cannot clear, and each VISA library says so in its own way
            return False
        return True

    @contextmanager
    def patience(self, seconds: float) -> Iterator[None]:
        """Wait up to ``seconds`` for replies inside the block."""
        connection = self.adapter.connection
        usual = getattr(connection, "timeout", None)
        connection.timeout = seconds * 1000.0  # VISA counts in milliseconds
        try:
            yield
        finally:
            connection.timeout = usual

    def ask_block(self, command: str) -> bytes:
        """Ask ``command`` and return the bytes of its definite-length block (``#<n><len><data>``).

        A block holds every byte value, line feeds too: it is read by count, with termination off, and the
        terminator after it is consumed.
        """
        connection = self.adapter.connection
        with self.lock:
            usual = getattr(connection, "read_termination", None)
            connection.read_termination = None
            try:
                self.write(command)
                return self._read_block(command)
            except CUT_OFF:
                self.device_clear()
                raise
            finally:
                connection.read_termination = usual

    def _read_block(self, command: str) -> bytes:
        head = bytes(self.read_bytes(2))
        if head[:1] != b"#" or not head[1:].isdigit() or head == b"#0":
            self.device_clear()
            raise InstrumentError(
                f"{self.name}: the reply to {command!r} starts with {head!r}, not with a block header"
            )
        digits = bytes(self.read_bytes(int(head[1:])))
        if not digits.isdigit():
            self.device_clear()
            raise InstrumentError(f"{self.name}: the block of {command!r} gives its length as {digits!r}")
        length = int(digits)
        data = bytes(self.read_bytes(length)) if length else b""
        end = bytes(self.read_bytes(1)) if len(data) == length else b""
        if end != b"\n":
            self.device_clear()
            raise InstrumentError(
                f"{self.name}: the block of {command!r} announced {length} bytes and brought {len(data)}, then {end!r}"
            )
        return data

    def require(self, what: str, value: float, low: float, high: float, unit: str) -> None:
        """Raise InstrumentError naming the limit unless ``low <= value <= high``; NaN is refused as well."""
        if not (math.isfinite(value) and low <= value <= high):
            raise InstrumentError(
                f"{self.name}: {what} of {value:g} {unit} was asked; it can make {low:g} to {high:g} {unit}"
            )

    def require_same(self, what: str, asked: float, found: float, tolerance: float, unit: str) -> None:
        """Raise InstrumentError if a setting reads back further than ``tolerance`` from what was asked."""
        if not abs(asked - found) <= tolerance:
            raise InstrumentError(
                f"{self.name}: {what} was set to {asked:g} {unit} but reads back {found:g} {unit}; "
                "a limit set on its front panel may be clipping it"
            )


def close_enough(value: float, relative: float = 1e-3, absolute: float = 0.0) -> float:
    """The tolerance of a read-back of ``value``: the larger of the two."""
    return max(abs(value) * relative, absolute)


def steps_to_zero(level: float, largest: float, most: int = 200) -> list[float]:
    """Levels from ``level`` down to zero, in steps of at most ``largest``, but no more than ``most`` of them.

    For ``safe()`` of a source that is found live: a level cut off at once is a step on the junction.

    >>> steps_to_zero(-0.1, 0.05)
    [-0.05, 0.0]
    """
    if not math.isfinite(level):
        return [0.0]
    count = min(most, max(1, math.ceil(abs(level) / largest)))
    return [level * (count - done) / count + 0.0 for done in range(1, count + 1)]
