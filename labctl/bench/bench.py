"""A station, opened: live instruments by role, guarded, and at rest however the block is left."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from labctl.bench.envelope import front_panel_gain
from labctl.bench.exposure import Exposure
from labctl.bench.guarded import GuardedPulser, GuardedSourceMeter, Observed, ObservedMatrix
from labctl.bench.journal import Journal
from labctl.bench.limits import Limits
from labctl.bench.override import Override
from labctl.bench.rest import Rest
from labctl.bench.routing import ArrayRouter, Port
from labctl.bench.station import MATRIX_ROLE, InstrumentEntry, Station
from labctl.bench.visa import LabAdapter, Visa, open_visa
from labctl.core import plugins
from labctl.core.bits import Origin
from labctl.core.clock import Clock
from labctl.core.device import Device, Identity, PulseGenerator, Source, SourceMeter, SwitchMatrix
from labctl.core.errors import EnvelopeError, InstrumentError, InstrumentGone, StationError

REAL_BACKENDS = frozenset({"", "ivi", "py"})
"""The PyVISA backends that lead to instruments; what comes through any other is not called hardware."""


@contextmanager
def open_bench(station: Station, journal: Path | None = None, visa: Visa | None = None) -> Iterator[Bench]:
    """Open every instrument of ``station``; on leaving, however that happens, all are at rest and closed.

    Opening reads before it writes: a source found live is brought to rest before anything else, and stands in
    ``found_live``. What ``safe`` is about to do is appended to the file ``journal`` first.
    A given ``visa`` library is used and left open: the caller's, who may open the bench again through it.
    The first error is the error; what goes wrong while making safe is noted on it.

    Raises StationError if a driver or the VISA library is missing, InstrumentGone if an instrument does not answer.
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
            error.add_note(f"and while making the bench safe: {failure}")
        raise
    else:
        _raise_first(bench._end())


class Bench:
    """The opened instruments of a station. Made by `open_bench`."""

    def __init__(self, station: Station, visa: Visa, journal: Path | None) -> None:
        self.station = station
        self.clock: Clock = visa.clock
        self.found_live: tuple[str, ...] = ()
        self._visa = visa
        self._journal = None if journal is None else Journal(journal, visa.clock)
        self._adapters: dict[str, LabAdapter] = {}
        self._devices: dict[str, Device] = {}
        self._identities: dict[str, Identity] = {}
        self._array: ArrayRouter | None = None
        self._exposure: Exposure | None = None
        self._guards: dict[str, GuardedPulser | GuardedSourceMeter] = {}
        self._overrides: list[Override] = []

    def device(self, role: str) -> Any:
        """The instrument of that role as procedures get it: sources guarded, others as they are.

        The matrix of an array can be looked at: its relays move through ``array`` alone.

        Raises StationError if the station has no such role.
        """
        if role not in self._devices:
            known = ", ".join(sorted(self._devices)) or "none"
            raise StationError(
                f"the station {self.station.name!r} has no {role!r}; its instruments are: {known}. "
                f"Add [instruments.{role}] to {self.station.path}"
            )
        if self._array is not None and role == MATRIX_ROLE:
            return self._observed(role)
        return self._guards.get(role, self._devices[role])

    def roles(self) -> Mapping[str, Any]:
        """What procedures may ask for: each instrument by its role, and ``array``, ``devices``, ``origin``, ``clock``.

        The matrix of an array is not among them: lines are moved through ``array`` alone.
        """
        offered: dict[str, Any] = {role: self.device(role) for role in self._devices}
        if self._array is not None:
            del offered[MATRIX_ROLE]
            offered["array"] = Port(self._array, self._moved)
        offered["devices"] = {role: self._observed(role) for role in self._devices}
        return {**offered, "origin": self.origin, "clock": self.clock}

    @contextmanager
    def override(self, name: str, reason: str, limits: Limits, seconds: float) -> Iterator[None]:
        """In here the junction may see ``limits`` instead of the station's, for ``seconds`` on the bench's clock.

        For the person ``name``, who answers for the sample; it stands with the ``reason`` in the journal before it
        counts, and in the provenance. It ends with the block, which leaves the bench at rest. When the time is over
        the station's limits judge every further call; a level that stands by then is taken away by the block's end.

        Raises EnvelopeError without a name, a reason or a journal, for limits that cannot be, and within another one.
        """
        if self._exposure is None or self._journal is None:
            lacking = "a source" if self._exposure is None else "a journal"
            raise EnvelopeError(
                f"an override is written down before it counts, and this bench was opened without {lacking}; "
                "open it with open_bench(station, journal=...)"
            )
        if not seconds > 0:
            raise EnvelopeError(f"an override for {seconds} s was asked for; give the seconds that it may last")
        override = Override(name, reason, limits, self.clock.now() + seconds)
        with self._exposure.under(limits, lambda: self.clock.now() < override.ends_seconds):
            self._journal.write("override", **override.record())
            self._overrides.append(override)
            try:
                yield
            except BaseException as error:
                for failure in self._end_override(override):
                    error.add_note(f"and while making the bench safe: {failure}")
                raise
            else:
                _raise_first(self._end_override(override))

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
            "overrides": [override.record() for override in self._overrides],
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
        for role, entry in self.station.instruments.items():
            self._devices[role] = self._open_one(role, entry)
            self._identities[role] = self._devices[role].identify()
        wiring, matrix = self.station.wiring, self._devices.get(MATRIX_ROLE)
        sources = self._sources()
        if wiring is not None:
            if not isinstance(matrix, SwitchMatrix):
                raise StationError(
                    f"[instruments.{MATRIX_ROLE}] of {self.station.path} is no switch matrix; "
                    "an array is reached through one that has close_points, open_points and closed"
                )
            self._array = ArrayRouter(matrix, wiring, sources)
        if sources:
            limits = self._limits(next(iter(sources)))
            kinds = None if self._array is None else self._array.kinds
            self._exposure = Exposure(limits, kinds, {role: source.is_quiet for role, source in sources.items()})
            # once and for all: whatever becomes of ``station``, they keep these limits and this wiring
            self._guards = {role: self._guarded(role, source, self._exposure) for role, source in sources.items()}
        self.found_live = tuple(role for role, source in sources.items() if not source.is_quiet())
        if self.found_live:
            if self._journal is not None:
                self._journal.write("found live", roles=", ".join(self.found_live))
            self.safe()

    def _open_one(self, role: str, entry: InstrumentEntry) -> Device:
        driver = plugins.resolve(plugins.DRIVERS, entry.driver)
        adapter = self._visa.open(role, entry.address)
        self._adapters[role] = adapter
        try:
            device = driver(adapter, name=role, **entry.options)
        except InstrumentError as error:
            raise InstrumentGone(
                f"{role} at {entry.address} cannot be opened: {error}. Check that it is switched on and that the "
                f"address and driver under [instruments.{role}] in {self.station.path} are right"
            ) from error
        except (TypeError, StationError) as error:
            raise StationError(
                f"[instruments.{role}] in {self.station.path}: the driver {entry.driver!r} does not take these "
                f"options ({error})"
            ) from error
        if not isinstance(device, Device):
            raise StationError(
                f"[instruments.{role}] in {self.station.path}: the driver {entry.driver!r} lacks some of identify, "
                "capabilities, snapshot, errors, safe, close; see drivers/README.md"
            )
        return device

    def _sources(self) -> dict[str, Source]:
        return {role: device for role, device in self._devices.items() if isinstance(device, Source)}

    def _guarded(self, role: str, source: Source, exposure: Exposure) -> GuardedPulser | GuardedSourceMeter:
        if isinstance(source, PulseGenerator):
            wiring = self.station.wiring
            # without wiring nothing is known of what follows the output: an open end, which doubles
            termination = float("inf") if wiring is None else wiring.pulser_termination_ohms
            attenuation = 0.0 if wiring is None else wiring.pulser_attenuation_db
            gain = front_panel_gain(termination, attenuation)
            return GuardedPulser(source, exposure.limits, gain, role, exposure)
        if isinstance(source, SourceMeter):
            return GuardedSourceMeter(source, exposure.limits, role, exposure)
        raise StationError(
            f"[instruments.{role}] in {self.station.path} is a source, but neither a PulseGenerator nor a "
            "SourceMeter; nothing here could keep it within the limits, so it is not opened"
        )

    def _observed(self, role: str) -> Observed:
        if self._array is not None and role == MATRIX_ROLE:
            return ObservedMatrix(self._devices[role], Port(self._array, self._moved))
        return Observed(self._devices[role])

    def _moved(self) -> None:
        if self._exposure is not None:
            self._exposure.moved()

    def _limits(self, role: str) -> Limits:
        if self.station.limits is None:
            raise StationError(
                f"[instruments.{role}] in {self.station.path} is a source, and the file has no [limits]; "
                "write down what the junction may see"
            )
        return self.station.limits

    def _rest(self) -> list[BaseException]:
        matrix = MATRIX_ROLE if self._array is not None else None
        for guard in self._guards.values():
            guard.forget()
        self._moved()
        return Rest(self._devices, self._reopen, matrix, self._array, self._journal).failures()

    def _end_override(self, override: Override) -> list[BaseException]:
        failures = self._rest()
        if self._journal is not None:
            try:
                self._journal.write("override ended", name=override.name)
            except OSError as error:
                failures.append(error)
        return failures

    def _reopen(self, role: str) -> None:
        self._adapters[role].reopen()

    def _end(self) -> list[BaseException]:
        failures = self._rest()
        for adapter in self._adapters.values():
            try:
                adapter.close()
            except InstrumentError as error:
                failures.append(error)
        return failures


def _raise_first(failures: list[BaseException]) -> None:
    if not failures:
        return
    first, *others = failures
    for other in others:
        first.add_note(f"and then: {other}")
    raise first
