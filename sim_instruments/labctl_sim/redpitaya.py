"""Red Pitaya STEMlab 125-14 behind its SCPI server: two fast inputs of 14 bits and 125 MS/s, 16,384 samples each.

Facts: PyMeasure's driver (PM) and the commands of the Red Pitaya documentation from memory [MEM, verify]. IN1 is
behind the bench's current amplifier, IN2 is open; EXT is the generator's trigger output. Lines end in CR LF. Not in
it: the generator outputs, and what a decimated sample averages (its noise goes down all the same).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from labctl_sim import scpi_text
from labctl_sim.channels import channel_of
from labctl_sim.mtj import Floats
from labctl_sim.polling import Polling
from labctl_sim.redpitaya_board import SLOW_PINS, Board, one_of
from labctl_sim.scpi import Call, Command, Number, Reply, ScpiPanel, documented
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
EDGES = {"PE": 1, "NE": -1}
TRIGGERS = ("DISABLED", "NOW", *(f"{name}_{edge}" for name in ("CH1", "CH2", "EXT", "AWG") for edge in EDGES))  # PM


class RedPitaya(ScpiPanel):
    """The SCPI server."""

    error_depth = 20  # [MEM]

    def __init__(self, world: World, role: str, options: Mapping[str, Any]) -> None:
        self._capture: Capture | None = None
        self._counts = np.zeros((2, BUFFER), np.int16)
        self._acquiring = False
        self._board = Board(self)
        self._polling = Polling(world)
        super().__init__(world, role, options)

    def identity(self) -> str:
        """[MEM]."""
        return "REDPITAYA,INSTR2023,SIM0006,02-01"

    def format_number(self, value: float) -> str:
        """A plain decimal [MEM]."""
        return f"{value:.6f}"

    def format_error(self, code: int, text: str) -> str:
        """[MEM]."""
        return f'{code},"{text}"'

    def reset(self) -> None:
        """Everything as after power-on [MEM]."""
        self.state = {"pins": {}, "directions": {}, "slow": [0.0] * SLOW_PINS, "gain1": "LV", "gain2": "LV"}
        self._reset_acquisition()

    def _reset_acquisition(self) -> None:
        self.state.update(
            decimation=1, average=True, units="VOLTS", format="ASCII", source="DISABLED", level=0.0, delay=0
        )
        self._acquiring = False
        self._counts = np.zeros((2, BUFFER), np.int16)
        self._disarm()

    def commands(self) -> list[Command]:
        """Spellings of PM; ``ACQ`` has no long form."""
        return [*self._acquisition_commands(), *self._data_commands(), *self._board.commands()]

    def _acquisition_commands(self) -> list[Command]:
        nanoseconds = 1e9 / CLOCK_HERTZ
        return documented(
            "PM",
            Command("ACQ:START", lambda _: self._start()),
            Command("ACQ:STOP", lambda _: self._stop()),
            Command("ACQ:RST", lambda _: self._reset_acquisition()),
            Command("ACQ:DEC", self._set_decimation, lambda _: str(self.state["decimation"])),
            Command("ACQ:AVG", self._set_average, lambda _: "ON" if self.state["average"] else "OFF"),
            self._word("ACQ:DATA:UNITS", "units", ("RAW", "VOLTS")),
            self._word("ACQ:DATA:FORMAT", "format", ("BIN", "ASCII")),
            Command("ACQ:BUF:SIZE", ask=lambda _: str(BUFFER)),
            Command("ACQ:TRIG", self._arm),
            Command("ACQ:TRIG:STAT", ask=lambda _: self._status()),
            Command("ACQ:TRIG:FILL", ask=lambda _: str(int(self._status() == "TD"))),
            self.integer("ACQ:TRIG:DLY", "delay", -HALF, 10**9),
            Command(
                "ACQ:TRIG:DLY:NS",
                lambda call: self._set_delay(scpi_text.number(call.only()) / nanoseconds),
                lambda _: str(round(self.state["delay"] * nanoseconds)),
            ),
            self.numeric("ACQ:TRIG:LEV", "level", Number("V", -20.0, 20.0)),
            Command("ACQ:TPOS", ask=lambda _: str(max(HALF - self.state["delay"], 0))),
            Command("ACQ:WPOS", ask=lambda _: "0"),  # the oldest sample is always the first
            self._word_of_channel("ACQ:SOUR#:GAIN", "gain", tuple(FULL_SCALE_VOLTS)),
        )

    def _data_commands(self) -> list[Command]:
        node = "ACQ:SOUR#:DATA"
        return [
            *documented(
                "PM",
                Command(node, ask=lambda call: self._data(call, lambda _: slice(None), 0)),
                Command(f"{node}:OLD:N", ask=lambda call: self._data(call, lambda n: slice(0, n[0]), 1)),
            ),
            *documented(
                "MEM",
                Command(f"{node}:LAT:N", ask=lambda call: self._data(call, lambda n: slice(-n[0], None), 1)),
                Command(f"{node}:STA:END", ask=lambda call: self._data(call, lambda n: slice(n[0], n[1] + 1), 2)),
                Command(f"{node}:STA:N", ask=lambda call: self._data(call, lambda n: slice(n[0], n[0] + n[1]), 2)),
                verify=True,
            ),
        ]

    # -- messages end in CR LF

    def handle(self, message: bytes) -> bytes | None:
        """PM."""
        return _crlf(super().handle(message))

    def poll(self) -> bytes | None:
        """PM."""
        return _crlf(super().poll())

    # -- acquisition

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

    def _armed(self) -> Capture:
        """A window with room on both sides for a trigger by level, which is looked for in it."""
        samples = np.arange(-BUFFER, 2 * BUFFER) if self.state["source"].startswith("CH1") else np.arange(BUFFER)
        first = 0 if samples.size > BUFFER else self.state["delay"] - HALF
        return Capture(
            sample_seconds=(samples + first) * (self.state["decimation"] / CLOCK_HERTZ),
            frames=1,
            volts_per_count=self._volts_per_count(1),
            zero_counts=0.0,
            noise_volts=self._noise_volts(1),
            bits=BITS,
        )

    def _take_now(self) -> None:
        """The inputs as they are: what a generator plays meanwhile is not in it."""
        capture = self._capture
        if capture is not None:
            amps = -self.world.point().amps.get("digitizer", 0.0)
            volts = self.world.wiring.digitizer_transimpedance_ohms * amps
            noise = self.world.noise.standard_normal((1, capture.sample_seconds.size), np.float32)
            capture.convert(noise * np.float32(capture.noise_volts) + np.float32(volts))

    def _status(self) -> str:
        """``TD`` once triggered, also when the trigger is disabled; ``WAIT`` until then. Asking costs time."""
        capture = self._capture
        if capture is not None and capture.complete:
            counts = self._cut(capture.counts[0])
            self._disarm()
            if counts is None:  # the level was not crossed: wait for the next one
                self._capture = self._armed()
                self.world.arm(self._capture)
            else:
                noise = self.world.noise.standard_normal(BUFFER) * NOISE_COUNTS
                self._counts = np.stack([counts, np.rint(noise).astype(np.int16)])
                self.state["source"] = "DISABLED"
        waits = self._capture is not None
        self._polling.asked(busy=waits)
        return "WAIT" if waits else "TD"

    def _cut(self, counts: np.ndarray) -> np.ndarray | None:
        """The buffer around the trigger: as sampled, or where the level is crossed; None if it is not."""
        if counts.size == BUFFER:
            return counts
        level = self.state["level"] / self._volts_per_count(1)
        above = counts >= level if self.state["source"].endswith("PE") else counts <= level
        crossings = np.flatnonzero(~above[BUFFER : 2 * BUFFER] & above[BUFFER + 1 : 2 * BUFFER + 1])
        if not crossings.size:
            return None
        begin = min(max(int(crossings[0]) + 1 + BUFFER + self.state["delay"] - HALF, 0), 2 * BUFFER)
        return counts[begin : begin + BUFFER]

    def _volts_per_count(self, channel: int) -> float:
        return float(FULL_SCALE_VOLTS[self.state[f"gain{channel}"]] / 2 ** (BITS - 1))

    def _noise_volts(self, channel: int) -> float:
        averaged = self.state["decimation"] if self.state["average"] else 1
        return float(NOISE_COUNTS * self._volts_per_count(channel) / averaged**0.5)

    # -- data

    def _data(self, call: Call, part: Callable[[list[int]], slice], arguments: int) -> Reply:
        """Oldest first; ``{a,b,...}``, or a block of big-endian int16 (RAW) or float32 (VOLTS)."""
        channel = channel_of(call, 2)
        if len(call.parameters) != arguments:
            raise InstrumentFault(-109 if len(call.parameters) < arguments else -108)
        numbers = [round(scpi_text.number(parameter)) for parameter in call.parameters]
        if any(not 0 <= number <= BUFFER for number in numbers):
            raise InstrumentFault(-222)
        self._status()
        counts = self._counts[channel - 1][part(numbers)]
        raw = self.state["units"] == "RAW"
        volts: Floats = counts * self._volts_per_count(channel)
        if self.state["format"] == "BIN":
            return scpi_text.block(counts.astype(">i2").tobytes() if raw else volts.astype(">f4").tobytes())
        return "{" + ",".join(map(str, counts.tolist()) if raw else (f"{value:.6f}" for value in volts.tolist())) + "}"

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


def _crlf(reply: bytes | None) -> bytes | None:
    return None if reply is None else reply.removesuffix(b"\n") + b"\r\n"
