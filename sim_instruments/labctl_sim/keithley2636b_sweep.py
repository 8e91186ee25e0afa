"""The trigger model of a 2636B channel: hardware-timed sweeps that run while the clock does.

    idle -> arm layer (arm.count) -> trigger layer (trigger.count): source, measure, end of pulse -> end of sweep

Facts: 2600B reference manual, tagged K26-<page>; OEFET, a log of a real 2600; [MEM] = from memory, verify.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from labctl_sim.keithley2636b_buffer import Buffer
from labctl_sim.keithley2636b_meter import Meter
from labctl_sim.keithley2636b_settings import SOURCE_IDLE
from labctl_sim.keithley2636b_source import Source
from labctl_sim.status import InstrumentFault
from labctl_sim.tsp_events import Detector, Events, Process, Steps
from labctl_sim.tsp_names import Constant, Function, Name, Value, number, whole

# Event numbers from the channel's first one on: measure, source and pulse complete, armed (OEFET); others [MEM].
SWEEPING, SWEEP_COMPLETE, MEASURE_COMPLETE, SOURCE_COMPLETE, PULSE_COMPLETE, ARMED = range(6)
IDLE = 100  # [MEM]
FIRST_EVENT = (43, 49)  # of channels A and B: smua's MEASURE_COMPLETE is 45, smub's 51 (OEFET)
EVENT_NAMES = {
    "SWEEPING": SWEEPING, "SWEEP_COMPLETE": SWEEP_COMPLETE, "MEASURE_COMPLETE": MEASURE_COMPLETE,
    "SOURCE_COMPLETE": SOURCE_COMPLETE, "PULSE_COMPLETE": PULSE_COMPLETE, "ARMED": ARMED, "IDLE": IDLE,
}  # fmt: skip
STEP_SECONDS = 50e-6  # a point of a sweep besides its aperture: about 12 000 of them per second (2601B specification)
MOST_POINTS = 100_000  # of a list [MEM]


class Sweep:
    """Sweeps of one channel, and its overlapped measurements."""

    def __init__(self, channel: int, source: Source, meter: Meter, events: Events) -> None:
        self.process = Process(source.world)
        self._first = FIRST_EVENT[channel]
        self._source = source
        self._meter = meter
        self._events = events
        self._detectors = {name: Detector(events) for name in ("arm", "source", "measure", "endpulse")}
        self._levels: tuple[str, Sequence[float]] | None = None
        self._what: tuple[str, list[Buffer | None]] | None = None
        self.sweeping = False
        self.measuring = False

    def reset(self) -> None:
        """Idle, nothing configured."""
        self.abort()
        for detector in self._detectors.values():
            detector.clear()
            detector.stimulus = 0.0
        self._levels = self._what = None

    def abort(self) -> None:
        """``smuX.abort()`` and device clear: the trigger model goes idle, the programmed level comes back [MEM]."""
        was, self.sweeping, self.measuring = self.sweeping, False, False
        self.process.cancel()
        if was:
            self._source.sweeping, self._source.swept = False, None
            self._source.fit(self._source.kind)

    def guard(self) -> None:
        """Nothing else is measured meanwhile."""
        if self.process.running:
            raise InstrumentFault(5042)

    # -- running

    def initiate(self) -> None:
        """``trigger.initiate()``: detectors are cleared first (K26A-19-143)."""
        self.guard()
        state = self._source.state
        if state["trigger.source.action"] and self._levels is None:
            raise InstrumentFault(5059)
        if state["trigger.measure.action"] and self._what is None:
            raise InstrumentFault(5060)
        for detector in self._detectors.values():
            detector.clear()
        self.sweeping = self._source.sweeping = True
        self.process.start(self._run(state))

    def overlap(self, kinds: str, arguments: Sequence[Value]) -> None:
        """``measure.overlappedY()``."""
        self.guard()
        buffers = self._meter.buffers(kinds, arguments)
        if None in buffers:
            raise InstrumentFault(1400, f"Expected at least {len(kinds)} parameters")
        self.measuring = True
        self.process.start(self._overlapped(kinds, buffers))

    def _overlapped(self, kinds: str, buffers: Sequence[Buffer | None]) -> Steps:
        yield from self._meter.measuring(kinds, buffers)
        self.measuring = False

    def _run(self, state: dict[str, Any]) -> Steps:
        self._fire(SWEEPING)
        levels = itertools.cycle(self._levels[1] if self._levels else (0.0,))
        for _ in _times(state["trigger.arm.count"]):
            yield from self._await("arm")
            self._fire(ARMED)
            first = True
            for _ in _times(state["trigger.count"]):
                yield STEP_SECONDS
                yield from self._await("source")
                if state["trigger.source.action"] and self._levels and self._levels[0] == self._source.kind:
                    self._source.step(next(levels))
                yield self._source.delay_seconds()
                self._fire(SOURCE_COMPLETE)
                yield from self._await("measure")
                if state["trigger.measure.action"] and self._what:
                    yield from self._measure(*self._what, append=not first)
                    first = False
                    self._fire(MEASURE_COMPLETE)
                yield from self._await("endpulse")
                if state["trigger.endpulse.action"] == SOURCE_IDLE:
                    self._back_to_idle()
                self._fire(PULSE_COMPLETE)
        if state["trigger.endsweep.action"] == SOURCE_IDLE:
            self._back_to_idle()
        self.sweeping = self._source.sweeping = False
        self._fire(SWEEP_COMPLETE)
        self._fire(IDLE)

    def _measure(self, kinds: str, buffers: list[Buffer | None], *, append: bool) -> Steps:
        """All readings of a sweep go into the same buffers, one after the other."""
        kept = [buffer.state["appendmode"] for buffer in buffers if buffer is not None]
        for buffer in buffers:
            if buffer is not None and append:
                buffer.state["appendmode"] = 1.0
        waits = self._meter.measuring(kinds, buffers)
        begun = next(waits, None)
        for buffer, mode in zip((buffer for buffer in buffers if buffer is not None), kept, strict=True):
            buffer.state["appendmode"] = mode
        if begun is not None:
            yield begun
            yield from waits

    def _await(self, name: str) -> Steps:
        detector = self._detectors[name]
        if detector.stimulus:
            yield detector

    def _back_to_idle(self) -> None:
        self._source.swept = None
        self._source.fit(self._source.kind)

    def _fire(self, event: int) -> None:
        self._events.fire(self._first + event)

    # -- configuring

    def _linear(self, kind: str, start: Value, stop: Value, points: Value) -> None:
        first, last = number(start, 1), number(stop, 2)
        count = int(whole(1, MOST_POINTS)(points))
        step = (last - first) / (count - 1) if count > 1 else 0.0
        self._levels = (kind, [first + i * step for i in range(count)])

    def _logarithmic(self, kind: str, start: Value, stop: Value, points: Value, asymptote: Value) -> None:
        base = number(asymptote, 4)
        first, last = number(start, 1) - base, number(stop, 2) - base
        count = int(whole(1, MOST_POINTS)(points))
        if first * last <= 0:
            raise InstrumentFault(1401, "Parameter 4 is invalid")
        ratio = (last / first) ** (1 / (count - 1)) if count > 1 else 1.0
        self._levels = (kind, [base + first * ratio**i for i in range(count)])

    def _list(self, kind: str, levels: Value) -> None:
        if not isinstance(levels, list) or not 0 < len(levels) <= MOST_POINTS:
            raise InstrumentFault(1401, "Parameter 1 is invalid")
        self._levels = (kind, [number(level) for level in levels])

    def _set_what(self, kinds: str, arguments: Sequence[Value]) -> None:
        buffers = self._meter.buffers(kinds, arguments)
        if None in buffers:
            raise InstrumentFault(1400, f"Expected at least {len(kinds)} parameters")
        self._what = (kinds, buffers)

    def names(self) -> dict[str, Name]:
        """``trigger.*``, ``abort`` and ``measure.overlapped*`` of the channel."""
        names: dict[str, Name] = {
            "abort": Function(self.abort, "TMD"),
            "trigger.initiate": Function(self.initiate, "K26A-19-143"),
        }
        for layer, detector in self._detectors.items():
            names |= detector.names(f"trigger.{layer}.")
        for name, event in EVENT_NAMES.items():
            verify = event in (SWEEPING, SWEEP_COMPLETE, IDLE)
            names[f"trigger.{name}_EVENT_ID"] = Constant(float(self._first + event), "OEFET", verify)
        for kind in "vi":
            names |= {
                f"trigger.source.linear{kind}": Function(_bound(self._linear, kind, 3), "TMD"),
                f"trigger.source.log{kind}": Function(_bound(self._logarithmic, kind, 4), "TMD"),
                f"trigger.source.list{kind}": Function(_bound(self._list, kind, 1), "TMD"),
            }
        for kinds in ("v", "i", "r", "p", "iv"):
            names[f"trigger.measure.{kinds}"] = Function(_many(self._set_what, kinds), "TMD")
            names[f"measure.overlapped{kinds}"] = Function(_many(self.overlap, kinds), "K26-7-225")
        return names


def _times(count: float) -> Iterable[int]:
    """0 is for ever."""
    return itertools.count() if not count or math.isinf(count) else range(int(count))


def _bound(function: Callable[..., None], kind: str, parameters: int) -> Callable[..., None]:
    """``function`` for one kind, taking exactly so many arguments of the script."""

    def call(*arguments: Value) -> None:
        if len(arguments) < parameters:
            raise InstrumentFault(1400, f"Expected at least {parameters} parameters")
        if len(arguments) > parameters:
            raise InstrumentFault(-108)
        function(kind, *arguments)

    return call


def _many(function: Callable[[str, Sequence[Value]], None], kinds: str) -> Callable[..., None]:
    return lambda *arguments: function(kinds, arguments)
