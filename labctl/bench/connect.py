"""One instrument of a station file, connected: an address and the name of a driver become a device."""

from __future__ import annotations

from contextlib import suppress

from labctl.bench.station import InstrumentEntry, Station
from labctl.bench.visa import LabAdapter, Visa
from labctl.core import plugins
from labctl.core.device import Device
from labctl.core.errors import InstrumentError, InstrumentGone, StationError


def connect(station: Station, visa: Visa, entry: InstrumentEntry) -> tuple[Device, LabAdapter]:
    """The instrument, and its connection. Nothing is sent but what the driver needs to know whom it talks to.

    Raises InstrumentGone if it does not answer, StationError if there is no such driver or it takes no such options.
    """
    adapter = visa.open(entry.role, entry.address)
    try:
        return _driven(station, adapter, entry), adapter
    except BaseException:
        with suppress(InstrumentError):
            adapter.close()
        raise


def _driven(station: Station, adapter: LabAdapter, entry: InstrumentEntry) -> Device:
    driver = plugins.resolve(plugins.DRIVERS, entry.driver)
    try:
        device = driver(adapter, name=entry.role, **entry.options)
    except InstrumentError as error:
        raise InstrumentGone(
            f"{entry.role} at {entry.address} cannot be opened: {error}. Check that it is switched on and that the "
            f"address and driver under [instruments.{entry.role}] in {station.path} are right"
        ) from error
    except (TypeError, StationError) as error:
        raise StationError(
            f"[instruments.{entry.role}] in {station.path}: the driver {entry.driver!r} does not take these "
            f"options ({error})"
        ) from error
    if not isinstance(device, Device):
        raise StationError(
            f"[instruments.{entry.role}] in {station.path}: the driver {entry.driver!r} lacks some of identify, "
            "capabilities, snapshot, errors, safe, close; see drivers/README.md"
        )
    return device
