"""Keysight 81160A pulse and arbitrary generator, channel 1, as a PulseGenerator.

A pulse plan becomes one arbitrary waveform: the pulse function of this instrument has one pulse per period, and a
cycle of reset, perturb and read has three. Volts are those that its display shows for a 50 ohm load.
Command facts: Keysight 81150A/81160A manual; what stands here from memory is marked ``[MEM]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pymeasure.instruments import Instrument
from pymeasure.instruments.validators import strict_discrete_set, strict_range

from labctl.core.device import Setting
from labctl.core.errors import InstrumentError
from labctl.core.pulses import PulsePlan
from labctl_drivers.base import RAMP_VOLTS, close_enough, steps_to_zero
from labctl_drivers.scpi import ScpiInstrument, block
from labctl_drivers.waveform import Waveform, as_played, compile_plan

FULL_SCALE = 8191  # 14 bit, of which -8192 is not used (manual, :DATA:DAC)
LEAST_LEVEL_VOLTS = 0.025  # 50 mVpp
MOST_LEVEL_VOLTS = 2.5  # 5 Vpp
MOST_DC_VOLTS = 5.0
LEAST_WIDTH_SECONDS = 1.5e-9
LEAST_EDGE_SECONDS = 1.0e-9
LEAST_INTERVAL_SECONDS = 0.4e-9  # 2.5 GSa/s [MEM], verify
MOST_POINTS = 262_144  # [MEM], verify
MOST_CYCLES = 2_147_483_647


class Keysight81160A(ScpiInstrument):
    """The 81160A; ``sample_interval_seconds`` is the grid on which pulses are placed."""

    models: ClassVar[tuple[str, ...]] = ("81160A",)

    output_enabled = Instrument.control(
        ":OUTP1?",
        ":OUTP1 %d",
        """Control whether the output is on (bool).""",
        validator=strict_discrete_set,
        values=(True, False),
        set_process=int,
        get_process=bool,
        check_set_errors=True,
    )
    function = Instrument.control(
        ":FUNC1?",
        ":FUNC1 %s",
        """Control the shape of the output (str: SIN, PULS, DC or USER; USER is the arbitrary waveform).""",
        validator=strict_discrete_set,
        values=("SIN", "PULS", "DC", "USER"),
        cast=str,
        check_set_errors=True,
    )
    arm_source = Instrument.control(
        ":ARM:SOUR1?",
        ":ARM:SOUR1 %s",
        """Control what starts the cycles (str: IMM plays for ever, MAN waits for ``*TRG``).""",
        validator=strict_discrete_set,
        values=("IMM", "INT2", "EXT", "MAN"),
        cast=str,
        check_set_errors=True,
    )
    load_ohms = Instrument.control(
        ":OUTP1:LOAD?",
        ":OUTP1:LOAD %.9e",
        """Control the load in ohms for which levels are reckoned (float strictly from 0.3 to 1e6).""",
        validator=strict_range,
        values=(0.3, 1e6),
        check_set_errors=True,
    )
    polarity = Instrument.control(
        ":OUTP1:POL?",
        ":OUTP1:POL %s",
        """Control the polarity of the output (str: NORM or INV).""",
        validator=strict_discrete_set,
        values=("NORM", "INV"),
        cast=str,
        check_set_errors=True,
    )
    amplitude_volts = Instrument.control(
        ":VOLT1?",
        ":VOLT1 %.9e",
        """Control the peak-to-peak amplitude in volts into 50 ohm (float strictly from 0.05 to 5).""",
        validator=strict_range,
        values=(2 * LEAST_LEVEL_VOLTS, 2 * MOST_LEVEL_VOLTS),
        check_set_errors=True,
    )
    offset_volts = Instrument.control(
        ":VOLT1:OFFS?",
        ":VOLT1:OFFS %.9e",
        """Control the offset in volts into 50 ohm (float strictly from -5 to 5).""",
        validator=strict_range,
        values=(-MOST_DC_VOLTS, MOST_DC_VOLTS),
        check_set_errors=True,
    )
    high_volts = Instrument.measurement(":VOLT1:HIGH?", """Get the upper level in volts into 50 ohm (float).""")
    low_volts = Instrument.measurement(":VOLT1:LOW?", """Get the lower level in volts into 50 ohm (float).""")
    period_seconds = Instrument.control(
        ":PER1?",
        ":PER1 %.9e",
        """Control the time in seconds in which the waveform is played once (float).""",
        check_set_errors=True,
    )
    cycles_per_trigger = Instrument.control(
        ":TRIG1:COUN?",
        ":TRIG1:COUN %d",
        """Control how many cycles follow one trigger (int strictly from 1 to 2147483647).""",
        validator=strict_range,
        values=(1, MOST_CYCLES),
        get_process=int,
        check_set_errors=True,
    )

    def __init__(
        self, adapter: Any, name: str = "Keysight 81160A", sample_interval_seconds: float = 1e-9, **kwargs: Any
    ) -> None:
        super().__init__(adapter, name, **kwargs)
        self.require("sample_interval_seconds", sample_interval_seconds, LEAST_INTERVAL_SECONDS, 1.0, "s")
        self.sample_interval_seconds = sample_interval_seconds
        self._forget()

    def _forget(self) -> None:
        # What we believe of the instrument; forgotten whenever something went wrong.
        self._loaded: Waveform | None = None
        self._cycles: int | None = None
        self._on = False

    def capabilities(self) -> Mapping[str, Setting]:
        """Limits of the 81160A into 50 ohm."""
        return {
            "max_burst_cycles": MOST_CYCLES,
            "min_width_seconds": LEAST_WIDTH_SECONDS,
            "min_edge_seconds": LEAST_EDGE_SECONDS,
            "max_period_seconds": MOST_POINTS * self.sample_interval_seconds,
            "sample_interval_seconds": self.sample_interval_seconds,
            "max_volts": MOST_LEVEL_VOLTS,
        }

    def snapshot(self) -> Mapping[str, Setting]:
        """Output, shape, levels, period and trigger as the instrument reports them."""
        with self.lock:
            return {
                "output": self.output_enabled,
                "function": self.function,
                "high_volts": self.high_volts,
                "low_volts": self.low_volts,
                "offset_volts": self.offset_volts,
                "load_ohms": self.load_ohms,
                "period_seconds": self.period_seconds,
                "arm_source": self.arm_source,
                "cycles_per_trigger": self.cycles_per_trigger,
            }

    def program(self, plan: PulsePlan) -> PulsePlan:
        """Load ``plan``; returns it with the levels and the period that the instrument reports."""
        with self.lock:
            waveform = self._compile(plan)
            try:
                self._load(waveform)
                high, low, period = self.high_volts, self.low_volts, self.period_seconds
            except Exception:
                self._forget()
                raise
            self._check_levels(waveform, high, low, period)
            self._loaded = waveform
            return as_played(waveform, FULL_SCALE, (high - low) / 2, period / waveform.period_seconds)

    def fire(self, cycles: int) -> None:
        """Play ``cycles`` cycles of the loaded plan, back to back."""
        with self.lock:
            if self._loaded is None:
                raise InstrumentError(f"{self.name}: there is no plan to play; call program() first")
            self.require("a burst", cycles, 1, MOST_CYCLES, "cycles")
            if cycles != self._cycles:
                self.cycles_per_trigger = cycles
                self._cycles = cycles
            if not self._on:
                self._turn_on()
            self.command("*TRG")

    def hold(self, volts: float) -> float:
        """Put a constant level on the output; returns the level read back."""
        with self.lock:
            self.require("a constant level", volts, -MOST_DC_VOLTS, MOST_DC_VOLTS, "V")
            if self._loaded is not None or not self._on:
                self._loaded = None
                self._prepare()
                self.function = "DC"
            self.offset_volts = volts
            found = float(self.offset_volts)
            self.require_same("the constant level", volts, found, close_enough(volts, 0.01, 2e-3), "V")
            if not self._on:
                self._turn_on()
            return found

    def off(self) -> None:
        """Stop playing and turn the output off; verified by ``:OUTP1?``."""
        with self.lock:
            self._on = False
            self.output_enabled = False
            self.arm_source = "MAN"
            self._require_off()

    def is_quiet(self) -> bool:
        """True if the output is off, or at a constant level of zero."""
        with self.lock:
            if not self.output_enabled:
                return True
            # An armed arbitrary waveform may be playing, and nothing on this instrument tells: not quiet.
            return bool(self.function == "DC" and self.offset_volts == 0.0)

    def safe(self) -> None:
        """A constant level down to zero in small steps, pulses cut off at once; output off, verified."""
        with self.lock:
            self._forget()
            try:
                if self.output_enabled and self.function == "DC":
                    for level in steps_to_zero(self.level(":VOLT1:OFFS?"), RAMP_VOLTS):
                        self.write(f":VOLT1:OFFS {level:.9e}")
            finally:
                self.write(":OUTP1 0")  # without looking at old errors
                self.clear()
                self.arm_source = "MAN"
                self._require_off()

    def _compile(self, plan: PulsePlan) -> Waveform:
        for phase in plan.phases:
            self.require("the width of a pulse", phase.width_seconds, LEAST_WIDTH_SECONDS, np.inf, "s")
            self.require("an edge", phase.edge_seconds * (1 + 1e-9), LEAST_EDGE_SECONDS, np.inf, "s")
            self.require("a pulse", phase.volts, -MOST_LEVEL_VOLTS, MOST_LEVEL_VOLTS, "V")
        try:
            waveform = compile_plan(plan, self.sample_interval_seconds, FULL_SCALE, LEAST_LEVEL_VOLTS)
        except InstrumentError as error:
            raise InstrumentError(f"{self.name}: {error}") from error
        if waveform.codes.size > MOST_POINTS:
            raise InstrumentError(
                f"{self.name}: a cycle of {plan.period_seconds:g} s needs {waveform.codes.size} samples of "
                f"{self.sample_interval_seconds:g} s; its memory holds {MOST_POINTS}. Shorten the cycle, or "
                "set a larger sample_interval_seconds in the station file"
            )
        return waveform

    def _prepare(self) -> None:
        # The shape changes, or nothing is known of the state: with the output off.
        self.off()
        # The load is arithmetic only: with another value here, the same number of volts would be another voltage.
        self.load_ohms = 50.0
        self.polarity = "NORM"
        self.offset_volts = 0.0

    def _load(self, waveform: Waveform) -> None:
        loaded = self._loaded
        if loaded is None:
            self._prepare()
            # A shape that puts no condition on the period; the waveform still in memory may be anything.
            self.function = "SIN"
        # Amplitude at zero offset moves both levels at once. Setting HIGH and then LOW would put their mean on the
        # junction for the milliseconds in between.
        if loaded is None or loaded.level_volts != waveform.level_volts:
            self.amplitude_volts = 2 * waveform.level_volts
        if loaded is None or not np.array_equal(loaded.codes, waveform.codes):
            # More samples than the period allows is a conflict that the instrument settles by changing the period.
            before = 0.0 if loaded is None else loaded.period_seconds
            if waveform.period_seconds > before:
                self.period_seconds = waveform.period_seconds
            self._send(waveform)
            if waveform.period_seconds < before:
                self.period_seconds = waveform.period_seconds
        if loaded is None:
            self.command(":FUNC1:USER VOLATILE")
            self.function = "USER"

    def _send(self, waveform: Waveform) -> None:
        head = b":DATA1:DAC VOLATILE,"
        self._last_command = f"{head.decode()}<{waveform.codes.size} samples>"
        self.write_bytes(head + block(waveform.codes.astype(">i2").tobytes()) + b"\n")
        self.check_set_errors()

    def _check_levels(self, waveform: Waveform, high: float, low: float, period: float) -> None:
        level = waveform.level_volts
        tolerance = close_enough(level, 0.01, 2e-3)
        try:
            self.require_same("the upper level", level, high, tolerance, "V")
            self.require_same("the lower level", -level, low, tolerance, "V")
            self.require_same(
                "the period", waveform.period_seconds, period, close_enough(waveform.period_seconds, 1e-3), "s"
            )
        except InstrumentError:
            self._forget()
            raise

    def _turn_on(self) -> None:
        self.output_enabled = True
        # On an overload it answers 0 although the command was accepted.
        if not self.output_enabled:
            raise InstrumentError(
                f"{self.name}: its output does not stay on; look for a short or an external voltage on the cable"
            )
        self._on = True

    def _require_off(self) -> None:
        if self.output_enabled:
            raise InstrumentError(
                f"{self.name}: its output is still on after ':OUTP1 0'; disconnect the sample or switch it off by hand"
            )
