"""Who is on the bench: every instrument's identity, settings and waiting errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from labctl.core.device import Device
from labctl.core.procedure import Items, Progress, Record


@dataclass(frozen=True)
class Identify:
    """Ask every instrument who it is and how it is set; changes nothing.

    Yields one record of kind "device" per instrument: role, vendor, model, serial, firmware, errors
    (waiting messages, joined), and one of kind "setting" for every setting it reports.
    """

    def run(self, devices: Mapping[str, Device]) -> Items:
        """Yield what each device says of itself."""
        for number, (role, device) in enumerate(devices.items(), start=1):
            identity = device.identify()
            yield Record.of(
                "device",
                role=role,
                vendor=identity.vendor,
                model=identity.model,
                serial=identity.serial,
                firmware=identity.firmware,
                errors="; ".join(device.errors()),
            )
            for name, value in device.snapshot().items():
                yield Record.of("setting", role=role, name=name, value=value)
            yield Progress(number, len(devices), "instruments")
