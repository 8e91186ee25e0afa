"""How a Tektronix oscilloscope takes waveforms: armed, triggered, by itself, one frame after the other. Tags as there.

What runs freely is taken when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl_sim import scpi_text
from labctl_sim.flips import Floats
from labctl_sim.scpi import Call, Command, ScpiPanel, documented
from labctl_sim.tektronixmso_controls import CHANNELS
from labctl_sim.tektronixmso_level import LevelTrigger
from labctl_sim.tektronixmso_record import Record, RecordSettings, Vertical
from labctl_sim.waveform import Capture
from labctl_sim.world import World

NOISE_VOLTS = 1e-3  # rms of the input with the amplifier in front of it [assumed]
MEMORY_POINTS = 62_500_000  # of all frames together [MEM]
FREE_POINTS = 1_000_000  # of all frames together, that are made up when somebody asks for them
AUTO_SECONDS = 0.1  # without a trigger, before AUTO makes one [MEM]


class Acquisition(ScpiPanel):
    """The part of the panel that has to do with the world."""

    def __init__(self, world: World, role: str, options: Mapping[str, Any]) -> None:
        self.capture: Capture | None = None  # the one that is being taken
        self.running = False
        self._record: Record | None = None
        self._taking: Record | None = None
        self._level: LevelTrigger | None = None
        super().__init__(world, role, options)

    def start_over(self) -> None:
        """``*RST``: free running; what it would have taken is taken when somebody asks for it."""
        self._record = self._taking = self.capture = None
        self._stop()
        self.running = True

    def acquisition_commands(self) -> list[Command]:
        """ACQuire and what it does (TMD)."""
        return documented(
            "TMD",
            self.option("ACQuire:MODe", "acquire", ("SAMple", "HIRes", "PEAKdetect", "AVErage", "ENVelope")),
            self.option("ACQuire:STOPAfter", "stop_after", ("RUNSTop", "SEQuence")),
            Command("TRIGger", self._force),
            Command("TRIGger:STATE", ask=lambda _: self._trigger_state()),
            Command("ACQuire:STATE", self._set_running, lambda _: str(int(self._is_running()))),
            Command("ACQuire:NUMFRAMESACQuired", ask=lambda _: self._frames_acquired()),
            Command("ACQuire:NUMACq", ask=lambda _: str(int(self.capture is not None and self.capture.complete))),
            Command("BUSY", ask=lambda _: str(int(self._is_running()))),
        )

    @property
    def record(self) -> Record | None:
        """What CURVe? would send: the last waveform, until a setting that it was taken with changes [MEM, verify].

        While it runs freely and makes its own triggers, there always is one.
        """
        if self._record is not None and self._record.settings != self._settings():
            self._record = None
        if self._record is None and self._runs_freely():
            self.run()
            if self.capture is not None:
                self._take_quiet(self.capture, self.capture.frames - self.capture.filled)
                self._keep()
        return self._record

    def _runs_freely(self) -> bool:
        state = self.state
        frames = min(state["frames"], self.max_frames()) if state["fast"] else 1
        small = frames * state["length"] <= FREE_POINTS  # more than that has not been taken yet
        return bool(self.running and state["stop_after"] == "RUNST" and state["trigger_mode"] == "AUTO" and small)

    def _trigger_state(self) -> str:
        if not self._is_running():
            return "SAVE"
        return "AUTO" if self.state["trigger_mode"] == "AUTO" else "READY"

    def _settings(self) -> RecordSettings:
        state = self.state
        return RecordSettings(
            verticals=tuple(self.vertical(n) for n in range(1, CHANNELS + 1)),
            rate=state["rate"],
            length=state["length"],
            start_seconds=self.start_seconds(),
            fast=state["fast"],
            summary=state["summary"],
        )

    def pending(self) -> bool:
        """A single sequence is an operation that ``*OPC?`` waits for; free running is not."""
        return self.state["stop_after"] == "SEQ" and self._is_running()

    def _is_running(self) -> bool:
        if self.running and self._level is not None and self._level.harvest():
            self.world.arm(self._level.window)
        if self.running and self.capture is not None and self.capture.complete:
            if self.state["stop_after"] == "SEQ":
                self._stop()
            else:  # free running: keep the last waveform, take the next
                self._keep()
                self.run()
        return self.running

    def _frames_acquired(self) -> str:
        self._is_running()
        return str(self.capture.filled if self.capture else 0)

    def _set_running(self, call: Call) -> None:
        word = call.only()
        named = {"RUN": True, "STOP": False}
        run = named.get(word.upper()) if isinstance(word, str) else None
        if scpi_text.boolean(word) if run is None else run:
            self.run()
            return
        if self._runs_freely():
            _ = self.record  # what the screen shows stays there
        self._stop()

    def run(self) -> None:
        """Armed for the next triggers; those before this moment are not seen."""
        frames = min(self.state["frames"], self.max_frames()) if self.state["fast"] else 1
        settings = self._settings()
        first = settings.verticals[0]
        self.capture = Capture(
            sample_seconds=settings.start_seconds + np.arange(settings.length) / settings.rate,
            frames=frames,
            volts_per_count=first.ymult,
            zero_counts=first.yoff - first.offset / first.ymult,
            noise_volts=NOISE_VOLTS,
        )
        self._taking = Record(self.capture, settings)
        self.running = True
        source = self.state["trigger_source"]
        self._level = LevelTrigger.fitting(self.state, self.capture, settings) if source == "CH1" else None
        self.world.arm(self._level.window if self._level else self.capture if source == "AUX" else None)
        if self.state["trigger_mode"] == "AUTO":
            self._trigger_by_itself(self.capture, -1)

    def _stop(self) -> None:
        self.running, self._level = False, None
        self._keep()
        self.world.arm(None)

    def _keep(self) -> None:
        if self._taking is not None and self._taking.capture.filled:
            self._record = self._taking

    def _trigger_by_itself(self, capture: Capture, seen: int) -> None:
        """AUTO: when no trigger has come for a while, a frame is made of what is there."""
        if capture is not self.capture or not self.running or capture.complete:
            return
        if capture.filled == seen:
            self._take_quiet(capture)
        filled = capture.filled
        self.world.at(self.world.now() + AUTO_SECONDS, lambda: self._trigger_by_itself(capture, filled))

    def _force(self, call: Call) -> None:
        """``TRIGger FORCe``."""
        scpi_text.choice(call.only(), ("FORCe",))
        if self._is_running() and self.capture is not None:
            self._take_quiet(self.capture)

    def quiet_volts(self) -> float:
        """What stands at CH1 now."""
        amps = -self.world.terminals("digitizer").amps
        return float(self.world.wiring.sense_ohms * amps)

    def _take_quiet(self, capture: Capture, frames: int = 1) -> None:
        """Frames of the input at rest, with its noise."""
        volts = self.quiet_volts()
        noise = self.world.noise_of(self.role).standard_normal((frames, capture.sample_seconds.size), np.float32)
        capture.convert(noise * np.float32(capture.noise_volts) + np.float32(volts))

    def open_input(self, vertical: Vertical, frames: int, samples: int) -> NDArray[np.int8]:
        """What an open input shows: int8 (frames, samples)."""
        noise: Floats = self.world.noise_of(self.role).standard_normal((frames, samples)) * NOISE_VOLTS
        counts = np.rint((noise - vertical.offset) / vertical.ymult + vertical.yoff)
        return np.clip(counts, -128, 127).astype(np.int8)

    def vertical(self, channel: int) -> Vertical:
        """A channel's scaling as it is set now."""
        return Vertical(*(self.state[f"{key}{channel}"] for key in ("scale", "offset", "position")))

    def start_seconds(self) -> float:
        """When the first sample is taken, after the trigger; with DELay OFF the position alone says it [MEM]."""
        before: float = self.state["h_position"] / 100 * self.state["length"] / self.state["rate"]
        return (self.state["delay"] if self.state["delay_on"] else 0.0) - before

    def max_frames(self) -> int:
        """How many records of this length the memory holds."""
        return int(MEMORY_POINTS // self.state["length"])
