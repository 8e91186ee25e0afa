"""Keithley 2636B source-meter (TSP), one of its two channels, as a SourceMeter.

Facts: Series 2600B reference manual, tagged K26-<page>; what stands here from memory is marked ``[MEM]``. Numbers are
asked for with ``string.format``, so that ``format.asciiprecision`` (six digits at power on, K26-7-163) loses none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from labctl.core.device import Reading, Setting
from labctl.core.errors import InstrumentError, StationError
from labctl_drivers.source_meter import Reach, Setup, SourceMeterDriver, measured
from labctl_drivers.tsp import TspInstrument

LETTERS = {"VOLT": "v", "CURR": "i"}
OFF_STATES = (0.0, 2.0)  # OUTPUT_OFF, OUTPUT_HIGH_Z (K26-9-249)
OFF_LIMIT_AMPS = 1e-3  # what a channel that is off, and so at 0 V, takes from others: its own default (K26-101)


class Keithley2636B(TspInstrument, SourceMeterDriver):
    """``channel`` is "a" or "b". Nothing is known of what the other one is wired to: it has to be off, and ``safe()``
    brings both to rest."""

    models: ClassVar[tuple[str, ...]] = ("2636B",)
    reach = Reach(
        volt_ranges=(0.2, 2.0, 20.0, 200.0),
        amp_ranges=(1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1.5),
        over_range=1.01,  # [MEM]
        max_volts=202.0,
        max_amps=1.515,
        limit_volts=(20e-3, 200.0),
        limit_amps=(100e-12, 1.5),
        nplc=(0.001, 25.0),
    )

    def __init__(
        self,
        adapter: Any,
        name: str = "Keithley 2636B",
        nplc: float = 1.0,
        four_wire: bool = False,
        channel: str = "a",
        **kwargs: Any,
    ) -> None:
        if channel not in ("a", "b"):
            raise StationError(f'{name}: channel = {channel!r} was asked; it has "a" and "b"')
        self._smu, self._other = ("smua", "smub") if channel == "a" else ("smub", "smua")
        super().__init__(adapter, name, nplc, four_wire, **kwargs)

    def capabilities(self) -> Mapping[str, Setting]:
        """Limits of the 2636B, and the channel that is used."""
        return {**super().capabilities(), "channel": self._smu[-1]}

    def snapshot(self) -> Mapping[str, Setting]:
        """Output, levels and limits as the instrument reports them."""
        with self.lock:
            return {
                "output": self._is_on(),
                "source": self._source(),
                "volts": self._number("source.levelv"),
                "amps": self._number("source.leveli"),
                "limit_amps": self._number("source.limiti"),
                "limit_volts": self._number("source.limitv"),
                "nplc": self._number("measure.nplc"),
                "other_output": self._other_is_on(),
            }

    def is_quiet(self) -> bool:
        """True if both outputs are off, or this one is on at a voltage of zero that was set here.

        The level of an output that was found on may be that of a sweep which ended there: ``levelv`` does not say.
        """
        with self.lock:
            if self._other_is_on():
                return False
            return not self._is_on() or (self._on and super().is_quiet())

    def safe(self) -> None:
        """Both channels: stop what runs, level to zero in small steps if it is on, output off, verified."""
        with self.lock:
            self._swap()
            try:
                super().safe()
            finally:
                self._swap()
                super().safe()

    def _swap(self) -> None:
        self._smu, self._other = self._other, self._smu

    def _set(self, name: str, value: str | float) -> None:
        text = value if isinstance(value, str) else f"{value:.9e}"
        self.command(f"{self._smu}.{name} = {text}")

    def _number(self, name: str) -> float:
        return self.number(f'print(string.format("%.9e", {self._smu}.{name}))')

    def _is_on(self) -> bool:
        return self.number(f"print({self._smu}.source.output)") not in OFF_STATES

    def _other_is_on(self) -> bool:
        return self.number(f"print({self._other}.source.output)") not in OFF_STATES

    def _switch(self, on: bool) -> None:
        self._set("source.output", str(int(on)))

    def _source(self) -> str:
        function = self.number(f"print({self._smu}.source.func)")
        if function not in (0.0, 1.0):
            raise InstrumentError(f"{self.name}: answered {function:g} when asked for what it sources")
        return "VOLT" if function else "CURR"

    def _question(self, source: str) -> str:
        return f'print(string.format("%.9e", {self._smu}.source.level{LETTERS[source]}))'

    def _standing(self, source: str) -> float:
        # A sweep may have ended below the programmed level, and a limit may hold the output below it: to begin the
        # way down at that level would first go up.
        measured = self._number(f"measure.{LETTERS[source]}()")
        return min(super()._standing(source), measured, key=abs)

    def _message(self, source: str, level: float) -> str:
        return f"{self._smu}.source.level{LETTERS[source]} = {level:.9e}"

    def _prepare(self, source: str, sense: str) -> None:
        self._set("source.func", str(int(source == "VOLT")))
        self._set("sense", str(int(self.four_wire)))
        self._set("source.offmode", "0")  # off means 0 V at low impedance, not an open relay
        self._set("source.offfunc", "1")  # with the other one the sample may see 40 V while off (K26-101)
        self._set("source.offlimiti", OFF_LIMIT_AMPS)
        for name in ("source.highc", "measure.filter.enable", "measure.rel.enablei", "measure.rel.enablev"):
            self._set(name, "0")  # a reading is one measurement of what is there
        self._set("measure.count", "1")
        self._set("measure.delay", "-1")  # by the range of the current
        self._set("measure.autozero", "2")
        self._set("measure.nplc", self.wanted_nplc)

    def _set_limit(self, setup: Setup) -> None:
        letter = LETTERS[setup.sense]
        self._set(f"source.limit{letter}", setup.limit)
        self._set(f"measure.autorange{letter}", "1")  # up to the limit's range

    def _limit(self, sense: str) -> float:
        return self._number(f"source.limit{LETTERS[sense]}")

    def _set_range(self, setup: Setup) -> None:
        self._set(f"source.range{LETTERS[setup.source]}", setup.source_range)  # ends its auto-range (K26-7-234)

    def _read(self) -> Reading:
        smu = self._smu
        question = (
            f"local i, v = {smu}.measure.iv() "
            f'print(string.format("%.9e,%.9e,%.9e,", v, i, timer.measure.t()) .. tostring({smu}.source.compliance))'
        )
        values = self.values(question, cast=_value)
        if len(values) != 4:
            raise InstrumentError(f"{self.name}: brought {len(values)} values where volts, amps, time and limit belong")
        volts, amps, seconds, limited = values
        return Reading(measured(volts), measured(amps), bool(limited), seconds)

    def _stop(self) -> None:
        self.device_clear()
        self.write(f"{self._smu}.abort()")

    def _cut(self) -> None:
        for name in ("levelv", "leveli", "output"):
            self.write(f"{self._smu}.source.{name} = 0")


def _value(text: str) -> float:
    return {"true": 1.0, "false": 0.0}[text] if text in ("true", "false") else float(text)
