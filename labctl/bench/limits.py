"""What the junction may see, as values, and the table [limits] of a station file that says so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from labctl.bench.tables import Table

_NEEDED = {
    "pulse_positive_volts": "1.0",
    "pulse_negative_volts": "0.5",
    "pulse_width_seconds": "100e-9",
    "dc_volts": "0.25",
    "amps": "2e-3",
}
EXAMPLE = ", ".join(_NEEDED)
_SHORTER = "shorter_pulses"
_SHORTER_EXAMPLE = "[{ width_seconds = 5e-9, positive_volts = 1.2, negative_volts = 0.6 }]"


@dataclass(frozen=True)
class PulseLimit:
    """What a pulse of up to ``width_seconds`` may have; both volts are magnitudes at the junction."""

    width_seconds: float
    positive_volts: float
    negative_volts: float

    def volts(self, sign: float) -> float:
        """The magnitude that a pulse of the polarity of ``sign`` may have."""
        return self.positive_volts if sign > 0 else self.negative_volts


@dataclass(frozen=True)
class Limits:
    """What the junction may see. Everything longer than ``pulse_width_seconds`` counts as DC.

    All volts are magnitudes. ``dc_negative_volts`` is ``dc_volts`` if it is None. ``shorter`` pulses, from the
    shortest to the longest, may be higher. ``dose_volt_seconds``: volts times the seconds above the DC limit, of all
    cycles fired since the bench was opened, summed as if one junction had seen them all.
    """

    pulse_positive_volts: float
    pulse_negative_volts: float
    pulse_width_seconds: float
    dc_volts: float
    amps: float
    dc_negative_volts: float | None = None
    shorter: tuple[PulseLimit, ...] = ()
    dose_volt_seconds: float = math.inf

    @property
    def pulses(self) -> tuple[PulseLimit, ...]:
        """Every step of the table, from the shortest pulse to the longest."""
        longest = PulseLimit(self.pulse_width_seconds, self.pulse_positive_volts, self.pulse_negative_volts)
        return (*self.shorter, longest)

    def of_pulse(self, volts: float) -> float:
        """The magnitude that the shortest pulse of the polarity of ``volts`` may have."""
        return self.pulses[0].volts(volts)

    def of_dc(self, volts: float) -> float:
        """The magnitude that a level of the polarity of ``volts`` may have for ever."""
        return self.dc_volts if volts > 0 or self.dc_negative_volts is None else self.dc_negative_volts

    def steps(self, sign: float) -> list[tuple[float, float]]:
        """``(volts, seconds)`` of one polarity: above these volts for no longer than these seconds."""
        levels = [*(pulse.volts(sign) for pulse in self.pulses[1:]), self.of_dc(sign)]
        return [(level, pulse.width_seconds) for level, pulse in zip(levels, self.pulses, strict=True)]

    def contradictions(self) -> list[tuple[str, str]]:
        """What cannot be meant, as ``(key, sentence)``; empty for sound limits."""
        found: list[tuple[str, str]] = []
        for sign, key in (
            (1.0, "dc_volts"),
            (-1.0, "dc_volts" if self.dc_negative_volts is None else "dc_negative_volts"),
        ):
            if self.pulses[-1].volts(sign) < self.of_dc(sign):
                text = f"is {self.of_dc(sign):g}, above the limit of a pulse; what may stay may also be short"
                found += [(key, text)] if (key, text) not in found else []
        for short, long in zip(self.pulses, self.pulses[1:], strict=False):
            if short.width_seconds >= long.width_seconds:
                found.append(
                    (
                        _SHORTER,
                        f"has a width of {short.width_seconds:g} s before one of {long.width_seconds:g} s; write each "
                        "width once, the shortest first, all below pulse_width_seconds",
                    )
                )
            elif short.positive_volts < long.positive_volts or short.negative_volts < long.negative_volts:
                found.append(
                    (
                        _SHORTER,
                        f"allows less at {short.width_seconds:g} s than at {long.width_seconds:g} s; what may be long "
                        "may also be short: raise the shorter one or lower the longer one",
                    )
                )
        return found


def read_limits(content: Any, mistakes: list[str]) -> Limits | None:
    """The limits in the table [limits]; None, with ``mistakes`` noted, if they are impossible or contradictory."""
    table = Table("limits", content, mistakes)
    before = len(mistakes)
    needed = {key: table.number(key, example) for key, example in _NEEDED.items()}
    dc_negative = table.number("dc_negative_volts", "0.2") if "dc_negative_volts" in table.content else None
    dose = table.number("dose_volt_seconds", "1e-3", default=math.inf)
    shorter = _shorter(table)
    table.refuse_rest()
    numbers = {key: number for key, number in needed.items() if number is not None}
    if len(mistakes) > before or dose is None or len(numbers) != len(needed):
        return None
    limits = Limits(**numbers, dc_negative_volts=dc_negative, shorter=shorter, dose_volt_seconds=dose)
    for key, text in limits.contradictions():
        table.mistake(key, text)
    return limits


def _shorter(table: Table) -> tuple[PulseLimit, ...]:
    content = table.take(_SHORTER)
    if content is None:
        return ()
    if not isinstance(content, list):
        table.mistake(_SHORTER, f"must be a list of tables, e.g. {_SHORTER} = {_SHORTER_EXAMPLE}")
        return ()
    found = []
    for number, row in enumerate(content, 1):
        entry = Table(f"limits.{_SHORTER}, entry {number}", row, table.mistakes)
        width = entry.number("width_seconds", "5e-9")
        positive = entry.number("positive_volts", "1.2")
        negative = entry.number("negative_volts", "0.6")
        entry.refuse_rest()
        if width is not None and positive is not None and negative is not None:
            found.append(PulseLimit(width, positive, negative))
    return tuple(found)
