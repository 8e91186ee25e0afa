"""Devices and the roles they play. Procedures know these protocols and nothing else of an instrument."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from labctl.core.pulses import PulsePlan

Setting = str | float | int | bool | None


@dataclass(frozen=True)
class Identity:
    """What an instrument says it is (``*IDN?``)."""

    vendor: str
    model: str
    serial: str
    firmware: str


@runtime_checkable
class Device(Protocol):
    """What every instrument can do."""

    def identify(self) -> Identity:
        """Ask the instrument who it is."""
        ...

    def capabilities(self) -> Mapping[str, Setting]:
        """What it can do, in SI units, e.g. ``{"max_burst_cycles": 2147483647, "min_width_seconds": 1.5e-9}``."""
        ...

    def snapshot(self) -> Mapping[str, Setting]:
        """Its settings as it reports them now, e.g. ``{"output": False, "volts": 0.0}``."""
        ...

    def errors(self) -> list[str]:
        """Drain its error queue; empty when there was nothing to report."""
        ...

    def safe(self) -> None:
        """Bring it to rest: outputs off. May be called at any time, twice, after a failure, from another thread.

        A constant level that is on goes to zero in steps of at most 50 mV before the output goes off: a level cut off
        at once is a step on the junction. Raises InstrumentError if the instrument does not confirm that it is off.
        """
        ...

    def close(self) -> None:
        """Give up the connection; changes nothing on the instrument."""
        ...


@runtime_checkable
class Source(Device, Protocol):
    """A device that can put a voltage on a line."""

    def is_quiet(self) -> bool:
        """True if the instrument itself reports its output off or at zero volts."""
        ...


@runtime_checkable
class PulseGenerator(Source, Protocol):
    """Plays a pulse plan, once or many times per trigger, or holds a constant level; rests at 0 V between bursts."""

    def program(self, plan: PulsePlan) -> PulsePlan:
        """Load ``plan`` and return it as the instrument will play it (read back, quantised).

        Raises InstrumentError if the instrument cannot make it, saying which limit it breaks.
        """
        ...

    def fire(self, cycles: int) -> None:
        """Turn the output on if need be and start ``cycles`` cycles of the programmed plan, back to back."""
        ...

    def hold(self, volts: float) -> float:
        """Put a constant level on the output; returns the level read back, in volts."""
        ...

    def off(self) -> None:
        """Stop playing and turn the output off; verified by read-back."""
        ...


@dataclass(frozen=True)
class Reading:
    """One source-meter reading. ``None`` stands for what the instrument reported as overflow."""

    volts: float | None
    amps: float | None
    in_compliance: bool
    instrument_seconds: float


@runtime_checkable
class SourceMeter(Source, Protocol):
    """Sources volts or amps and measures the other."""

    def apply_volts(self, volts: float, limit_amps: float) -> float:
        """Source ``volts`` with the current limited to ``limit_amps``, output on; returns the level read back."""
        ...

    def apply_amps(self, amps: float, limit_volts: float) -> float:
        """Source ``amps`` with the voltage limited to ``limit_volts``, output on; returns the level read back."""
        ...

    def measure(self) -> Reading:
        """One reading; never turns the output on and never changes a setting."""
        ...

    def off(self) -> None:
        """Level to zero, output off; verified by read-back."""
        ...


@dataclass(frozen=True, order=True)
class Crosspoint:
    """One relay of a matrix: ``slot`` from 1, ``row`` from 1 (A = 1), ``column`` from 1."""

    slot: int
    row: int
    column: int


@runtime_checkable
class SwitchMatrix(Device, Protocol):
    """Connects rows to columns."""

    def close_points(self, points: Iterable[Crosspoint]) -> None:
        """Close these relays, all or none; others stay. Returns after they have settled."""
        ...

    def open_points(self, points: Iterable[Crosspoint]) -> None:
        """Open these relays; others stay. Returns after they have settled."""
        ...

    def closed(self) -> frozenset[Crosspoint]:
        """The relays that the instrument says are closed."""
        ...


@runtime_checkable
class CountsRelays(Protocol):
    """What a SwitchMatrix may have besides: the wear of its relays."""

    def counts(self, points: Iterable[Crosspoint]) -> Mapping[Crosspoint, int]:
        """How often each of these relays has closed, as the instrument counts."""
        ...


@dataclass(frozen=True)
class Acquisition:
    """When and how a digitizer samples after each trigger."""

    delay_seconds: float
    sample_interval_seconds: float
    samples: int
    full_scale_volts: float


@dataclass(frozen=True)
class Frames:
    """One record per trigger: ``counts`` int8 (frames, samples); volts = (counts - zero_counts) * volts_per_count."""

    counts: NDArray[np.int8]
    volts_per_count: float
    zero_counts: float
    acquisition: Acquisition

    def mean_volts(self) -> NDArray[np.float64]:
        """The mean of each record: float64 (frames,), volts."""
        means = self.counts.mean(axis=1, dtype=np.float64)
        result: NDArray[np.float64] = (means - self.zero_counts) * self.volts_per_count
        return result

    def clipped(self) -> int:
        """How many samples stand at either end of the converter's range."""
        return int(((self.counts == 127) | (self.counts == -128)).sum())


@runtime_checkable
class Digitizer(Device, Protocol):
    """Samples one channel after each trigger, many triggers in one block."""

    def configure(self, wanted: Acquisition) -> Acquisition:
        """Set up the acquisition and return what the instrument says it will do."""
        ...

    def arm(self, frames: int) -> None:
        """Get ready for ``frames`` triggers; triggers before this call are not seen."""
        ...

    def fetch(self) -> Frames:
        """Wait for all armed triggers and transfer their records.

        Raises InstrumentTimeout if a trigger was missed: a short block is an error, never a shorter array.
        """
        ...


@dataclass(frozen=True, order=True)
class Line:
    """A line of the array: ``kind`` is "word" (a row) or "bit" (a column), ``index`` counts from 0."""

    kind: str
    index: int


@runtime_checkable
class ArrayPort(Protocol):
    """The array as a procedure reaches it: lines on instruments, every other line on ground."""

    @property
    def rows(self) -> int:
        """Number of word lines."""
        ...

    @property
    def cols(self) -> int:
        """Number of bit lines."""
        ...

    @property
    def sense_ohms(self) -> float:
        """Volts at the digitizer per ampere out of the sensed line."""
        ...

    def route(self, connections: Mapping[str, Line]) -> None:
        """Put lines on instruments, e.g. ``{"pulser": Line("word", 3), "digitizer": Line("bit", 2)}``.

        Two instruments may share a line. Every line that is not named goes to ground.
        Relays move only after every source has reported itself quiet.

        Raises EnvelopeError if a source is live, ParameterError if the array has no such line.
        """
        ...
