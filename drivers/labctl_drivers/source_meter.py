"""What our source-meters share: a level on a fixed range, a limit on the other quantity, both read back.

The limit is read before the output goes on, ranges and limits change at zero, and nothing is sent twice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from labctl.core.device import Reading, Setting
from labctl.core.errors import InstrumentError
from labctl_drivers.base import RAMP_VOLTS, LabInstrument, close_enough, steps_to_zero

NOT_A_NUMBER = 9.9e37  # 9.91e37 stands for overflow and for "not measured" (2400 user manual 18-48)
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


@dataclass(frozen=True)
class Reach:
    """What an instrument sources and limits: volts, amperes, power-line cycles, each as (least, most)."""

    volt_ranges: tuple[float, ...]
    amp_ranges: tuple[float, ...]
    over_range: float
    """Full scale as a part of a range."""
    max_volts: float
    max_amps: float
    limit_volts: tuple[float, float]
    limit_amps: tuple[float, float]
    nplc: tuple[float, float]


class SourceMeterDriver(LabInstrument, ABC):
    """``nplc`` is the integration time in power-line cycles, ``four_wire`` the remote sense."""

    reach: ClassVar[Reach]

    def __init__(self, adapter: Any, name: str, nplc: float = 1.0, four_wire: bool = False, **kwargs: Any) -> None:
        super().__init__(adapter, name, **kwargs)
        self.require("nplc", nplc, *self.reach.nplc, "power-line cycles")
        self.wanted_nplc = nplc
        self.four_wire = four_wire
        self._forget()

    def _forget(self) -> None:
        self._setup: Setup | None = None
        self._on = False

    # -- what each instrument says in its own words; sources and senses are "VOLT" or "CURR"

    @abstractmethod
    def clear(self) -> None:
        """Empty the error queue."""

    @abstractmethod
    def _is_on(self) -> bool:
        """What the instrument says of its output."""

    @abstractmethod
    def _switch(self, on: bool) -> None:
        """Turn the output on or off."""

    @abstractmethod
    def _source(self) -> str:
        """What the instrument says it sources."""

    @abstractmethod
    def _question(self, source: str) -> str:
        """The query for a level."""

    @abstractmethod
    def _message(self, source: str, level: float) -> str:
        """The command for a level."""

    @abstractmethod
    def _prepare(self, source: str, sense: str) -> None:
        """Everything but level, range and limit."""

    @abstractmethod
    def _set_limit(self, setup: Setup) -> None:
        """The limit, and the measuring range that follows what is measured."""

    @abstractmethod
    def _limit(self, sense: str) -> float:
        """The limit as the instrument reports it."""

    @abstractmethod
    def _set_range(self, setup: Setup) -> None:
        """The fixed range of the source."""

    @abstractmethod
    def _stop(self) -> None:
        """Stop whatever runs, so that what follows is heard."""

    @abstractmethod
    def _read(self) -> Reading:
        """Take one reading with the output on."""

    # -- the role

    def capabilities(self) -> Mapping[str, Setting]:
        """Limits of the instrument."""
        return {
            "max_volts": self.reach.max_volts,
            "max_amps": self.reach.max_amps,
            "min_limit_amps": self.reach.limit_amps[0],
            "min_limit_volts": self.reach.limit_volts[0],
            "nplc": self.wanted_nplc,
            "four_wire": self.four_wire,
        }

    def apply_volts(self, volts: float, limit_amps: float) -> float:
        """Source ``volts`` with the current limited to ``limit_amps``; returns the level read back."""
        reach = self.reach
        self.require("a voltage", volts, -reach.max_volts, reach.max_volts, "V")
        self.require("a current limit", limit_amps, *reach.limit_amps, "A")
        return self._apply(Setup("VOLT", range_for(volts, reach.volt_ranges, reach.over_range), limit_amps), volts)

    def apply_amps(self, amps: float, limit_volts: float) -> float:
        """Source ``amps`` with the voltage limited to ``limit_volts``; returns the level read back."""
        reach = self.reach
        self.require("a current", amps, -reach.max_amps, reach.max_amps, "A")
        self.require("a voltage limit", limit_volts, *reach.limit_volts, "V")
        return self._apply(Setup("CURR", range_for(amps, reach.amp_ranges, reach.over_range), limit_volts), amps)

    def measure(self) -> Reading:
        """One reading; volts or amps are None where the instrument reports an overflow."""
        with self.lock:
            if not self._on:
                raise InstrumentError(
                    f"{self.name}: there is nothing to measure with the output off; apply a level first"
                )
            return self._read()

    def off(self) -> None:
        """Level to zero, output off; verified by asking for it."""
        with self.lock:
            self._on = False
            self.command(self._message(self._source(), 0.0))
            self._switch(False)
            self._require_off()

    def is_quiet(self) -> bool:
        """True if the output is off, or on at a voltage of zero."""
        with self.lock:
            if not self._is_on():
                return True
            return self._source() == "VOLT" and self.number(self._question("VOLT")) == 0.0

    def safe(self) -> None:
        """Stop whatever runs, level to zero in small steps if it is on, output off, verified."""
        with self.lock:
            self._forget()
            self._stop()
            try:
                self._ramp_down()
            finally:
                self._cut()
                self.clear()  # what stood in the queue before is not about these
                self._require_off()

    @abstractmethod
    def _cut(self) -> None:
        """Levels to zero and the output off, without a question."""

    def _ramp_down(self) -> None:
        if not self._is_on():
            return
        source = self._source()
        level = self._standing(source)
        largest = RAMP_VOLTS if source == "VOLT" else abs(level) / AMP_STEPS or 1.0
        for step in steps_to_zero(level, largest):
            self.write(self._message(source, step))

    def _standing(self, source: str) -> float:
        """The level from which it may go down: never more than what stands at the output now."""
        return self.level(self._question(source))

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
        before = self._setup
        if self._on and before is not None and before.source == setup.source:
            self._set_level(setup.source, 0.0)  # ranges and limits change at zero: a range change can spike
        else:
            self.off()
            self._prepare(setup.source, setup.sense)
        self._set_limit(setup)
        self._check_limit(setup)
        self._set_range(setup)
        self._setup = setup

    def _check_limit(self, setup: Setup) -> None:
        tolerance = close_enough(setup.limit, 0.01)
        self.require_same("the limit", setup.limit, self._limit(setup.sense), tolerance, setup.units[1])

    def _set_level(self, source: str, level: float) -> float:
        self.command(self._message(source, level))
        return self.number(self._question(source))

    def _turn_on(self) -> None:
        self._switch(True)
        if not self._is_on():
            raise InstrumentError(
                f"{self.name}: its output does not stay on; is the interlock open or the unit too hot?"
            )
        self._on = True

    def _require_off(self) -> None:
        if self._is_on():
            raise InstrumentError(
                f"{self.name}: its output is still on after it was turned off; "
                "disconnect the sample or switch it off by hand"
            )


def measured(value: float) -> float | None:
    """A reading's value; None where the instrument reports an overflow."""
    return None if abs(value) >= NOT_A_NUMBER else value


def range_for(value: float, ranges: tuple[float, ...], over_range: float) -> float:
    """The smallest of ``ranges`` that holds ``value``.

    >>> range_for(0.205, (0.2, 2.0), over_range=1.05)
    0.2
    """
    return next((full for full in ranges if abs(value) <= full * over_range), ranges[-1])
