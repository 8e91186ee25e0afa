"""The measuring half of a 2636B channel: ranges, integration, delays, readings.

A measurement is a generator of waiting times, so that the same one runs at once (the clock sleeps) or overlapped (it
goes on while the clock runs). Facts: 2600B reference manual, tagged K26-<page>; [MEM] = from memory, verify.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence

from labctl_sim.keithley2636b_buffer import FUNCTIONS, Buffer, Reading
from labctl_sim.keithley2636b_settings import (
    AUTO,
    FOLLOW_LIMIT,
    FULL_SCALE,
    MEASURE_AMP_RANGES,
    ON,
    SENSE_REMOTE,
    SETTINGS,
    VOLT_RANGES,
    range_for,
)
from labctl_sim.keithley2636b_source import Source
from labctl_sim.status import InstrumentFault
from labctl_sim.tsp_names import Attribute, Function, Mark, Name, Value, number

OVERFLOW = 9.91e37
RANGES = {"v": VOLT_RANGES, "i": MEASURE_AMP_RANGES}
NOISE_OF_RANGE = 2e-6  # rms at 1 NPLC, relative to the range [MEM]
OVERHEAD_SECONDS = 33e-6  # 20 000 readings/s into memory at 0.001 NPLC and 60 Hz (2601B specification)
REFERENCE_SECONDS = 1.0  # how long autozero's references hold [MEM]
# measure.delay = DELAY_AUTO: seconds by current range, for current measurements only (K26-7-218; values [MEM]).
AUTO_DELAYS = ((1e-9, 20e-3), (1e-8, 4e-3), (1e-7, 2e-3), (1e-6, 1e-3), (1e-5, 3e-4), (1e-4, 1e-4), (math.inf, 0.0))
# buffer.statuses (K26-3-15, values [MEM])
AUTORANGED, FOUR_WIRE, RELATIVE, COMPLIANCE, FILTERED = 4, 16, 32, 64, 128

Waits = Generator[float, None, None]


class Meter:
    """Takes readings of ``source``'s terminals; ``busy`` says that an overlapped one runs (5042)."""

    def __init__(
        self, source: Source, line_hertz: Callable[[], float], find: Callable[[Value], tuple[Buffer, str]]
    ) -> None:
        self.source = source
        self.overflowed = False
        self._state = source.state
        self._line_hertz = line_hertz
        self._find = find
        self._references: dict[float, float] = {}  # when, by NPLC
        self.last: dict[str, float] = {}

    def reset(self) -> None:
        """Nothing measured yet."""
        self.overflowed = False
        self._references.clear()
        self.last.clear()

    # -- a measurement

    def measuring(self, kinds: str, buffers: Sequence[Buffer | None]) -> Waits:
        """Take ``measure.count`` readings of each of ``kinds`` (of v, i, r, p); the last are left in ``last``."""
        state, world = self._state, self.source.world
        for buffer in buffers:
            if buffer is not None:
                buffer.begin()
        for place in range(int(state["measure.count"])):
            started = world.now()
            yield (self._delay_seconds(kinds) if place == 0 else 0.0) + self._aperture_seconds(kinds)
            self._read(kinds, buffers)
            if place + 1 < state["measure.count"]:
                yield max(started + float(state["measure.interval"]) - world.now(), 0.0)

    def measure(self, kinds: str, arguments: Sequence[Value]) -> tuple[float, ...]:
        """The same at once; the last reading of each kind."""
        world = self.source.world
        self.source.watch()
        for seconds in self.measuring(kinds, self.buffers(kinds, arguments)):
            world.sleep(seconds)
        return tuple(self.last[kind] for kind in kinds)

    def buffers(self, kinds: str, arguments: Sequence[Value]) -> list[Buffer | None]:
        """The buffers of a call, one per kind; nil stands for none."""
        if len(arguments) > len(kinds):
            raise InstrumentFault(-108)
        found = [None if argument is None else self._find(argument)[0] for argument in arguments]
        kept = [id(buffer) for buffer in found if buffer is not None]
        if len(set(kept)) < len(kept):
            raise InstrumentFault(5040)
        return [*found, *[None] * (len(kinds) - len(found))]

    def _delay_seconds(self, kinds: str) -> float:
        delay = float(self._state["measure.delay"])
        if delay != AUTO:
            return delay
        if kinds == "v":
            return 0.0
        scale = self.range_of("i")
        seconds = next(seconds for upper, seconds in AUTO_DELAYS if scale <= upper * (1 + 1e-9))
        return seconds * float(self._state["measure.delayfactor"])

    def _aperture_seconds(self, kinds: str) -> float:
        state, now = self._state, self.source.world.now()
        nplc = float(state["measure.nplc"])
        conversions = 2 if kinds in ("iv", "r", "p") else 1
        if state["measure.filter.enable"] and state["measure.filter.type"]:
            conversions *= int(state["measure.filter.count"])
        if state["measure.autozero"] and now - self._references.get(nplc, -math.inf) > REFERENCE_SECONDS:
            conversions += 2  # reference and zero (K26-7-215)
            self._references[nplc] = now
        if state["measure.autozero"] == 1:
            state["measure.autozero"] = 0.0  # once
        return conversions * (nplc / self._line_hertz() + OVERHEAD_SECONDS)

    def _read(self, kinds: str, buffers: Sequence[Buffer | None]) -> None:
        source, state = self.source, self._state
        source.watch()
        true = source.point()
        basic = "vi" if kinds in ("iv", "r", "p") else kinds
        got = {kind: self._digitise(kind, true[kind]) for kind in basic}
        self.overflowed = OVERFLOW in got.values()
        if kinds in ("r", "p"):
            volts, amps = got["v"], got["i"]
            bad = self.overflowed or (kinds == "r" and amps == 0)
            got[kinds] = OVERFLOW if bad else (volts / amps if kinds == "r" else volts * amps)
        status = AUTORANGED * bool(state["measure.autorangei"] or state["measure.autorangev"])
        status |= FOUR_WIRE * (state["sense"] == SENSE_REMOTE) | COMPLIANCE * source.limited
        status |= FILTERED * bool(state["measure.filter.enable"])
        for kind, buffer in zip(kinds, buffers, strict=True):
            value = got[kind]
            relative = bool(state[f"measure.rel.enable{kind}"])
            if relative and value != OVERFLOW:
                value -= float(state[f"measure.rel.level{kind}"])
            self.last[kind] = value
            if buffer is not None:
                buffer.add(
                    Reading(
                        value=value,
                        seconds=source.world.now(),
                        source_value=source.level,
                        status=float(status | RELATIVE * relative),
                        function=FUNCTIONS[kind],
                        measure_range=self.range_of(kind if kind in "vi" else "i"),
                        source_function=FUNCTIONS[source.kind],
                        output="On" if source.output == ON else "Off",
                        source_range=float(state[f"source.range{source.kind}"]),
                    )
                )

    def _digitise(self, kind: str, value: float) -> float:
        """A value as measured, with the noise of its range; an overflow if it is too much for it."""
        state = self._state
        automatic = state[f"measure.autorange{kind}"]
        if automatic == FOLLOW_LIMIT:
            state[f"measure.range{kind}"] = range_for(self.source.limit(), RANGES[kind])
        elif automatic:
            lowest = float(state[f"measure.lowrange{kind}"])
            state[f"measure.range{kind}"] = max(range_for(value, RANGES[kind], FULL_SCALE), lowest)
        scale = self.range_of(kind)
        if abs(value) > FULL_SCALE * scale * (1 + 1e-9):
            return OVERFLOW
        averaged = state["measure.filter.count"] if state["measure.filter.enable"] else 1.0
        rms = scale * NOISE_OF_RANGE / math.sqrt(float(state["measure.nplc"]) * float(averaged))
        return value + rms * float(self.source.world.noise_of(self.source.role).standard_normal())

    def range_of(self, kind: str) -> float:
        """The range in force: what is sourced is measured on the source's range (K26-2-47)."""
        where = "source" if kind == self.source.kind else "measure"
        return float(self._state[f"{where}.range{kind}"])

    # -- names

    def names(self, guard: Callable[[], None]) -> dict[str, Name]:
        """``measure.*`` functions and ranges; ``guard`` refuses while an overlapped measurement runs."""

        def taker(kinds: str) -> Callable[..., Value]:
            def take(*arguments: Value) -> Value:
                guard()
                return self.measure(kinds, arguments)

            return take

        def stepper(kinds: str) -> Callable[..., Value]:
            def take(*arguments: Value) -> Value:
                guard()
                if not arguments or isinstance(arguments[-1], Mark):
                    raise InstrumentFault(1400, "Expected at least 1 parameters")
                level = number(arguments[-1], len(arguments))
                results = self.measure(kinds, arguments[:-1])
                self.source.set_level(self.source.kind, level)
                return results

            return take

        names: dict[str, Name] = {}
        for kinds in ("v", "i", "r", "p", "iv"):
            names[f"measure.{kinds}"] = Function(taker(kinds), "K26-7-229")
            names[f"measure{kinds}andstep"] = Function(stepper(kinds), "TMD", verify=True)
        for kind in "vi":
            names[f"measure.range{kind}"] = self._range_name(kind)
        return names

    def _range_name(self, kind: str) -> Attribute:
        name = f"measure.range{kind}"
        check = next(setting.check for setting in SETTINGS if setting.name == name)

        def write(value: Value) -> None:
            self._state[name] = check(value)
            self._state[f"measure.autorange{kind}"] = 0.0

        return Attribute(lambda: self.range_of(kind), write, "K26-2-47")
