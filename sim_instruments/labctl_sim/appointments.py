"""What is to happen when the world's clock shows a time, in the order of time, and then of asking."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, order=True)
class Appointment:
    """``act`` at ``when``. ``role`` says whose it is, if time is the room's; None is everybody's."""

    when: float
    number: int
    act: Callable[[], None] = field(compare=False)
    role: str | None = field(compare=False)


class Appointments:
    """A diary. Who changes his mind lets ``act`` find that out."""

    def __init__(self) -> None:
        self._entries: list[Appointment] = []
        self._numbers = itertools.count()

    def make(self, when: float, act: Callable[[], None], role: str | None) -> None:
        """One more."""
        heapq.heappush(self._entries, Appointment(when, next(self._numbers), act, role))

    def first(self, acting: str | None) -> Appointment | None:
        """The next one; while the instrument ``acting`` acts at its own time, the next of those that concern it."""
        if acting is None:
            return self._entries[0] if self._entries else None
        return min((entry for entry in self._entries if entry.role in (None, acting)), default=None)

    def forget(self, appointment: Appointment) -> None:
        """It has come, or is not wanted any more."""
        if appointment is self._entries[0]:
            heapq.heappop(self._entries)
        else:
            self._entries.remove(appointment)
            heapq.heapify(self._entries)
