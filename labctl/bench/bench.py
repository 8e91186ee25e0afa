"""A station, opened: live instruments by role, guarded, and at rest however the block is left."""

from __future__ import annotations

import logging
import platform
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from labctl.bench.connect import connect
from labctl.bench.envelope import Limits, front_panel_gain
from labctl.bench.errand import Errand
from labctl.bench.exposure import Exposure
from labctl.bench.guarded import GuardedPulser, GuardedSourceMeter, Observed
from labctl.bench.journal import AT_REST, Journal
from labctl.bench.relays import Counted, RelayCycles
from labctl.bench.rest import CUT_SECONDS, Failure, Rest
from labctl.bench.routing import ArrayRouter, Port
from labctl.bench.station import MATRIX_ROLE, Station
from labctl.bench.visa import LabAdapter, Visa, open_visa
from labctl.core.bits import Origin
from labctl.core.clock import Clock
from labctl.core.device import Device, Identity, PulseGenerator, Setting, Source, SourceMeter, SwitchMatrix
from labctl.core.errors import InstrumentError, JournalError, LabError, StationError

log = logging.getLogger("labctl.bench")

REAL_BACKENDS = frozenset({"", "ivi", "py"})
"""The PyVISA backends that lead to instruments; what comes through any other is not called hardware."""


@contextmanager
def open_bench(station: Station, journal: Path | None = None, visa: Visa | None = None) -> Iterator[Bench]:
    """Open every instrument of ``station``; on leaving, however that happens, all are at rest and closed.

    Opening reads before it writes: a source found live is brought to rest before anything else, and stands in
    ``found_live``; so is the whole bench if the ``journal`` says that nobody has since it was last opened
    (``left_open``). What ``safe`` is about to do is appended to that file first.
    A given ``visa`` library is used and left open: the caller's, who may open the bench again through it.
    The first error is the error; what goes wrong while making safe is noted on it.

    Raises StationError if a driver or the VISA library is missing, InstrumentGone if an instrument does not answer,
    JournalError if the journal cannot be written.
    """
    if visa is None:
        own = open_visa(station.visa_library, station.timeout_seconds, needed=bool(station.instruments))
        with closing(own), open_bench(station, journal, own) as bench:
            yield bench
        return
    bench = Bench(station, visa, journal)
    try:
        bench._open()
        yield bench
    except BaseException as error:
        for failure in bench._end():
            error.add_note(f"and while making the bench safe: {failure.error}")
        raise
    else:
        _raise_first(bench._end())


def make_safe(station: Station, journal: Path | None = None) -> list[Failure]:
    """Bring every instrument of ``station`` that can be reached to rest; what could not be, in order.

    Raises StationError if the VISA library is missing, and nothing else: it does what it can.
    """
    with closing(open_visa(station.visa_library, station.timeout_seconds, needed=bool(station.instruments))) as visa:
        bench = Bench(station, visa, journal)
        try:
            unreached = bench._connect()
        except BaseException as error:
            for failure in bench._end():
                error.add_note(f"and while making the bench safe: {failure.error}")
            raise
        return [*unreached, *bench._end()]


class Bench:
    """The opened instruments of a station. Made by `open_bench`.

    ``found_live`` are the sources that were live when it was opened, ``found`` what these, and the matrix then,
    reported of themselves. ``left_open`` says that the process before this one was killed before it came to rest.
    """

    def __init__(self, station: Station, visa: Visa, journal: Path | None) -> None:
        self.station = station
        self.clock: Clock = visa.clock
        self.found_live: tuple[str, ...] = ()
        self.found: dict[str, Mapping[str, Setting]] = {}
        self.left_open = False
        self._visa = visa
        if not station.instruments:
            journal = None  # there is nothing to leave on
        self._journal = None if journal is None else Journal(journal, visa.clock)
        self._relays = RelayCycles(None if journal is None else journal.with_suffix(".relays.json"))
        self._adapters: dict[str, LabAdapter] = {}
        self._devices: dict[str, Device] = {}
        self._identities: dict[str, Identity] = {}
        self._array: ArrayRouter | None = None
        self._exposure: Exposure | None = None

    def device(self, role: str) -> Any:
        """The instrument of that role as procedures get it: sources guarded, others as they are.

        Raises StationError if the station has no such role.
        """
        if role not in self._devices:
            known = ", ".join(sorted(self._devices)) or "none"
            raise StationError(
                f"the station {self.station.name!r} has no {role!r}; its instruments are: {known}. "
                f"Add [instruments.{role}] to {self.station.path}"
            )
        return self._guarded(role, self._devices[role])

    def roles(self) -> Mapping[str, Any]:
        """What procedures may ask for: each instrument by its role, and ``array``, ``devices``, ``origin``, ``clock``.

        The matrix of an array is not among them: lines are moved through ``array`` alone.
        """
        offered: dict[str, Any] = {role: self.device(role) for role in self._devices}
        if self._array is not None:
            del offered[MATRIX_ROLE]
            offered["array"] = Port(self._array)
        offered["devices"] = {role: self._observed(role) for role in self._devices}
        return {**offered, "origin": self.origin, "clock": self.clock}

    @property
    def origin(self) -> Origin:
        """Where bits from this bench come from. Whatever is not known to be hardware is not called so."""
        library = self.station.visa_library
        serials = [identity.serial.upper() for identity in self._identities.values()]
        if not serials or any(serial.startswith("SIM") for serial in serials):
            return Origin.SIMULATED
        if library.startswith("replay:"):
            return Origin.RECORDED
        backend = library.rpartition("@")[2] if "@" in library else "ivi"
        return Origin.HARDWARE if backend in REAL_BACKENDS else Origin.SIMULATED

    def provenance(self) -> dict[str, Any]:
        """What is needed to tell later where a result came from; plain values, fit for JSON."""
        return {
            "station": self.station.name,
            "station_digest": self.station.digest,
            "visa_library": self.station.visa_library,
            "library": self._visa.provenance,
            "origin": str(self.origin),
            "found_live": list(self.found_live),
            "found": {role: dict(settings) for role, settings in self.found.items()},
            "left_open": self.left_open,
            "relay_cycles": self._relays.summary(),
            "instruments": {
                role: {
                    "driver": entry.driver,
                    "address": entry.address,
                    "vendor": self._identities[role].vendor,
                    "model": self._identities[role].model,
                    "serial": self._identities[role].serial,
                    "firmware": self._identities[role].firmware,
                }
                for role, entry in self.station.instruments.items()
            },
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("labctl", "numpy", "pyvisa", "pymeasure")},
            },
        }

    def safe(self) -> None:
        """Bring everything to rest: generators, then source-meters, then all lines to ground.

        Every step is tried whatever the others do. Raises the first failure, the others noted on it.
        """
        _raise_first(self._rest())

    def _open(self) -> None:
        unreached = self._connect()
        _raise_first(unreached)
        if self.station.wiring is not None and self._array is None:
            raise StationError(
                f"[instruments.{MATRIX_ROLE}] of {self.station.path} is no switch matrix; "
                "an array is reached through one that has close_points, open_points and closed"
            )
        sources = self._sources()
        for role in sources:
            self._guarded(role, self._devices[role])  # refuses a source that cannot be guarded
        self.found_live = tuple(role for role, source in sources.items() if not source.is_quiet())
        if self.found_live:
            looked_at = [*self.found_live, *([MATRIX_ROLE] if self._array is not None else [])]
            self.found = {role: dict(self._devices[role].snapshot()) for role in looked_at}
            log.warning("found live, and brought to rest before anything else: %s", ", ".join(self.found_live))
            self._note("found live", roles=", ".join(self.found_live), found=self.found)
        if self.left_open:
            log.warning("the bench %s was left open and is brought to rest before anything else", self.station.name)
        if self.found_live or self.left_open:
            self.safe()

    def _connect(self) -> list[Failure]:
        """Connect all that can be reached; what cannot, and what forbids to go on."""
        failures: list[Failure] = []
        try:
            if self._journal is not None:
                self.left_open = self._journal.begin() is not None
        except JournalError as error:
            failures.append(Failure("journal", error))  # but what may be on is still turned off
        for role, entry in self.station.instruments.items():
            try:
                self._devices[role], self._adapters[role] = connect(self.station, self._visa, entry)
                self._identities[role] = self._devices[role].identify()
            except LabError as error:
                failures.append(Failure(role, error))
        matrix, wiring = self._devices.get(MATRIX_ROLE), self.station.wiring
        if wiring is not None and isinstance(matrix, SwitchMatrix):
            self._array = ArrayRouter(matrix, wiring, self._sources(), self._relays)
        return failures

    def _note(self, event: str, **details: Any) -> None:
        if self._journal is not None:
            self._journal.write(event, **details)

    def _observed(self, role: str) -> Observed:
        device = self._devices[role]
        return Counted(device, self._relays) if isinstance(device, SwitchMatrix) else Observed(device)

    def _sources(self) -> dict[str, Source]:
        return {role: device for role, device in self._devices.items() if isinstance(device, Source)}

    def _guarded(self, role: str, device: Device) -> Device:
        if not isinstance(device, Source):
            return device
        limits = self._limits(role)
        if isinstance(device, PulseGenerator):
            wiring = self.station.wiring
            # without wiring nothing is known of what follows the output: an open end, which doubles
            termination = float("inf") if wiring is None else wiring.pulser_termination_ohms
            attenuation = 0.0 if wiring is None else wiring.pulser_attenuation_db
            gain = front_panel_gain(termination, attenuation)
            return GuardedPulser(device, limits, gain, role, self._exposed(limits))
        if isinstance(device, SourceMeter):
            return GuardedSourceMeter(device, limits, role, self._exposed(limits))
        raise StationError(
            f"[instruments.{role}] in {self.station.path} is a source, but neither a PulseGenerator nor a "
            "SourceMeter; nothing here could keep it within the limits, so it is not opened"
        )

    def _exposed(self, limits: Limits) -> Exposure:
        """The one account of what all sources together put on the array."""
        if self._exposure is None:
            self._exposure = Exposure(limits)
        return self._exposure

    def _limits(self, role: str) -> Limits:
        if self.station.limits is None:
            raise StationError(
                f"[instruments.{role}] in {self.station.path} is a source, and the file has no [limits]; "
                "write down what the junction may see"
            )
        return self.station.limits

    def _rest(self) -> list[Failure]:
        if self._exposure is not None:
            for role in self._devices:
                self._exposure.rest(role)
        missing = frozenset(self.station.instruments.keys() - self._devices.keys())
        rest = Rest(
            self._devices,
            self._adapters,
            self._array,
            MATRIX_ROLE,
            self._journal,
            missing,
            self.station.timeout_seconds,
        )
        try:
            return rest.failures()
        except BaseException as interrupted:  # noqa: BLE001 - between two steps: all of them are taken again
            return [Failure("", interrupted), *rest.failures()]

    def _end(self) -> list[Failure]:
        failures = self._rest()
        for role, adapter in self._adapters.items():
            errand = Errand(adapter.close)
            try:
                if errand.over(CUT_SECONDS):
                    errand.result()
            except InstrumentError as error:
                failures.append(Failure(role, error))
        if not failures and self._devices.keys() == self.station.instruments.keys():
            try:
                self._note(AT_REST)
            except JournalError as error:
                failures.append(Failure("journal", error))
        return failures


def _raise_first(failures: list[Failure]) -> None:
    if not failures:
        return
    first, *others = (failure.error for failure in failures)
    for other in others:
        first.add_note(f"and then: {other}")
    raise first
