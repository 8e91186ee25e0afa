"""The TSP dialect of Keithley: every line is Lua, a query is a ``print``, errors wait in ``errorqueue``."""

from __future__ import annotations

from labctl.core.errors import InstrumentError
from labctl_drivers.base import LabInstrument


class TspInstrument(LabInstrument):
    """A TSP instrument."""

    def errors(self) -> list[str]:
        """Drain ``errorqueue``: ``["1115, Parse error"]``."""
        found: list[str] = []
        with self.lock:
            # numbers come as 0.00000e+00: read as float first
            for _ in range(int(self.number("print(errorqueue.count)"))):
                reply = self.ask("print(errorqueue.next())")
                code, *rest = reply.split("\t")  # code, message, severity, node
                try:
                    number = int(float(code))
                except ValueError as error:
                    raise InstrumentError(f"{self.name}: {reply!r} is no entry of an error queue") from error
                if number != 0:
                    found.append(f"{number:+d}, {rest[0].strip()}" if rest else f"{number:+d}")
        return found

    def clear(self) -> None:
        """Empty the error queue."""
        self.write("errorqueue.clear()")
