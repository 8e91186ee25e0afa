"""Keithley 2400 source-meter as a SourceMeter.

``:MEAS?`` and ``:CONF`` are never sent: they put the compliance back to its power-on value and turn the output on
(user manual 17-2 to 17-5), which has cost junctions before. Readings are ``:READ?`` on a set-up made here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pymeasure.instruments import Instrument
from pymeasure.instruments.validators import strict_discrete_set, strict_range

from labctl.core.device import Reading, Setting
from labctl.core.errors import InstrumentError
from labctl_drivers.scpi import ScpiInstrument, quoted_function
from labctl_drivers.source_meter import Reach, Setup, SourceMeterDriver, measured

REAL_COMPLIANCE, RANGE_COMPLIANCE = 1 << 3, 1 << 16  # of the status word (user manual 18-51)
ELEMENTS = "VOLT,CURR,TIME,STAT"


class Keithley2400(ScpiInstrument, SourceMeterDriver):
    """The 2400."""

    models: ClassVar[tuple[str, ...]] = ("2400",)
    reach = Reach(
        volt_ranges=(0.2, 2.0, 20.0, 200.0),
        amp_ranges=(1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0),
        over_range=1.05,  # full scale is 105 % of a range (user manual 6-2)
        max_volts=210.0,
        max_amps=1.05,
        limit_volts=(2e-4, 210.0),
        limit_amps=(1e-9, 1.05),
        nplc=(0.01, 10.0),
    )

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
        super().__init__(adapter, name, nplc, four_wire, **kwargs)

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

    def _is_on(self) -> bool:
        return bool(self.output_enabled)

    def _switch(self, on: bool) -> None:
        self.output_enabled = on

    def _source(self) -> str:
        source = self.source_function
        if source not in ("VOLT", "CURR"):
            raise InstrumentError(f"{self.name}: answered {source!r} when asked for what it sources")
        return str(source)

    def _question(self, source: str) -> str:
        return f":SOUR:{source}?"

    def _message(self, source: str, level: float) -> str:
        return f":SOUR:{source} {level:.9e}"

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

    def _set_limit(self, setup: Setup) -> None:
        # The limit may not be far below the measuring range (+822), nor the range above the limit's (+824): the
        # smallest range allows every limit, and auto-ranging from there never exceeds it.
        ranges = self.reach.amp_ranges if setup.sense == "CURR" else self.reach.volt_ranges
        self.command(f":SENS:{setup.sense}:RANG {ranges[0]:.9e}")
        self.command(f":SENS:{setup.sense}:PROT {setup.limit:.9e}")
        self.command(f":SENS:{setup.sense}:RANG:AUTO ON")

    def _limit(self, sense: str) -> float:
        return float(self.limit_amps if sense == "CURR" else self.limit_volts)

    def _set_range(self, setup: Setup) -> None:
        self.command(f":SOUR:{setup.source}:RANG {setup.source_range:.9e}")

    def _read(self) -> Reading:
        values = self.values(":READ?")  # with the output off the real one queues +803 and never replies
        if len(values) != 4:
            raise InstrumentError(
                f"{self.name}: ':READ?' brought {len(values)} numbers where {ELEMENTS} were asked; "
                "was it operated from its front panel?"
            )
        volts, amps, seconds, status = values
        return Reading(
            volts=measured(volts),
            amps=measured(amps),
            in_compliance=bool(int(status) & (REAL_COMPLIANCE | RANGE_COMPLIANCE)),
            instrument_seconds=seconds,
        )

    def _stop(self) -> None:
        # While it sweeps it holds every command back, OUTP OFF too, except device clear and :ABOR (manual 16-3).
        if not self.device_clear():
            self.write(":ABOR")

    def _cut(self) -> None:
        self.write(":SOUR:VOLT 0")
        self.write(":SOUR:CURR 0")
        self.write(":OUTP 0")
