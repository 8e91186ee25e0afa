"""Bringing a bench to rest: sources first, relays last, every step tried, written down before it is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from labctl.bench.journal import Journal
from labctl.bench.routing import ArrayRouter
from labctl.core.device import Device, PulseGenerator, Source
from labctl.core.errors import InstrumentGone


@dataclass(frozen=True)
class Step:
    """One instrument brought to rest. ``reopen`` renews its connection, for when that is what failed."""

    name: str
    act: Callable[[], None]
    reopen: Callable[[], None]


class Rest:
    """The steps that make a bench safe, in order."""

    def __init__(
        self,
        devices: Mapping[str, Device],
        reopen: Callable[[str], None],
        matrix_role: str | None,
        array: ArrayRouter | None,
        journal: Journal | None,
    ) -> None:
        self._devices = devices
        self._reopen = reopen
        self._matrix_role = matrix_role
        self._array = array
        self._journal = journal

    def failures(self) -> list[BaseException]:
        """Take every step, whatever the ones before it did; what went wrong, in order."""
        found: list[BaseException] = []
        sources = [role for role, device in self._devices.items() if isinstance(device, Source)]
        # the generator first: it is the one that plays on by itself
        sources.sort(key=lambda role: not isinstance(self._devices[role], PulseGenerator))
        outcomes = [self._take(self._step(role), found) for role in sources]
        quiet = all(outcomes)
        array, matrix = self._array, self._matrix_role
        if array is not None and matrix is not None:
            name = "all lines to ground" if quiet else "all lines to ground, instruments left connected"
            self._take(Step(name, partial(array.ground, release=quiet), partial(self._reopen, matrix)), found)
        for role in self._devices:
            if role not in sources and not (array is not None and role == matrix):
                self._take(self._step(role), found)
        return found

    def _step(self, role: str) -> Step:
        return Step(f"{role} to rest", self._devices[role].safe, partial(self._reopen, role))

    def _take(self, step: Step, found: list[BaseException]) -> bool:
        """Take one step, and once more if it fails; True if the instrument is at rest.

        What hangs often answers after a clear, what is lost on a new connection. Of two failures the first is added
        to ``found``; of a failure that the second try made good, nothing is.
        """
        failures: list[BaseException] = []
        for attempt in (1, 2):
            self._write(found, "safe", step=step.name, attempt=attempt)
            try:
                if failures and isinstance(failures[0], InstrumentGone):
                    step.reopen()
                step.act()
            except Exception as error:  # noqa: BLE001 - the steps after this one are taken whatever this one met
                failures.append(error)
                self._write(found, "failed", step=step.name, attempt=attempt, error=f"{type(error).__name__}: {error}")
            except BaseException as error:  # noqa: BLE001 - Ctrl-C ends the program after the last step, not before
                found.append(error)
            else:
                return True
        found += failures[:1]
        return False

    def _write(self, found: list[BaseException], event: str, **details: str | int) -> None:
        if self._journal is None:
            return
        try:
            self._journal.write(event, **details)
        except Exception as error:  # noqa: BLE001 - a full disk must not keep a source on
            found.append(error)
