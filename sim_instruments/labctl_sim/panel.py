"""What a front panel is to whoever carries its messages: a VISA session, a socket server, a test."""

from __future__ import annotations

from typing import Protocol


class Panel(Protocol):
    """One simulated instrument, free of any transport. It is made as ``Panel(world, role, options)``."""

    def handle(self, message: bytes) -> bytes | None:
        """Take one whole program message; the response message with its final newline, or None if there is none."""
        ...

    def poll(self) -> bytes | None:
        """A response that could not be given at once (``*OPC?`` during an acquisition), if it is ready now."""
        ...

    def interrupted(self) -> None:
        """A new message came before the last response was read; that response is gone."""
        ...

    def unterminated(self) -> None:
        """Someone tried to read a response that nobody had asked for."""
        ...

    def clear(self) -> None:
        """Device clear: forget half-done input and output, settings stay."""
        ...

    def trigger(self) -> None:
        """Group execute trigger, the bus line behind ``*TRG``."""
        ...

    def status_byte(self, message_available: bool) -> int:
        """What a serial poll returns."""
        ...
