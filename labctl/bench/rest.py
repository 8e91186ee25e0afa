"""Bringing a bench to rest: sources first, relays last, every step tried, written down before it is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from labctl.bench.errand import Errand
from labctl.bench.journal import Journal
from labctl.bench.routing import ArrayRouter
from labctl.core.device import Device, PulseGenerator, Source
from labctl.core.errors import InstrumentError, InstrumentGone, InstrumentTimeout, JournalError

LEAST_STEP_SECONDS = 10.0
"""A step may always take this long: from far away the way to zero has 200 steps, and relays settle."""
CUT_SECONDS = 1.0
"""How soon a call is over whose connection was closed under it, if that helps at all."""


class Link(Protocol):
    """The connection to an instrument."""

    def reopen(self) -> None:
        """Close it and open it again, under the same driver."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


@dataclass(frozen=True)
class Failure:
    """An instrument that could not be brought to rest, or not be reached."""

    role: str
    error: BaseException


@dataclass(frozen=True)
class Step:
    """One instrument brought to rest."""

    name: str
    role: str
    act: Callable[[], None]


class Hung(InstrumentTimeout):
    """A step that did not end, its connection closed under it."""


class Rest:
    """The steps that make a bench safe, in order.

    ``missing`` are instruments of the station that could not be reached: one of them may be live. No step takes
    longer than three times ``timeout_seconds``, and ten seconds at least, before its connection is closed under it.
    """

    def __init__(
        self,
        devices: Mapping[str, Device],
        links: Mapping[str, Link],
        array: ArrayRouter | None,
        matrix_role: str,
        journal: Journal | None,
        missing: frozenset[str] = frozenset(),
        timeout_seconds: float = 0.0,
    ) -> None:
        self._devices = devices
        self._links = links
        self._array = array
        self._matrix_role = matrix_role
        self._journal = journal
        self._missing = missing
        self._limit_seconds = max(LEAST_STEP_SECONDS, 3 * timeout_seconds)

    def failures(self) -> list[Failure]:
        """Take every step, whatever the ones before it did; what went wrong, in order."""
        found: list[Failure] = []
        sources = {role: device for role, device in self._devices.items() if isinstance(device, Source)}
        # the generator first: it is the one that plays on by itself
        order = sorted(sources, key=lambda role: not isinstance(sources[role], PulseGenerator))
        steps = [Step(f"{role} to rest", role, partial(_quieten, role, sources[role])) for role in order]
        outcomes = [self._take(step, found) for step in steps]
        quiet = all(outcomes) and not self._missing
        others = [role for role in self._devices if role not in sources]
        if self._array is not None:
            name = "all lines to ground" if quiet else "all lines to ground, instruments left connected"
            self._take(Step(name, self._matrix_role, partial(self._array.ground, release=quiet)), found)
            others.remove(self._matrix_role)
        for role in others:
            self._take(Step(f"{role} to rest", role, self._devices[role].safe), found)
        return found

    def _take(self, step: Step, found: list[Failure]) -> bool:
        """Take one step, and up to twice more if it fails; True if the instrument is at rest.

        What hangs often answers after a clear, what is lost on a new connection. What answers in the second try, and
        wrongly, has lost a command or answers an older question: the third is on a new connection. Of several
        failures the first is added to ``found``; of a failure that a later try made good, nothing is.
        """
        failures: list[Exception] = []
        for attempt in (1, 2, 3):
            if attempt == 3 and isinstance(failures[-1], InstrumentGone | InstrumentTimeout):  # Hung is one
                break
            reopen = attempt == 3 or any(isinstance(failure, InstrumentGone | Hung) for failure in failures)
            self._write(found, "safe", step=step.name, attempt=attempt)
            try:
                self._act(step, found, reopen=reopen)
            except Exception as error:  # noqa: BLE001 - the steps after this one are taken whatever this one met
                failures.append(error)
                self._write(found, "failed", step=step.name, attempt=attempt, error=f"{type(error).__name__}: {error}")
            except BaseException as error:  # noqa: BLE001 - Ctrl-C ends the program after the last step, not before
                found.append(Failure(step.role, error))
            else:
                return True
        found += [Failure(step.role, error) for error in failures[:1]]
        return False

    def _act(self, step: Step, found: list[Failure], *, reopen: bool) -> None:
        """Take the step within its time. What hangs keeps its driver locked, so its connection is closed under it."""
        link = self._links[step.role]

        def act() -> None:
            if reopen:
                link.reopen()
            step.act()

        errand = Errand(act)
        in_time = errand.over(self._limit_seconds)
        if errand.interrupted is not None:
            found.append(Failure(step.role, errand.interrupted))
        if not in_time:
            Errand(link.close).over(CUT_SECONDS)
            errand.over(CUT_SECONDS)
            raise Hung(
                f"{step.role} hangs: {step.name!r} was not over after {self._limit_seconds:g} s; its connection was "
                "closed. If it goes on, switch the instrument off and on"
            )
        errand.result()

    def _write(self, found: list[Failure], event: str, **details: str | int) -> None:
        if self._journal is None:
            return
        try:
            self._journal.write(event, **details)
        except JournalError as error:  # a full disk must not keep a source on
            if not any(isinstance(failure.error, JournalError) for failure in found):
                found.append(Failure("journal", error))


def _quieten(role: str, source: Source) -> None:
    source.safe()
    if not source.is_quiet():
        raise InstrumentError(
            f"{role} was brought to rest and still reports a live output; switch its output off at its front panel"
        )
