"""Tektronix MSO5-series oscilloscope, CH1 behind the bench's current amplifier, triggered on AUX once per cycle.

Facts: the command documentation in tektronix/tm_devices (TMD); [MEM] = from memory, verify. 8 bits span the 10
divisions. Bandwidth, amplifier saturation and the re-arm time between frames are not modelled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from labctl_sim import scpi_text
from labctl_sim.scpi import Call, Command, Later, Number, Reply, ScpiPanel, only_first
from labctl_sim.status import OPERATION_COMPLETE, InstrumentFault
from labctl_sim.waveform import Capture
from labctl_sim.world import World

DIVISIONS = 10
LEVELS = 256
NOISE_VOLTS = 1e-3  # rms of the input with the amplifier in front of it [assumed]
MEMORY_POINTS = 62_500_000  # [MEM]
STEPS = (1.0, 1.25, 2.5, 3.125, 5.0, 6.25)
MAX_SAMPLE_RATE = 6.25e9
TEXTS = {0: "No events to report - queue empty", -410: "Query INTERRUPTED", -420: "Query UNTERMINATED"}
NOT_AVAILABLE = 2244  # "Waveform requested is not available" [MEM]
MORE = (1, "No events to report - new events pending *ESR?")


class TektronixMSO(ScpiPanel):
    """The front panel. Its events can be read once ``*ESR?`` has made them available."""

    error_depth = 32  # [MEM]
    texts = TEXTS
    adjusts = True

    def __init__(self, world: World, role: str, options: Mapping[str, Any]) -> None:
        self.capture: Capture | None = None
        self._last: Capture | None = None
        self.running = False
        self.header = True  # survives *RST [MEM]
        self._events: list[tuple[int, str]] = []
        super().__init__(world, role, options)

    def identity(self) -> str:
        """TMD."""
        return "TEKTRONIX,MSO54,SIM0004,CF:91.1CT FV:1.44"

    def format_number(self, value: float) -> str:
        """NR3 with as many digits as it takes."""
        return f"{value:.9E}"

    def prefix(self, full_header: str) -> str:
        """``HEADer ON`` puts the full header before every reply but those of common commands."""
        return f"{full_header} " if self.header and not full_header.startswith("*") else ""

    def reset(self) -> None:
        """Defaults [MEM]."""
        self.state = {
            "verbose": True, "scale": 0.1, "offset": 0.0, "position": 0.0, "termination": 1e6, "ch1": True,
            "mode": "AUTO", "rate": 3.125e9, "length": 1000, "h_position": 50.0, "delay_on": True, "delay": 0.0,
            "fast": False, "frames": 2, "trigger_source": "CH1", "trigger_type": "EDGE",
            "trigger_mode": "AUTO", "trigger_level": 0.0, "slope": "RIS",
            "acquire": "SAM", "stop_after": "RUNST", "source": "CH1", "encoding": "RIB",
            "width": 1, "start": 1, "stop": 1000, "frame_start": 1, "frame_stop": 2,
        }  # fmt: skip
        self.capture = self._last = None
        self._stop()

    def commands(self) -> list[Command]:
        """The part of TMD's tree that block acquisition needs."""
        percent, seconds = Number("", 0.0, 100.0, 50.0), Number("S", -5e3, 5e3)
        commands = [
            Command("HEADer", self._set_header, lambda _: str(int(self.header))),
            self.switch("VERBose", "verbose"),
            self.numeric("CH#:SCAle", "scale", Number("V", 1e-3, 10.0, 0.1)),
            self.numeric("CH#:OFFSet", "offset", Number("V", -10.0, 10.0)),
            self.numeric("CH#:POSition", "position", Number("", -5.0, 5.0)),
            Command("CH#:TERmination", self._set_termination, lambda _: self.format_number(self.state["termination"])),
            self.switch("SELect:CH#", "ch1"),
            self.switch("DISplay:GLObal:CH#:STATE", "ch1"),
            self.option("HORizontal:MODE", "mode", ("AUTO", "MANual")),
            Command("HORizontal[:MODE]:SAMPLERate", self._set_rate, lambda _: self.format_number(self.state["rate"])),
            self.integer("HORizontal[:MODE]:RECOrdlength", "length", 1, MEMORY_POINTS),
            self.numeric("HORizontal:POSition", "h_position", percent),
            self.switch("HORizontal:DELay:MODe", "delay_on"),
            self.numeric("HORizontal:DELay:TIMe", "delay", seconds),
            self.switch("HORizontal:FASTframe:STATE", "fast"),
            Command("HORizontal:FASTframe:COUNt", self._set_frames, lambda _: str(self.state["frames"])),
            Command("HORizontal:FASTframe:MAXFRames", ask=lambda _: str(self._max_frames())),
            self.option("TRIGger:A:TYPe", "trigger_type", ("EDGE",)),
            self.option("TRIGger:A:EDGE:SOUrce", "trigger_source", ("AUXiliary", "CH1", "LINE")),
            self.option("TRIGger:A:EDGE:SLOpe", "slope", ("RISe", "FALL", "EITher")),
            self.numeric("TRIGger:A:LEVel:CH#", "trigger_level", Number("V", -100.0, 100.0)),
            self.numeric("TRIGger:AUXLevel", "trigger_level", Number("V", -5.0, 5.0)),
            self.option("TRIGger:A:MODe", "trigger_mode", ("AUTO", "NORMal")),
            self.option("ACQuire:MODe", "acquire", ("SAMple", "HIRes", "PEAKdetect", "AVErage", "ENVelope")),
            self.option("ACQuire:STOPAfter", "stop_after", ("RUNSTop", "SEQuence")),
            Command("ACQuire:STATE", self._set_running, lambda _: str(int(self._is_running()))),
            Command("ACQuire:NUMFRAMESACQuired", ask=lambda _: str(self.capture.filled if self.capture else 0)),
            Command("ACQuire:NUMACq", ask=lambda _: str(int(self.capture is not None and self.capture.complete))),
            self.option("DATa:SOUrce", "source", ("CH1",)),
            self.option("DATa:ENCdg", "encoding", ("RIBinary",)),
            self.integer("DATa:WIDth", "width", 1, 2),
            self.integer("DATa:STARt", "start", 1, MEMORY_POINTS),
            self.integer("DATa:STOP", "stop", 1, MEMORY_POINTS),
            self.integer("DATa:FRAMESTARt", "frame_start", 1, MEMORY_POINTS),
            self.integer("DATa:FRAMESTOP", "frame_stop", 1, MEMORY_POINTS),
            Command("WFMOutpre:YMUlt", ask=lambda _: self.format_number(self._ymult() / self._finer())),
            Command("WFMOutpre:YOFf", ask=lambda _: self.format_number(self._yoff() * self._finer())),
            Command("WFMOutpre:YZEro", ask=lambda _: self.format_number(self._yzero())),
            Command("WFMOutpre:YUNit", ask=lambda _: '"V"'),
            Command("WFMOutpre:XINcr", ask=lambda _: self.format_number(1 / self.state["rate"])),
            Command("WFMOutpre:XZEro", ask=lambda _: self.format_number(self._start_seconds())),
            Command("WFMOutpre:NR_Pt", ask=lambda _: str(self._points())),
            Command("WFMOutpre:BYT_Nr", ask=lambda _: str(self.state["width"])),
            Command("CURVe", ask=lambda _: self._curve()),
            Command("BUSY", ask=lambda _: str(int(self._is_running()))),
            Command("*OPC", self._note_complete, self._complete),
            Command("*ESR", ask=self._read_event),
            Command("*CLS", lambda _: self._clear_status()),
            Command("EVENT", ask=lambda _: str(self._event()[0])),
            Command("EVMsg", ask=lambda _: self._spell(self._event())),
            Command("EVQty", ask=lambda _: str(len(self._events))),
            Command("ALLEv", ask=lambda _: self._all_events()),
        ]  # fmt: skip
        return [only_first(command) for command in commands]  # nothing is connected to the other channels

    # -- acquisition

    def _is_running(self) -> bool:
        if self.running and self.capture is not None and self.capture.complete:
            if self.state["stop_after"] == "SEQ":
                self._stop()
            else:  # free running: keep the last waveform, take the next
                self._last = self.capture
                self._start()
        return self.running

    def _set_running(self, call: Call) -> None:
        word = call.only()
        run = (
            word.upper() == "RUN"
            if isinstance(word, str) and word.isalpha() and word.upper() in ("RUN", "STOP")
            else None
        )
        if scpi_text.boolean(word) if run is None else run:
            self._start()
        else:
            self._stop()

    def _start(self) -> None:
        """A single sequence is armed for its triggers; those before this moment are not seen."""
        frames = self.state["frames"] if self.state["fast"] else 1
        self.capture = Capture(
            sample_seconds=self._start_seconds() + np.arange(self.state["length"]) / self.state["rate"],
            frames=frames,
            volts_per_count=self._ymult(),
            zero_counts=self._yoff() - self._yzero() / self._ymult(),
            noise_volts=NOISE_VOLTS,
        )
        self.running = True
        self.world.arm(self.capture if self.state["trigger_source"] == "AUX" else None)

    def _stop(self) -> None:
        self.running = False
        self.world.arm(None)

    def _note_complete(self, _: Call) -> None:
        self.status.event |= OPERATION_COMPLETE

    def _complete(self, _: Call) -> Later | str:
        """``*OPC?`` answers once a single sequence is over, and not before."""
        if self.state["stop_after"] != "SEQ" or not self._is_running():
            return "1"
        return Later(lambda: not self._is_running(), lambda: "1")

    def _start_seconds(self) -> float:
        """When the first sample is taken, after the trigger; with DELay OFF the position alone says it [MEM]."""
        before: float = self.state["h_position"] / 100 * self.state["length"] / self.state["rate"]
        return (self.state["delay"] if self.state["delay_on"] else 0.0) - before

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

    # -- transfer

    def _taken(self) -> Capture:
        for capture in (self.capture, self._last):
            if capture is not None and capture.filled:
                return capture
        raise InstrumentFault(NOT_AVAILABLE, "Waveform requested is not available")

    def _curve(self) -> Reply:
        """``#<n><length><frames x samples>``, signed, big-endian (TMD)."""
        capture = self._taken()
        samples = slice(self.state["start"] - 1, self.state["stop"])
        frames = slice(self.state["frame_start"] - 1, min(self.state["frame_stop"], capture.filled))
        counts = capture.counts[frames, samples]
        if self.state["width"] == 2:
            return scpi_text.block((counts.astype(">i2") * 256).astype(">i2").tobytes())
        return scpi_text.block(counts.tobytes())

    def _points(self) -> int:
        """Samples per frame that CURVe? sends."""
        return len(range(self.state["length"])[self.state["start"] - 1 : self.state["stop"]])

    # The preamble describes the settings as they are now; read it before changing them [MEM].

    def _ymult(self) -> float:
        return float(self.state["scale"] * DIVISIONS / LEVELS)

    def _finer(self) -> int:
        return 256 if self.state["width"] == 2 else 1

    def _yoff(self) -> float:
        """Counts per division times the position in divisions."""
        return float(self.state["position"] * LEVELS / DIVISIONS)

    def _yzero(self) -> float:
        return float(self.state["offset"])

    # -- events: a Tektronix queue opens with *ESR?

    def _read_event(self, _: Call) -> str:
        self._events = [*self.status.errors]
        self.status.errors.clear()
        return str(self.status.read_event())

    def _clear_status(self) -> None:
        self.status.clear()
        self._events = []

    def _event(self) -> tuple[int, str]:
        if self._events:
            return self._events.pop(0)
        return MORE if self.status.errors else self.status.pop()

    def _all_events(self) -> str:
        if not self._events:
            return self._spell(self._event())
        events, self._events = self._events, []
        return ",".join(self._spell(event) for event in events)

    @staticmethod
    def _spell(event: tuple[int, str]) -> str:
        """Tektronix writes SCPI's codes without their sign."""
        return f'{abs(event[0])},"{event[1]}"'

    # -- small things

    def _set_header(self, call: Call) -> None:
        self.header = scpi_text.boolean(call.only())

    def _set_termination(self, call: Call) -> None:
        ohms = scpi_text.number(call.only(), "OHM")
        if ohms not in (50.0, 1e6):
            self.status.push(-222)
        self.state["termination"] = 50.0 if ohms < 1e3 else 1e6
