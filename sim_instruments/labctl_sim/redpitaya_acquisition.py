"""How a Red Pitaya fills its buffer: what it waits for, where the trigger is. Tags as in redpitaya.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from labctl_sim import scpi_text
from labctl_sim.channels import channel_of
from labctl_sim.redpitaya_board import one_of
from labctl_sim.scpi import Call, Command, Number, ScpiPanel, documented
from labctl_sim.status import InstrumentFault
from labctl_sim.waveform import Capture
from labctl_sim.world import World

BUFFER = 16_384  # PM
CLOCK_HERTZ = 125e6  # PM
HALF = BUFFER // 2  # the trigger is in the middle of the buffer when the delay is 0
BITS = 14
FULL_SCALE_VOLTS = {"LV": 1.0, "HV": 20.0}  # PM
NOISE_COUNTS = 1.5  # rms [MEM]
DECIMATIONS = frozenset(2**n for n in range(17))  # PM
EDGES = ("PE", "NE", "AE")
ORDERS = {"BEND": ">", "LEND": "<"}
TRIGGERS = ("DISABLED", "NOW", *(f"{name}_{edge}" for name in ("CH1", "CH2", "EXT", "AWG") for edge in EDGES))  # PM


class Acquisition(ScpiPanel):
    """The part of the server that has to do with the inputs."""

    def __init__(self, world: World, role: str, options: Mapping[str, Any]) -> None:
        self._capture: Capture | None = None
        self.counts = np.zeros((2, BUFFER), np.int16)
        self._acquiring = False
        super().__init__(world, role, options)

    def reset_acquisition(self) -> None:
        """``ACQ:RST``: as after power-on [MEM]."""
        self.state.update(
            decimation=1, average=True, units="VOLTS", format="ASCII", source="DISABLED", level=0.0, delay=0,
            order="BEND", hysteresis=0.005, debounce=500.0,
        )  # fmt: skip
        self._acquiring = False
        self.counts = np.zeros((2, BUFFER), np.int16)
        self._disarm()

    def acquisition_commands(self) -> list[Command]:
        """ACQ, but for the data (PM)."""
        nanoseconds = 1e9 / CLOCK_HERTZ
        return documented(
            "PM",
            Command("ACQ:START", lambda _: self._start()),
            Command("ACQ:STOP", lambda _: self._stop()),
            Command("ACQ:RST", lambda _: self.reset_acquisition()),
            *[
                Command(f"ACQ:DEC{node}", self._set_decimation, lambda _: str(self.state["decimation"]))
                for node in ("", ":Factor")
            ],
            Command("ACQ:AVG", self._set_average, lambda _: "ON" if self.state["average"] else "OFF"),
            self._word("ACQ:DATA:Units", "units", ("RAW", "VOLTS")),
            self._word("ACQ:DATA:FORMAT", "format", ("BIN", "ASCII")),
            self._word("ACQ:DATA:BYTE:ORDER", "order", tuple(ORDERS)),
            Command("ACQ:BUF:SIZE", ask=lambda _: str(BUFFER)),
            Command("ACQ:TRig", self._arm),
            Command("ACQ:TRig:STAT", ask=lambda _: self.trigger_status()),
            Command("ACQ:TRig:FILL", ask=lambda _: str(int(self.trigger_status() == "TD"))),
            self.integer("ACQ:TRig:DLY", "delay", -HALF, 10**9),
            Command(
                "ACQ:TRig:DLY:NS",
                lambda call: self._set_delay(scpi_text.number(call.only()) / nanoseconds),
                lambda _: str(round(self.state["delay"] * nanoseconds)),
            ),
            self.numeric("ACQ:TRig:LEV", "level", Number("V", -20.0, 20.0)),
            self.numeric("ACQ:TRig:HYST", "hysteresis", Number("V", 0.0, 20.0)),
            *[
                self.numeric(f"{root}:TRig:EXT:{node}", "debounce", Number("", 1.0, 8388.0))
                for root in ("ACQ", "SOUR")
                for node in ("DEBouncer[:US]", "DEBouncerUs")
            ],
            Command("ACQ:TPOS", ask=lambda _: str(self.trigger_place())),
            Command("ACQ:WPOS", ask=lambda _: "0"),  # the oldest sample is always the first
            self._word_of_channel("ACQ:SOUR#:GAIN", "gain", tuple(FULL_SCALE_VOLTS)),
            self._word_of_channel("ACQ:SOUR#:COUP", "coupling", ("DC", "AC")),
            self._word("DAISY:ENable", "daisy", ("ON", "OFF")),
            self._word("DAISY:TRIG_O:ENable", "daisy_out", ("ON", "OFF")),
            self._word("DAISY:TRIG_O:SOUR", "daisy_source", ("ADC", "DAC")),
            self._word("DAISY:TRig:Out:ENable", "daisy_out", ("ON", "OFF")),
            self._word("DAISY:TRig:Out:SOUR", "daisy_source", ("ADC", "DAC")),
        )

    def pending(self) -> bool:
        """True while it waits for a trigger."""
        return self._capture is not None

    def _start(self) -> None:
        self._acquiring = True

    def _stop(self) -> None:
        self._acquiring = False
        self._disarm()

    def _disarm(self) -> None:
        self._capture = None
        self.world.arm(None)

    def _arm(self, call: Call) -> None:
        """Choosing a source is what arms it."""
        source = self.state["source"] = one_of(call.only(), TRIGGERS)
        self._disarm()
        if not self._acquiring or source == "DISABLED":
            return
        self._capture = self._armed()
        if source == "NOW":
            self._take_now()
        elif source.startswith(("CH1", "EXT")):  # nothing is connected to IN2
            self.world.arm(self._capture)

    def trigger_place(self) -> int:
        """Which sample of the buffer the trigger is."""
        return int(max(HALF - self.state["delay"], 0))

    def generator_starts(self, *, wired: bool) -> None:
        """Its own generator begins; it is a source of triggers, also when nothing of it comes back to the inputs."""
        if self._capture is not None and self.state["source"].startswith("AWG"):
            if wired:
                self.world.arm(self._capture)
            else:
                self._take_now()

    def _armed(self) -> Capture:
        """A window with room on both sides for a trigger by level, which is looked for in it."""
        samples = np.arange(-BUFFER, 2 * BUFFER) if self.state["source"].startswith("CH1") else np.arange(BUFFER)
        first = 0 if samples.size > BUFFER else self.state["delay"] - HALF
        return Capture(
            sample_seconds=(samples + first) * (self.state["decimation"] / CLOCK_HERTZ),
            frames=1,
            volts_per_count=self.volts_per_count(1),
            zero_counts=0.0,
            noise_volts=self._noise_volts(1),
            bits=BITS,
        )

    def _take_now(self) -> None:
        """The inputs as they are: what a generator plays meanwhile is not in it."""
        capture = self._capture
        if capture is not None:
            amps = -self.world.terminals("digitizer").amps
            volts = self.world.wiring.sense_ohms * amps
            noise = self.world.noise_of(self.role).standard_normal((1, capture.sample_seconds.size), np.float32)
            capture.convert(noise * np.float32(capture.noise_volts) + np.float32(volts))

    def trigger_status(self) -> str:
        """``TD`` once triggered, also when the trigger is disabled; ``WAIT`` until then."""
        capture = self._capture
        if capture is not None and capture.complete:
            counts = self._cut(capture.counts[0])
            self._disarm()
            if counts is None:  # the level was not crossed: wait for the next one
                self._capture = self._armed()
                self.world.arm(self._capture)
            else:
                noise = self.world.noise_of(self.role).standard_normal(BUFFER) * NOISE_COUNTS
                self.counts = np.stack([counts, np.rint(noise).astype(np.int16)])
                self.state["source"] = "DISABLED"
        if self._capture is not None and self.state["source"].startswith("CH"):
            self._look_for_noise()
        return "WAIT" if self._capture is not None else "TD"

    def _look_for_noise(self) -> None:
        """With the level near what stands at the input, its noise is trigger enough."""
        capture = self._capture
        if capture is not None and not capture.complete:
            if self.state["source"].startswith("CH1"):
                self._take_now()
                counts = capture.counts[0]
            else:  # IN2 is open
                noise = self.world.noise_of(self.role).standard_normal(3 * BUFFER)
                counts = np.rint(noise * NOISE_COUNTS).astype(np.int16)
            if self._cut(counts) is None:
                self._capture = self._armed()
                self.world.arm(self._capture)
            elif not capture.complete:
                self._take_now()

    def _cut(self, counts: np.ndarray) -> np.ndarray | None:
        """The buffer around the trigger: as sampled, or where the level is crossed; None if it is not."""
        if counts.size == BUFFER:
            return counts
        level = self.state["level"] / self.volts_per_count(1)
        above = counts >= level
        before, after = above[BUFFER : 2 * BUFFER], above[BUFFER + 1 : 2 * BUFFER + 1]
        edges = {"PE": ~before & after, "NE": before & ~after, "AE": before != after}
        crossings = np.flatnonzero(edges[self.state["source"][-2:]])
        if not crossings.size:
            return None
        begin = min(max(int(crossings[0]) + 1 + BUFFER + self.state["delay"] - HALF, 0), 2 * BUFFER)
        return counts[begin : begin + BUFFER]

    def volts_per_count(self, channel: int) -> float:
        """By the gain of the channel."""
        return float(FULL_SCALE_VOLTS[self.state[f"gain{channel}"]] / 2 ** (BITS - 1))

    def _noise_volts(self, channel: int) -> float:
        averaged = self.state["decimation"] if self.state["average"] else 1
        return float(NOISE_COUNTS * self.volts_per_count(channel) / averaged**0.5)

    # -- settings

    def _word(self, pattern: str, key: str, words: tuple[str, ...]) -> Command:
        def write(call: Call) -> None:
            self.state[key] = one_of(call.only(), words)

        return Command(pattern, write, lambda _: str(self.state[key]))

    def _word_of_channel(self, pattern: str, key: str, words: tuple[str, ...]) -> Command:
        def write(call: Call) -> None:
            self.state[f"{key}{channel_of(call, 2)}"] = one_of(call.only(), words)

        return Command(pattern, write, lambda call: str(self.state[f"{key}{channel_of(call, 2)}"]))

    def _set_decimation(self, call: Call) -> None:
        value = scpi_text.number(call.only())
        if value not in DECIMATIONS:
            raise InstrumentFault(-222)
        self.state["decimation"] = round(value)

    def _set_average(self, call: Call) -> None:
        self.state["average"] = scpi_text.boolean(call.only())

    def _set_delay(self, samples: float) -> None:
        self.state["delay"] = round(self.limited(samples, -HALF, 10**9))
