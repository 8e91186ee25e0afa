"""Tektronix MSO5-series oscilloscope, CH1 behind the bench's current amplifier, triggered on AUX once per cycle.

Facts: the command documentation in tektronix/tm_devices (TMD); [MEM] = from memory, verify. 8 bits span the 10
divisions. CH2 to CH4 are open. Bandwidth, amplifier saturation, the re-arm time between frames and triggers on a
channel's own level are not modelled; without triggers ``TRIGger:A:MODe AUTO`` makes frames up, as the real one does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl_sim import scpi_text
from labctl_sim.channels import per_channel
from labctl_sim.mtj import Floats
from labctl_sim.polling import Polling
from labctl_sim.scpi import Call, Command, Number, ScpiPanel, documented
from labctl_sim.tektronixmso_events import Events
from labctl_sim.tektronixmso_transfer import CHANNELS, Record, RecordSettings, Transfer, Vertical
from labctl_sim.waveform import Capture
from labctl_sim.world import World

NOISE_VOLTS = 1e-3  # rms of the input with the amplifier in front of it [assumed]
MEMORY_POINTS = 62_500_000  # of all frames together [MEM]
RECORD_POINTS = 10_000_000  # the real one takes 62.5 million at once
STEPS = (1.0, 1.25, 2.5, 3.125, 5.0, 6.25)
MAX_SAMPLE_RATE = 6.25e9
AUTO_SECONDS = 0.1  # without a trigger, before AUTO makes one [MEM]
TEXTS = {0: "No events to report - queue empty", -410: "Query INTERRUPTED", -420: "Query UNTERMINATED"}
SOURCES = ("AUXiliary", "LINE", *(f"CH{n + 1}" for n in range(CHANNELS)))


class TektronixMSO(ScpiPanel):
    """The front panel."""

    error_depth = 32  # [MEM]
    texts = TEXTS
    adjusts = True

    def __init__(self, world: World, role: str, options: Mapping[str, Any]) -> None:
        self.capture: Capture | None = None  # the one that is being taken
        self._record: Record | None = None
        self.running = False
        self.header = True  # survives *RST [MEM]
        self._taking: Record | None = None
        self._polling = Polling(world)
        self._events, self._transfer = Events(self), Transfer(self)
        super().__init__(world, role, options)

    def identity(self) -> str:
        """TMD."""
        return "TEKTRONIX,MSO54,SIM0004,CF:91.1CT FV:1.44"

    def format_number(self, value: float) -> str:
        """NR3 with as many digits as it takes."""
        return f"{value:.9E}"

    def prefix(self, full_header: str) -> str:
        """``HEADer ON`` puts the full header before every reply but those of common commands and of WFMOutpre?."""
        own = full_header.startswith("*") or full_header in (":WFMOUTPRE", ":WAVFRM")
        return f"{full_header} " if self.header and not own else ""

    def reset(self) -> None:
        """Defaults [MEM]."""
        self.state = {
            "verbose": True, "mode": "AUTO", "rate": 3.125e9, "length": 1000, "h_position": 50.0, "delay_on": True,
            "delay": 0.0, "fast": False, "frames": 2, "summary": "NON", "trigger_source": "CH1",
            "trigger_type": "EDGE", "trigger_mode": "AUTO", "aux_level": 0.0, "slope": "RIS",
            "acquire": "SAM", "stop_after": "RUNST", "source": "CH1", "encoding": "RIB",
            "width": 1, "start": 1, "stop": 1000, "frame_start": 1, "frame_stop": 2,
        }  # fmt: skip
        for n in range(1, CHANNELS + 1):
            self.state |= {f"scale{n}": 0.1, f"offset{n}": 0.0, f"position{n}": 0.0, f"termination{n}": 1e6}
            self.state |= {f"on{n}": n == 1, f"level{n}": 0.0}
        self._record = self._taking = self.capture = None
        self._stop()

    def commands(self) -> list[Command]:
        """The part of TMD's tree that block acquisition needs."""
        return [
            *per_channel([self._channel_commands(n) for n in range(1, CHANNELS + 1)]),
            *self._horizontal_commands(),
            *self._trigger_commands(),
            *self._acquisition_commands(),
            *self._transfer.commands(),
            *self._events.commands(),
            *documented(
                "TMD",
                Command("HEADer", self._set_header, lambda _: str(int(self.header))),
                self.switch("VERBose", "verbose"),
            ),
        ]

    def _channel_commands(self, n: int) -> list[Command]:
        return documented(
            "TMD",
            self.numeric("CH#:SCAle", f"scale{n}", Number("V", 1e-3, 10.0, 0.1)),
            self.numeric("CH#:OFFSet", f"offset{n}", Number("V", -10.0, 10.0)),
            self.numeric("CH#:POSition", f"position{n}", Number("", -5.0, 5.0)),
            self._termination("CH#:TERmination", f"termination{n}"),
            self.switch("SELect:CH#", f"on{n}"),
            self.switch("DISplay:GLObal:CH#:STATE", f"on{n}"),
            self.numeric("TRIGger:A:LEVel:CH#", f"level{n}", Number("V", -100.0, 100.0)),
        )

    def _horizontal_commands(self) -> list[Command]:
        return documented(
            "TMD",
            self.option("HORizontal:MODE", "mode", ("AUTO", "MANual")),
            Command("HORizontal[:MODE]:SAMPLERate", self._set_rate, lambda _: self.format_number(self.state["rate"])),
            self.integer("HORizontal[:MODE]:RECOrdlength", "length", 1, RECORD_POINTS),
            self.numeric("HORizontal:POSition", "h_position", Number("", 0.0, 100.0, 50.0)),
            self.switch("HORizontal:DELay:MODe", "delay_on"),
            self.numeric("HORizontal:DELay:TIMe", "delay", Number("S", -5e3, 5e3)),
            self.switch("HORizontal:FASTframe:STATE", "fast"),
            Command("HORizontal:FASTframe:COUNt", self._set_frames, lambda _: str(self.state["frames"])),
            Command("HORizontal:FASTframe:MAXFRames", ask=lambda _: str(self._max_frames())),
            self.option("HORizontal:FASTframe:SUMFrame", "summary", ("NONe", "AVErage")),
        )

    def _trigger_commands(self) -> list[Command]:
        return documented(
            "TMD",
            Command("TRIGger", self._force),
            self.option("TRIGger:A:TYPe", "trigger_type", ("EDGE",)),
            self.option("TRIGger:A:EDGE:SOUrce", "trigger_source", SOURCES),
            self.option("TRIGger:A:EDGE:SLOpe", "slope", ("RISe", "FALL", "EITher")),
            self.numeric("TRIGger:AUXLevel", "aux_level", Number("V", -5.0, 5.0)),
            self.option("TRIGger:A:MODe", "trigger_mode", ("AUTO", "NORMal")),
            Command("TRIGger:STATE", ask=lambda _: "READY" if self._is_running() else "SAVE"),
        )

    def _acquisition_commands(self) -> list[Command]:
        return documented(
            "TMD",
            self.option("ACQuire:MODe", "acquire", ("SAMple", "HIRes", "PEAKdetect", "AVErage", "ENVelope")),
            self.option("ACQuire:STOPAfter", "stop_after", ("RUNSTop", "SEQuence")),
            Command("ACQuire:STATE", self._set_running, lambda _: str(int(self._asked()))),
            Command("ACQuire:NUMFRAMESACQuired", ask=lambda _: self._frames_acquired()),
            Command("ACQuire:NUMACq", ask=lambda _: str(int(self.capture is not None and self.capture.complete))),
            Command("BUSY", ask=lambda _: str(int(self._asked()))),
        )

    # -- acquisition

    @property
    def record(self) -> Record | None:
        """What CURVe? would send: the last waveform, until a setting that it was taken with changes [MEM, verify]."""
        if self._record is not None and self._record.settings != self._settings():
            self._record = None
        return self._record

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

    def poll(self) -> bytes | None:
        """A serial poll takes time."""
        if not self.waiting:
            self._polling.asked(busy=self.pending())
        return super().poll()

    def _asked(self) -> bool:
        running = self._is_running()
        self._polling.asked(busy=running)
        return running

    def _is_running(self) -> bool:
        if self.running and self.capture is not None and self.capture.complete:
            if self.state["stop_after"] == "SEQ":
                self._stop()
            else:  # free running: keep the last waveform, take the next
                self._keep()
                self._start()
        return self.running

    def _frames_acquired(self) -> str:
        self._asked()
        return str(self.capture.filled if self.capture else 0)

    def _set_running(self, call: Call) -> None:
        word = call.only()
        named = {"RUN": True, "STOP": False}
        run = named.get(word.upper()) if isinstance(word, str) else None
        if scpi_text.boolean(word) if run is None else run:
            self._start()
        else:
            self._stop()

    def _start(self) -> None:
        """Armed for the next triggers; those before this moment are not seen."""
        frames = min(self.state["frames"], self._max_frames()) if self.state["fast"] else 1
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
        self.world.arm(self.capture if self.state["trigger_source"] == "AUX" else None)
        if self.state["trigger_mode"] == "AUTO":
            self._trigger_by_itself(self.capture, -1)

    def _stop(self) -> None:
        self.running = False
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

    def _take_quiet(self, capture: Capture) -> None:
        """A frame of the input at rest, with its noise."""
        amps = -self.world.point().amps.get("digitizer", 0.0)
        volts = self.world.wiring.digitizer_transimpedance_ohms * amps
        noise = self.world.noise.standard_normal((1, capture.sample_seconds.size), np.float32)
        capture.convert(noise * np.float32(capture.noise_volts) + np.float32(volts))

    def open_input(self, vertical: Vertical, frames: int, samples: int) -> NDArray[np.int8]:
        """What an open input shows: int8 (frames, samples)."""
        noise: Floats = self.world.noise.standard_normal((frames, samples)) * NOISE_VOLTS
        counts = np.rint((noise - vertical.offset) / vertical.ymult + vertical.yoff)
        return np.clip(counts, -128, 127).astype(np.int8)

    def vertical(self, channel: int) -> Vertical:
        """A channel's scaling as it is set now."""
        return Vertical(*(self.state[f"{key}{channel}"] for key in ("scale", "offset", "position")))

    def start_seconds(self) -> float:
        """When the first sample is taken, after the trigger; with DELay OFF the position alone says it [MEM]."""
        before: float = self.state["h_position"] / 100 * self.state["length"] / self.state["rate"]
        return (self.state["delay"] if self.state["delay_on"] else 0.0) - before

    # -- settings

    def _set_rate(self, call: Call) -> None:
        """Rounded down to a legal step of 1, 1.25, 2.5, 3.125, 5, 6.25 [MEM]."""
        wanted = self.limited(Number("HZ", 1.0, MAX_SAMPLE_RATE).read(call.only()), 1.0, MAX_SAMPLE_RATE)
        decade = 10.0 ** np.floor(np.log10(wanted))
        steps = [step * scale for scale in (decade / 10, decade, decade * 10) for step in STEPS]
        self.state["rate"] = max(rate for rate in steps if rate <= wanted * (1 + 1e-9))

    def _max_frames(self) -> int:
        return int(MEMORY_POINTS // self.state["length"])

    def _set_frames(self, call: Call) -> None:
        kind = Number("", 1, self._max_frames(), 2)
        self.state["frames"] = round(self.limited(kind.read(call.only()), *kind.bounds()))

    def _set_header(self, call: Call) -> None:
        self.header = scpi_text.boolean(call.only())

    def _termination(self, pattern: str, key: str) -> Command:
        """50 ohm or 1 Mohm, whichever is nearer."""

        def write(call: Call) -> None:
            ohms = scpi_text.number(call.only(), "OHM")
            if ohms not in (50.0, 1e6):
                self.status.push(-222)
            self.state[key] = 50.0 if ohms < 1e3 else 1e6

        return Command(pattern, write, lambda _: self.format_number(self.state[key]))
