"""The world's time: it passes only when somebody sleeps, from one thing that is due to the next.

An instrument may act at an earlier time of its own, which the world has run ahead of: ``as_of``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from labctl_sim.appointments import Appointments


class Timeline:
    """A Clock with appointments. ``passes`` (since, until) lets time pass in which nothing is due; ``next_end`` says
    when something else is over (infinite: never), and ``over`` ends what is by then."""

    def __init__(
        self,
        passes: Callable[[float, float], None],
        next_end: Callable[[], float],
        over: Callable[[float], None],
    ) -> None:
        self.world = 0.0  # how far it has run, whoever acts
        self._passes = passes
        self._next_end = next_end
        self._over = over
        self._appointments = Appointments()
        self._own: float | None = None  # of the instrument that acts, where it is not the world's
        self._acting: str | None = None

    def now(self) -> float:
        """Seconds since the bench was switched on; for an instrument that acts, by its own time."""
        return self.world if self._own is None else self._own

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass, and all that is due in them happen."""
        end = self.now() + max(float(seconds), 0.0)
        while (due := self.next_event()) is not None and due <= end:
            self._reach(due)
            self._over(due)
            while (appointment := self._appointments.first(self._acting)) is not None and appointment.when <= due:
                self._appointments.forget(appointment)
                if appointment.role is None:
                    appointment.act()
                else:
                    with self.as_of(appointment.when, appointment.role):
                        appointment.act()
        self._reach(end)

    @contextmanager
    def as_of(self, when: float, role: str | None) -> Iterator[None]:
        """In here the instrument ``role`` acts, and it is ``when`` for it, or the present if that is earlier."""
        before = self._own, self._acting
        self._own, self._acting = min(when, self.world), role
        try:
            yield
        finally:
            self._own, self._acting = before

    def at(self, when: float, act: Callable[[], None]) -> None:
        """Let ``act`` happen at ``when``, for the instrument that acts now."""
        self._appointments.make(when, act, self._acting)

    def for_all(self, when: float, act: Callable[[], None]) -> None:
        """Let ``act`` happen at ``when``, whoever acts then; at once if that is now."""
        if when > self.now():
            self._appointments.make(when, act, None)
        else:
            act()

    def next_event(self) -> float | None:
        """When the next thing is due; a waiting reader need not look before that."""
        due = self._next_end()
        if (appointment := self._appointments.first(self._acting)) is not None:
            due = min(due, appointment.when)
        return due if math.isfinite(due) else None

    def _reach(self, when: float) -> None:
        if when > self.world:
            since, self.world = self.world, when
            self._passes(since, when)
        if self._own is not None:
            self._own = min(max(self._own, when), self.world)
