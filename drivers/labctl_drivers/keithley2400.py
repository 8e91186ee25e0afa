"""Keithley 2400 source-meter as a SourceMeter.

``:MEAS?`` and ``:CONF`` are never sent: they put the compliance back to its power-on value and turn the output on
(user manual 17-2 to 17-5), which has cost junctions before. Readings are ``:READ?`` on a set-up made here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pymeasure.instruments import Instrument
from pymeasure.instruments.validators import strict_discrete_set, strict_range

from labctl.core.device import Reading, Setting
from labctl.core.errors import InstrumentError
from labctl_drivers.base import RAMP_VOLTS, close_enough, steps_to_zero
from labctl_drivers.scpi import ScpiInstrument, quoted_function

VOLT_RANGES = (0.2, 2.0, 20.0, 200.0)
AMP_RANGES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
OVER_RANGE = 1.05  # full scale is 105 % of a range (user manual 6-2)
NOT_A_NUMBER = 9.9e37  # 9.91e37 stands for overflow and for "not measured" (user manual 18-48)
REAL_COMPLIANCE, RANGE_COMPLIANCE = 1 << 3, 1 << 16  # of the status word (user manual 18-51)
ELEMENTS = "VOLT,CURR,TIME,STAT"
AMP_STEPS = 100  # what a current puts on a junction is not known, but that a hundredth of it is little


@dataclass(frozen=True)
class Setup:
    """What is sourced, on which range, with which limit on the other quantity."""

    source: str
    source_range: float
    limit: float

    @property
    def sense(self) -> str:
        """The function that is limited and measured."""
        return "CURR" if self.source == "VOLT" else "VOLT"

    @property
    def units(self) -> tuple[str, str]:
        """Units of the source and of the limit."""
        return ("V", "A") if self.source == "VOLT" else ("A", "V")


class Keithley2400(ScpiInstrument):
    """The 2400; ``nplc`` is the integration time in power-line cycles, ``four_wire`` the remote sense."""

    models: ClassVar[tuple[str, ...]] = ("2400",)

    output_enabled = Instrument.control(
        ":OUTP?",
        ":OUTP %d",
        """Control whether the output is on (bool).""",
        validator=strict_discrete_set,
        values=(True, False),
        set_process=int,
        get_process=bool,
        check_set_errors=True,
    )
    source_function = Instrument.control(
        ":SOUR:FUNC?",
        ":SOUR:FUNC %s",
        """Control what is sourced (str: VOLT or CURR).""",
        validator=strict_discrete_set,
        values=("VOLT", "CURR"),
        cast=quoted_function,
        check_set_errors=True,
    )
    source_volts = Instrument.control(
        ":SOUR:VOLT?",
        ":SOUR:VOLT %.9e",
        """Control the sourced voltage in volts (float strictly from -210 to 210).""",
        validator=strict_range,
        values=(-210.0, 210.0),
        check_set_errors=True,
    )
    source_amps = Instrument.control(
        ":SOUR:CURR?",
        ":SOUR:CURR %.9e",
        """Control the sourced current in amperes (float strictly from -1.05 to 1.05).""",
        validator=strict_range,
        values=(-1.05, 1.05),
        check_set_errors=True,
    )
    limit_amps = Instrument.control(
        ":SENS:CURR:PROT?",
        ":SENS:CURR:PROT %.9e",
        """Control the current compliance in amperes (float strictly from 1e-9 to 1.05).""",
        validator=strict_range,
        values=(1e-9, 1.05),
        check_set_errors=True,
    )
    limit_volts = Instrument.control(
        ":SENS:VOLT:PROT?",
        ":SENS:VOLT:PROT %.9e",
        """Control the voltage compliance in volts (float strictly from 2e-4 to 210).""",
        validator=strict_range,
        values=(2e-4, 210.0),
        check_set_errors=True,
    )
    nplc = Instrument.control(
        ":SENS:CURR:NPLC?",
        ":SENS:CURR:NPLC %.9e",
        """Control the integration time in power-line cycles (float strictly from 0.01 to 10), for all functions.""",
        validator=strict_range,
        values=(0.01, 10.0),
        check_set_errors=True,
    )

    def __init__(
        self, adapter: Any, name: str = "Keithley 2400", nplc: float = 1.0, four_wire: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(adapter, name, **kwargs)
        self.require("nplc", nplc, 0.01, 10.0, "power-line cycles")
        self.wanted_nplc = nplc
        self.four_wire = four_wire
        self._forget()

    def _forget(self) -> None:
        self._setup: Setup | None = None
        self._on = False

    def capabilities(self) -> Mapping[str, Setting]:
        """Limits of the 2400."""
        return {
            "max_volts": 210.0,
            "max_amps": 1.05,
            "min_limit_amps": 1e-9,
            "min_limit_volts": 2e-4,
            "nplc": self.wanted_nplc,
            "four_wire": self.four_wire,
        }

    def snapshot(self) -> Mapping[str, Setting]:
        """Output, levels and limits as the instrument reports them."""
        with self.lock:
            return {
                "output": self.output_enabled,
                "source": self.source_function,
                "volts": self.source_volts,
                "amps": self.source_amps,
                "limit_amps": self.limit_amps,
                "limit_volts": self.limit_volts,
                "nplc": self.nplc,
            }

    def apply_volts(self, volts: float, limit_amps: float) -> float:
        """Source ``volts`` with the current limited to ``limit_amps``; returns the level read back."""
        self.require("a voltage", volts, -210.0, 210.0, "V")
        self.require("a current limit", limit_amps, 1e-9, 1.05, "A")
        return self._apply(Setup("VOLT", range_for(volts, VOLT_RANGES), limit_amps), volts)

    def apply_amps(self, amps: float, limit_volts: float) -> float:
        """Source ``amps`` with the voltage limited to ``limit_volts``; returns the level read back."""
        self.require("a current", amps, -1.05, 1.05, "A")
        self.require("a voltage limit", limit_volts, 2e-4, 210.0, "V")
        return self._apply(Setup("CURR", range_for(amps, AMP_RANGES), limit_volts), amps)

    def measure(self) -> Reading:
        """One ``:READ?``; volts or amps are None where the instrument reports an overflow."""
        with self.lock:
            if not self._on:
                # The real one queues +803 and never replies.
                raise InstrumentError(
                    f"{self.name}: there is nothing to measure with the output off; apply a level first"
                )
            values = self.values(":READ?")
        if len(values) != 4:
            raise InstrumentError(
                f"{self.name}: ':READ?' brought {len(values)} numbers where {ELEMENTS} were asked; "
                "was it operated from its front panel?"
            )
        volts, amps, seconds, status = values
        return Reading(
            volts=None if abs(volts) >= NOT_A_NUMBER else volts,
            amps=None if abs(amps) >= NOT_A_NUMBER else amps,
            in_compliance=bool(int(status) & (REAL_COMPLIANCE | RANGE_COMPLIANCE)),
            instrument_seconds=seconds,
        )

    def off(self) -> None:
        """Level to zero, output off; verified by ``:OUTP?``."""
        with self.lock:
            self._on = False
            if self.source_function == "VOLT":
                self.source_volts = 0.0
            else:
                self.source_amps = 0.0
            self.output_enabled = False
            self._require_off()

    def is_quiet(self) -> bool:
        """True if the output is off, or on at a voltage of zero."""
        with self.lock:
            if not self.output_enabled:
                return True
            return bool(self.source_function == "VOLT" and self.source_volts == 0.0)

    def safe(self) -> None:
        """Stop whatever runs, level to zero in small steps if it is on, output off, verified."""
        with self.lock:
            self._forget()
            # While it sweeps it holds every command back, OUTP OFF too, except device clear and :ABOR (manual 16-3).
            if not self.device_clear():
                self.write(":ABOR")
            try:
                self._ramp_down()
            finally:
                self.write(":SOUR:VOLT 0")
                self.write(":SOUR:CURR 0")
                self.write(":OUTP 0")
                self.clear()  # what stood in the queue before is not about these
                self._require_off()

    def _ramp_down(self) -> None:
        if not self.output_enabled:
            return
        source = self.source_function
        if source not in ("VOLT", "CURR"):
            raise InstrumentError(f"{self.name}: answered {source!r} when asked for what it sources")
        level = self.level(f":SOUR:{source}?")
        largest = RAMP_VOLTS if source == "VOLT" else abs(level) / AMP_STEPS or 1.0
        for step in steps_to_zero(level, largest):
            self.write(f":SOUR:{source} {step:.9e}")

    def _apply(self, setup: Setup, level: float) -> float:
        with self.lock:
            try:
                if setup != self._setup:
                    self._configure(setup)
                elif not self._on:
                    # what stood before the output goes on is read, not remembered
                    self._check_limit(setup)
                found = self._set_level(setup.source, level)
                tolerance = close_enough(level, 1e-3, 1e-3 * setup.source_range)
                self.require_same("the level", level, found, tolerance, setup.units[0])
                if not self._on:
                    self._turn_on()
                return found
            except Exception:
                self._forget()
                raise

    def _configure(self, setup: Setup) -> None:
        source, sense = setup.source, setup.sense
        before = self._setup
        if self._on and before is not None and before.source == source:
            self._set_level(source, 0.0)  # ranges and limits change at zero: a range change can spike
        else:
            self.off()
            self._prepare(source, sense)
        # The limit may not be far below the measuring range (+822), nor the range above the limit's (+824): the
        # smallest range allows every limit, and auto-ranging from there never exceeds it.
        lowest = AMP_RANGES[0] if sense == "CURR" else VOLT_RANGES[0]
        self.command(f":SENS:{sense}:RANG {lowest:.9e}")
        self.command(f":SENS:{sense}:PROT {setup.limit:.9e}")
        self.command(f":SENS:{sense}:RANG:AUTO ON")
        self._check_limit(setup)
        self.command(f":SOUR:{source}:RANG {setup.source_range:.9e}")
        self._setup = setup

    def _prepare(self, source: str, sense: str) -> None:
        self.source_function = source
        self.command(f":SOUR:{source}:MODE FIX")
        self.command(f":SYST:RSEN {int(self.four_wire)}")  # left on with nothing connected, it drives to the limit
        self.command(":OUTP:SMOD NORM")  # off means 0 V at low impedance; the relay of HIMP kicks charge
        self.command(":SENS:FUNC:CONC ON")
        self.command(f":SENS:FUNC '{source}:DC'")
        self.command(f":SENS:FUNC '{sense}:DC'")
        self.nplc = self.wanted_nplc
        self.command(f":FORM:ELEM {ELEMENTS}")
        self.command(":ARM:COUN 1")
        self.command(":TRIG:COUN 1")

    def _check_limit(self, setup: Setup) -> None:
        found = float(self.limit_amps if setup.sense == "CURR" else self.limit_volts)
        self.require_same("the limit", setup.limit, found, close_enough(setup.limit, 0.01), setup.units[1])

    def _set_level(self, source: str, level: float) -> float:
        if source == "VOLT":
            self.source_volts = level
            return float(self.source_volts)
        self.source_amps = level
        return float(self.source_amps)

    def _turn_on(self) -> None:
        self.output_enabled = True
        if not self.output_enabled:
            raise InstrumentError(
                f"{self.name}: its output does not stay on; is the interlock open or the unit too hot?"
            )
        self._on = True

    def _require_off(self) -> None:
        if self.output_enabled:
            raise InstrumentError(
                f"{self.name}: its output is still on after ':OUTP 0'; disconnect the sample or switch it off by hand"
            )


def range_for(value: float, ranges: tuple[float, ...]) -> float:
    """The smallest of ``ranges`` that holds ``value``.

    >>> range_for(0.205, (0.2, 2.0))
    0.2
    """
    return next((full for full in ranges if abs(value) <= full * OVER_RANGE), ranges[-1])
