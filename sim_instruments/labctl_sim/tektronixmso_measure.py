"""Automatic measurements of a Tektronix MSO: badges MEAS1, MEAS2 ... on what was taken last (TMD, Measurement)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from labctl_sim import scpi_text
from labctl_sim.flips import Floats
from labctl_sim.scpi import Call, Command, documented
from labctl_sim.status import InstrumentFault
from labctl_sim.tektronixmso_controls import CHANNELS

if TYPE_CHECKING:
    from labctl_sim.tektronixmso import TektronixMSO

NO_VALUE = 9.91e37
MOST = 100  # badges
SOURCES = tuple(f"CH{n + 1}" for n in range(CHANNELS))
# Volts of one record (S,) to one number; times need the sample interval, so they are in _timed.
LEVELS: dict[str, Callable[[Floats], Any]] = {
    "MAXIMUM": np.max, "MINIMUM": np.min, "MEAN": np.mean, "PK2PK": np.ptp,
    "HIGH": lambda volts: np.percentile(volts, 95), "TOP": lambda volts: np.percentile(volts, 95),
    "LOW": lambda volts: np.percentile(volts, 5), "BASE": lambda volts: np.percentile(volts, 5),
    "AMPLITUDE": lambda volts: np.percentile(volts, 95) - np.percentile(volts, 5),
    "RMS": lambda volts: np.sqrt(np.mean(volts**2)), "ACRMS": np.std,
}  # fmt: skip
TIMES = ("PERIOD", "FREQUENCY", "PWIDTH", "NWIDTH", "AREA")
UNITS = {"FREQUENCY": '"Hz"', "AREA": '"Vs"'} | dict.fromkeys(("PERIOD", "PWIDTH", "NWIDTH"), '"s"')
TYPES = (*LEVELS, *TIMES)
STATISTICS: dict[str, Callable[[Floats], Any]] = {
    "MEAN": np.mean, "MAXimum": np.max, "MINimum": np.min, "PK2PK": np.ptp, "STDDev": np.std, "POPUlation": np.size,
}  # fmt: skip


class Measurements:
    """Each badge has a type and a source; its results are those of the last acquisition, one value a frame."""

    def __init__(self, panel: TektronixMSO) -> None:
        self._panel = panel
        self._badges: dict[int, dict[str, str]] = {}
        self._at_once = _new()

    def reset(self) -> None:
        """No badges."""
        self._badges = {}
        self._at_once.update(_new())

    def commands(self) -> list[Command]:
        """TMD, Measurement."""
        badge = "MEASUrement:MEAS#"
        results = [
            Command(f"{badge}:RESUlts:{which}:{name}", ask=self._asker(statistic))
            for which in ("CURRentacq", "ALLAcqs")
            for name, statistic in STATISTICS.items()
        ]
        return documented(
            "TMD",
            Command("MEASUrement:ADDMEAS", self._add),
            Command("MEASUrement:ADDNew", self._add_named),
            Command("MEASUrement:DELete", self._delete),
            Command("MEASUrement:DELETEALL", lambda _: self.reset()),
            Command("MEASUrement:LIST", ask=lambda _: ",".join(f"MEAS{n}" for n in sorted(self._badges)) or "NONE"),
            self._field(f"{badge}:TYPe", "type", TYPES),
            self._field(f"{badge}:SOUrce", "source", SOURCES),
            self._field(f"{badge}:SOUrce1", "source", SOURCES),
            Command(f"{badge}:STATE", self._switch, lambda call: str(int(call.suffixes[0] in self._badges))),
            Command(f"{badge}:VALue", ask=self._asker(np.mean)),
            *results,
            *self._immediate(),
        )

    def _immediate(self) -> list[Command]:
        """A measurement without a badge, as earlier models have it (QCoDeS)."""
        at_once = self._at_once

        def field(pattern: str, key: str, words: tuple[str, ...]) -> Command:
            def write(call: Call) -> None:
                at_once[key] = self._panel.word(call.only(), words)

            return Command(f"MEASUrement:IMMed:{pattern}", write, lambda _: at_once[key])

        return [
            field("TYPe", "type", TYPES),
            field("SOUrce", "source", SOURCES),
            field("SOUrce1", "source", SOURCES),
            Command("MEASUrement:IMMed:VALue", ask=lambda _: self._mean(self._values(at_once), np.mean)),
            Command("MEASUrement:IMMed:UNIts", ask=lambda _: UNITS.get(at_once["type"], '"V"')),
        ]

    def _badge(self, call: Call) -> dict[str, str]:
        """Setting a badge that is not there adds it."""
        number = call.suffixes[0] or 1
        if number > MOST:
            raise InstrumentFault(-114)
        return self._badges.setdefault(number, _new())

    def _named(self, call: Call) -> int:
        text = scpi_text.string(call.only()).upper()
        if not text.startswith("MEAS") or not text[4:].isdigit() or not 1 <= int(text[4:]) <= MOST:
            raise InstrumentFault(-224)
        return int(text[4:])

    def _add(self, call: Call) -> None:
        kind = self._panel.word(call.only(), TYPES)
        number = next(n for n in range(1, MOST + 2) if n not in self._badges)
        if number > MOST:
            raise InstrumentFault(-223)
        self._badges[number] = _new() | {"type": kind}

    def _add_named(self, call: Call) -> None:
        self._badges.setdefault(self._named(call), _new())

    def _delete(self, call: Call) -> None:
        self._badges.pop(self._named(call), None)

    def _switch(self, call: Call) -> None:
        if scpi_text.boolean(call.only()):
            self._badge(call)
        else:
            self._badges.pop(call.suffixes[0] or 1, None)

    def _field(self, pattern: str, key: str, words: tuple[str, ...]) -> Command:
        def write(call: Call) -> None:
            self._badge(call)[key] = self._panel.word(call.only(), words)

        return Command(pattern, write, lambda call: self._existing(call)[key].upper())

    def _existing(self, call: Call) -> dict[str, str]:
        if (call.suffixes[0] or 1) not in self._badges:
            raise InstrumentFault(-221)
        return self._badges[call.suffixes[0] or 1]

    def _asker(self, statistic: Callable[[Floats], Any]) -> Callable[[Call], str]:
        def ask(call: Call) -> str:
            values = self._values(self._existing(call))
            if statistic is np.size:
                return str(values.size)
            return self._mean(values, statistic)

        return ask

    def _mean(self, values: Floats, statistic: Callable[[Floats], Any]) -> str:
        return self._panel.format_number(float(statistic(values)) if values.size else NO_VALUE)

    def _values(self, badge: dict[str, str]) -> Floats:
        """One value for each frame in which it could be measured."""
        try:
            volts, interval = self._panel.volts_of(int(badge["source"][2:]))
        except InstrumentFault:  # nothing was taken: there is no value, which is no error
            return np.empty(0)
        kind = next(name for name in TYPES if scpi_text.short(name) == badge["type"])
        if kind in LEVELS:
            found = [float(LEVELS[kind](frame)) for frame in volts]
        else:
            found = [value for frame in volts if (value := _timed(kind, frame, interval)) is not None]
        return np.array(found)


def _new() -> dict[str, str]:
    return {"type": "AMPLITUDE", "source": "CH1"}


def _timed(kind: str, volts: Floats, interval: float) -> float | None:
    """Seconds (or hertz, or volt seconds) from the crossings of half height; None without enough of them."""
    if kind == "AREA":
        return float(volts.sum() * interval)
    above = volts > (volts.max() + volts.min()) / 2
    rises, falls = np.flatnonzero(~above[:-1] & above[1:]), np.flatnonzero(above[:-1] & ~above[1:])
    if kind in ("PERIOD", "FREQUENCY"):
        if rises.size < 2:
            return None
        period = float(rises[1] - rises[0]) * interval
        return period if kind == "PERIOD" else 1 / period
    starts, ends = (rises, falls) if kind == "PWIDTH" else (falls, rises)
    ends = ends[ends > starts[0]] if starts.size else ends[:0]
    return float(ends[0] - starts[0]) * interval if ends.size else None
