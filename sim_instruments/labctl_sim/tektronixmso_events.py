"""The event queue of a Tektronix oscilloscope: it opens with ``*ESR?``, and codes have no sign (TMD)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labctl_sim.scpi import Call, Command, documented

if TYPE_CHECKING:
    from labctl_sim.tektronixmso import TektronixMSO

Event = tuple[int, str]
MORE = (1, "No events to report - new events pending *ESR?")


class Events:
    """Errors wait in the panel's status until ``*ESR?`` makes them readable."""

    def __init__(self, panel: TektronixMSO) -> None:
        self._panel = panel
        self._readable: list[Event] = []

    def commands(self) -> list[Command]:
        """TMD, Status and Error."""
        return documented(
            "TMD",
            Command("*ESR", ask=self._read_register),
            Command("*CLS", self._clear),
            Command("EVENT", ask=lambda _: str(abs(self._next()[0]))),
            Command("EVMsg", ask=lambda _: self._spell(self._next())),
            Command("EVQty", ask=lambda _: str(len(self._readable))),
            Command("ALLEv", ask=lambda _: self._all()),
        )

    def _read_register(self, _: Call) -> str:
        status = self._panel.status
        self._panel.settle()
        self._readable = [*status.errors]
        status.errors.clear()
        return str(status.read_event())

    def _clear(self, _: Call) -> None:
        self._panel.completes = False
        self._panel.status.clear()
        self._readable = []

    def _next(self) -> Event:
        if self._readable:
            return self._readable.pop(0)
        return MORE if self._panel.status.errors else self._panel.status.pop()

    def _all(self) -> str:
        if not self._readable:
            return self._spell(self._next())
        events, self._readable = self._readable, []
        return ",".join(self._spell(event) for event in events)

    @staticmethod
    def _spell(event: Event) -> str:
        return f'{abs(event[0])},"{event[1]}"'
