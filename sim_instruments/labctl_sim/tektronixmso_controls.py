"""The knobs of a Tektronix MSO: channels, time base, trigger, display. Spellings of tm_devices' documentation (TMD).

Coupling, bandwidth, deskew and labels are remembered and change no sample; scales, rates and levels do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labctl_sim import scpi_text
from labctl_sim.scpi import Call, Command, Number, documented
from labctl_sim.status import InstrumentFault

if TYPE_CHECKING:
    from labctl_sim.tektronixmso import TektronixMSO

CHANNELS = 4
DIVISIONS = 10
RECORD_POINTS = 10_000_000  # the real one takes 62.5 million at once
AUTO_POINTS = 62_500  # HORizontal:MODE AUTO takes the highest rate that needs no more [MEM]
STEPS = (1.0, 1.25, 2.5, 3.125, 5.0, 6.25)
MAX_SAMPLE_RATE = 6.25e9
FULL_BANDWIDTH = 1e9  # of an MSO54 without options [MEM]
SOURCES = ("AUXiliary", "LINE", *(f"CH{n + 1}" for n in range(CHANNELS)))
CHANNEL: dict[str, Any] = {
    "scale": 0.1, "offset": 0.0, "position": 0.0, "termination": 1e6, "level": 0.0, "coupling": "DC",
    "bandwidth": FULL_BANDWIDTH, "deskew": 0.0, "bias": 0.0, "invert": False, "label": "",
    "attenuation": 1.0, "units": "V",
}  # fmt: skip
OTHERS: dict[str, Any] = {
    "mode": "AUTO", "rate": 3.125e9, "length": 1000, "h_position": 50.0, "delay_on": True, "delay": 0.0,
    "roll": "AUTO", "fast": False, "frames": 2, "summary": "NON",
    "trigger_source": "CH1", "trigger_type": "EDGE", "trigger_mode": "AUTO", "aux_level": 0.0, "slope": "RIS",
    "trigger_coupling": "DC", "holdoff_by": "TIM", "holdoff": 0.0,
    "acquire": "SAM", "averages": 16, "stop_after": "RUNST", "waveform": True, "style": "OVE",
}  # fmt: skip


class Controls:
    """What is only set, remembered and asked."""

    def __init__(self, panel: TektronixMSO) -> None:
        self._panel = panel

    @staticmethod
    def defaults() -> dict[str, Any]:
        """After ``*RST`` [MEM]."""
        state = dict(OTHERS)
        for n in range(1, CHANNELS + 1):
            state |= {f"{key}{n}": value for key, value in CHANNEL.items()} | {f"on{n}": n == 1}
        return state

    def of_channel(self, n: int) -> list[Command]:
        """What has the channel's number in its header."""
        panel = self._panel
        return documented(
            "TMD",
            panel.numeric("CH#:SCAle", f"scale{n}", Number("V", 1e-3, 10.0, 0.1)),
            panel.numeric("CH#:OFFSet", f"offset{n}", Number("V", -10.0, 10.0)),
            panel.numeric("CH#:POSition", f"position{n}", Number("", -5.0, 5.0)),
            self._termination("CH#:TERmination", f"termination{n}"),
            panel.option("CH#:COUPling", f"coupling{n}", ("AC", "DC", "DCR")),
            self._bandwidth("CH#:BANdwidth", f"bandwidth{n}"),
            panel.numeric("CH#:DESKew", f"deskew{n}", Number("S", -125e-9, 125e-9)),
            panel.switch("CH#:INVert", f"invert{n}"),
            panel.numeric("CH#:VTERm:BIAS", f"bias{n}", Number("V", -30.0, 30.0)),
            self._text("CH#:LABel:NAMe", f"label{n}"),
            self._text("CH#:PROBEFunc:EXTUnits", f"units{n}"),
            panel.numeric("CH#:PROBEFunc:EXTAtten", f"attenuation{n}", Number("", 1e-6, 1e6, 1.0)),
            Command("CH#:PRObe:GAIN", ask=lambda _: panel.format_number(1.0)),  # nothing but a cable is plugged in
            Command("CH#:PRObe:UNIts", ask=lambda _: '"V"'),
            Command("CH#:PRObe:RESistance", ask=lambda _: panel.format_number(panel.state[f"termination{n}"])),
            Command("CH#:PRObe:ID:TYPe", ask=lambda _: '"1X"'),
            Command("CH#:PRObe:ID:SERnumber", ask=lambda _: '"N/A"'),
            Command("CH#:PROBETYPE", ask=lambda _: "ANALOG"),
            Command("CH#:CLIPping", ask=lambda _: "0"),
            panel.switch("SELect:CH#", f"on{n}"),
            panel.switch("DISplay:GLObal:CH#:STATE", f"on{n}"),
            panel.numeric("TRIGger:A:LEVel:CH#", f"level{n}", Number("V", -100.0, 100.0)),
        )

    def commands(self) -> list[Command]:
        """Time base, trigger, display."""
        return [*self._horizontal(), *self._trigger(), *self._display()]

    def _horizontal(self) -> list[Command]:
        panel, state = self._panel, self._ask_number
        return documented(
            "TMD",
            panel.option("HORizontal:MODe", "mode", ("AUTO", "MANual")),
            Command("HORizontal[:MODe]:SAMPLERate", self._set_rate, state("rate")),
            panel.integer("HORizontal[:MODe]:RECOrdlength", "length", 1, RECORD_POINTS),
            Command("HORizontal[:MODe]:SCAle", self._set_scale, lambda _: panel.format_number(self._scale())),
            Command("HORizontal:MAIn:SCAle", self._set_scale, lambda _: panel.format_number(self._scale())),
            Command("HORizontal:MAIn:UNIts[:STRing]", ask=lambda _: '"s"'),
            Command("HORizontal:ACQDURATION", ask=lambda _: panel.format_number(DIVISIONS * self._scale())),
            Command("HORizontal:ACQLENGTH", ask=lambda _: str(panel.state["length"])),
            Command("HORizontal:DIVisions", ask=lambda _: str(DIVISIONS)),
            panel.numeric("HORizontal:POSition", "h_position", Number("", 0.0, 100.0, 50.0)),
            panel.switch("HORizontal:DELay:MODe", "delay_on"),
            panel.numeric("HORizontal:DELay:TIMe", "delay", Number("S", -5e3, 5e3)),
            panel.option("HORizontal:ROLL", "roll", ("AUTO", "OFF", "ON")),
            panel.switch("HORizontal:FASTframe:STATE", "fast"),
            Command("HORizontal:FASTframe:COUNt", self._set_frames, lambda _: str(panel.state["frames"])),
            Command("HORizontal:FASTframe:MAXFRames", ask=lambda _: str(panel.max_frames())),
            panel.option("HORizontal:FASTframe:SUMFrame", "summary", ("NONe", "AVErage")),
            panel.integer("ACQuire:NUMAVg", "averages", 2, 10_240),
            Command("ACQuire:MAXSamplerate", ask=lambda _: panel.format_number(MAX_SAMPLE_RATE)),
        )

    def _trigger(self) -> list[Command]:
        panel, seconds = self._panel, Number("S", 0.0, 10.0)
        return documented(
            "TMD",
            panel.option("TRIGger:A:TYPe", "trigger_type", ("EDGE",)),
            panel.option("TRIGger:A:EDGE:SOUrce", "trigger_source", SOURCES),
            panel.option("TRIGger:A:EDGE:SLOpe", "slope", ("RISe", "FALL", "EITher")),
            panel.option("TRIGger:A:EDGE:COUPling", "trigger_coupling", ("DC", "HFRej", "LFRej", "NOISErej")),
            panel.option("TRIGger:A:HOLDoff:BY", "holdoff_by", ("TIMe", "RANDom")),
            panel.numeric("TRIGger:A:HOLDoff:TIMe", "holdoff", seconds),
            panel.numeric("TRIGger:AUXLevel", "aux_level", Number("V", -5.0, 5.0)),
            Command("TRIGger:A:READY", ask=lambda _: str(int(panel.running))),
            Command("TRIGger:A:LEVel", self._set_level, lambda _: self._levels()),
            panel.option("TRIGger:A:MODe", "trigger_mode", ("AUTO", "NORMal")),
        )

    def _display(self) -> list[Command]:
        panel = self._panel
        return documented(
            "TMD",
            panel.switch("DISplay:WAVEform", "waveform"),
            panel.option("DISplay:WAVEView#:VIEWStyle", "style", ("OVErlay", "STAcked")),
            Command("DISplay:WAVEView#:CH#:STATE", self._show, lambda call: str(int(panel.state[_shown(call)]))),
            Command("SELect", ask=lambda _: ";".join(str(int(panel.state[f"on{n}"])) for n in range(1, CHANNELS + 1))),
        )

    # -- values that depend on others

    def _show(self, call: Call) -> None:
        self._panel.state[_shown(call)] = scpi_text.boolean(call.only())

    def _ask_number(self, key: str) -> Any:
        return lambda _: self._panel.format_number(self._panel.state[key])

    def _scale(self) -> float:
        """Seconds per division."""
        return float(self._panel.state["length"] / self._panel.state["rate"] / DIVISIONS)

    def _set_scale(self, call: Call) -> None:
        """AUTO chooses the rate, MANUAL keeps it; the record is as long as the screen [MEM]."""
        panel = self._panel
        scale = panel.limited(Number("S", 200e-12, 1000.0, 40e-9).read(call.only()), 200e-12, 1000.0)
        if panel.state["mode"] == "AUTO":
            panel.state["rate"] = _legal_rate(min(AUTO_POINTS / (DIVISIONS * scale), MAX_SAMPLE_RATE))
        length = round(DIVISIONS * scale * panel.state["rate"])
        panel.state["length"] = min(max(length, 1), RECORD_POINTS)

    def _set_rate(self, call: Call) -> None:
        """Rounded down to a legal step of 1, 1.25, 2.5, 3.125, 5, 6.25 [MEM]."""
        wanted = self._panel.limited(Number("HZ", 1.0, MAX_SAMPLE_RATE).read(call.only()), 1.0, MAX_SAMPLE_RATE)
        self._panel.state["rate"] = _legal_rate(wanted)

    def _set_frames(self, call: Call) -> None:
        panel = self._panel
        kind = Number("", 1, panel.max_frames(), 2)
        panel.state["frames"] = round(panel.limited(kind.read(call.only()), *kind.bounds()))

    def _levels(self) -> str:
        """The tree as a whole: the level of every channel."""
        panel = self._panel
        return ";".join(panel.format_number(panel.state[f"level{n}"]) for n in range(1, CHANNELS + 1))

    def _set_level(self, call: Call) -> None:
        """Without a channel: that of the source [MEM]; ``TTL`` and ``ECL`` stand for volts."""
        source = self._panel.state["trigger_source"]
        key = f"level{source[2:]}" if source.startswith("CH") else "aux_level"
        kind = Number("V", -100.0, 100.0, words={"TTL": 1.4, "ECL": -1.3})
        self._panel.state[key] = self._panel.limited(kind.read(call.only()), *kind.bounds())

    def _text(self, pattern: str, key: str) -> Command:
        def write(call: Call) -> None:
            self._panel.state[key] = scpi_text.string(call.only())

        return Command(pattern, write, lambda _: f'"{self._panel.state[key]}"')

    def _bandwidth(self, pattern: str, key: str) -> Command:
        """One of three filters, the nearest in ratio."""
        panel = self._panel

        def write(call: Call) -> None:
            kind = Number("HZ", 1.0, 1e12, words={"FUL": FULL_BANDWIDTH, "FULL": FULL_BANDWIDTH})
            wanted = max(kind.read(call.only()), 1.0)
            panel.state[key] = min((20e6, 250e6, FULL_BANDWIDTH), key=lambda hertz: abs(np.log(hertz / wanted)))

        return Command(pattern, write, self._ask_number(key))

    def _termination(self, pattern: str, key: str) -> Command:
        """50 ohm or 1 Mohm, whichever is nearer."""
        panel = self._panel

        def write(call: Call) -> None:
            ohms = scpi_text.number(call.only(), "OHM")
            if ohms not in (50.0, 1e6):
                panel.status.push(-222)
            panel.state[key] = 50.0 if ohms < 1e3 else 1e6

        return Command(pattern, write, self._ask_number(key))


def _shown(call: Call) -> str:
    """Which channel's switch: the first number is the view's, and may be left out."""
    number = call.suffixes[1] or 1
    if number > CHANNELS:
        raise InstrumentFault(-114)
    return f"on{number}"


def _legal_rate(wanted: float) -> float:
    decade = 10.0 ** np.floor(np.log10(wanted))
    steps = [step * scale for scale in (decade / 10, decade, decade * 10) for step in STEPS]
    return float(max(rate for rate in steps if rate <= wanted * (1 + 1e-9)))
