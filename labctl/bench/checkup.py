"""Looking at a bench before it is used: who answers, which errors wait, and whether every line is connected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from labctl.bench.bench import Bench
from labctl.bench.limits import Limits
from labctl.bench.lines import line_of
from labctl.bench.station import Station
from labctl.bench.wiring import Wiring
from labctl.core.device import ArrayPort, Line, Reading, SourceMeter

LOOK_VOLTS = 0.02
"""What stands on a line while it is looked at, or half of what the junctions may see for ever, if that is less."""
LOOK_AMPS = 1e-3
DARK_AMPS = 10e-9
"""More than this into open relays at 0 V is an offset that would be taken for a junction of megohms."""
OPEN_AMPS = 1e-9
FACTOR = 20.0
"""How far the current of a line may be from the usual one: junctions scatter by less, contacts fail by more."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what, what was found, and if that is not well, what to do."""

    what: str
    found: str
    remedy: str = ""

    @property
    def well(self) -> bool:
        """True if there is nothing to do."""
        return not self.remedy


def examine(bench: Bench) -> Iterator[Finding]:
    """Look at everything; the bench is at rest before and after.

    Each line of the array is put on the source-meter at a few millivolts, with every other line on ground: what flows
    is the current of all its junctions. Raises what instruments raise.
    """
    for role in bench.found_live:
        yield Finding(role, "its output was on, and was brought to rest", "find out who left it on, and at what")
    roles = bench.roles()
    for role, device in roles["devices"].items():
        who = device.identify()
        name = f"{who.vendor} {who.model}, serial {who.serial}"
        errors = device.errors()
        if errors:
            yield Finding(role, f"{name}: {'; '.join(errors)}", "an error was waiting; it is read now: look again")
        else:
            yield Finding(role, f"{name}: no errors waiting")
    wiring, limits = bench.station.wiring, bench.station.limits
    if isinstance(roles.get("smu"), SourceMeter) and wiring is not None and limits is not None:
        yield from _lines(bench.station, wiring, limits, roles)


def _lines(station: Station, wiring: Wiring, limits: Limits, roles: Mapping[str, Any]) -> Iterator[Finding]:
    array, smu = roles["array"], roles["smu"]
    volts, amps = min(LOOK_VOLTS, limits.dc_volts / 2), min(LOOK_AMPS, limits.amps)
    array.route({})
    smu.apply_volts(0.0, amps)
    dark = _amps(smu.measure())
    smu.off()
    told = "an overflow" if dark is None else f"{dark:.2g} A"
    fair = dark is not None and abs(dark) < DARK_AMPS
    remedy = "" if fair else "look for a leak in its cable and at its guard; let it warm up for an hour"
    yield Finding("dark current", f"{told} into open relays at 0 V, less than {DARK_AMPS:g} A expected", remedy)
    for kind, contacts in (("word", wiring.word_lines), ("bit", wiring.bit_lines)):
        found = [_look(array, smu, Line(kind, index), volts, amps) for index in range(len(contacts))]
        usual = median(amps if current is None else current for current in found)
        line = line_of(station.text, ("wiring", f"{kind}_lines"))
        for index, (contact, current) in enumerate(zip(contacts, found, strict=True)):
            what = f"{kind} line {index} at {contact}"
            yield _judged(what, current, usual, volts, f"[wiring] {kind}_lines, line {line} of {station.path}")


def _look(array: ArrayPort, smu: SourceMeter, line: Line, volts: float, amps: float) -> float | None:
    array.route({"smu": line})
    smu.apply_volts(volts, amps)
    found = _amps(smu.measure())
    smu.off()
    return None if found is None else abs(found)


def _amps(reading: Reading) -> float | None:
    return None if reading.in_compliance else reading.amps


def _judged(what: str, current: float | None, usual: float, volts: float, where: str) -> Finding:
    told = f"at {volts:g} V, where {usual:.2g} A is usual"
    if current is None:
        return Finding(what, f"the limit was reached {told}", f"a short to another line or to ground: {where}")
    told = f"{current:.2g} A {told}"
    if current < max(OPEN_AMPS, usual / FACTOR):
        return Finding(what, told, f"open: look at its cable, its relays and its contact, or correct {where}")
    if current > FACTOR * usual:
        return Finding(what, told, f"a short to another line or to ground, or a shorted junction: {where}")
    return Finding(what, told)
