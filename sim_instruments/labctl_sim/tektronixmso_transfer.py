"""How a Tektronix oscilloscope hands over what it took: DATa, WFMOutpre and CURVe? (TMD).

The preamble describes the last waveform; where there is none, it is that of the one that would be taken now.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labctl_sim import scpi_text
from labctl_sim.scpi import Call, Command, Reply, documented
from labctl_sim.status import InstrumentFault
from labctl_sim.tektronixmso_controls import CHANNELS
from labctl_sim.tektronixmso_encodings import BIG_ENDIAN, ENCODINGS, FLOATS, SIGNED
from labctl_sim.tektronixmso_record import LEVELS, Record, Vertical

if TYPE_CHECKING:
    from labctl_sim.tektronixmso import TektronixMSO

NOT_AVAILABLE = 2244  # "Waveform requested is not available" [MEM]
MOST_POINTS = 10**12  # scripts ask for 1e10 to have all


class Transfer:
    """The outgoing waveform."""

    def __init__(self, panel: TektronixMSO) -> None:
        self._panel = panel

    @staticmethod
    def defaults() -> dict[str, Any]:
        """After ``*RST`` [MEM]."""
        return {
            "source": "CH1", "encoding": "RIB", "width": 1, "start": 1, "stop": 1000, "frame_start": 1,
            "frame_stop": 2,
        }  # fmt: skip

    def commands(self) -> list[Command]:
        """TMD, Waveform Transfer."""
        panel, points = self._panel, MOST_POINTS
        words = {scpi_text.short(name): name.upper() for name in ENCODINGS}
        fields = self._fields()
        return documented(
            "TMD",
            panel.option("DATa:SOUrce", "source", tuple(f"CH{n + 1}" for n in range(CHANNELS))),
            Command("DATa:ENCdg", self._set_encoding, lambda _: panel.spelled(panel.state["encoding"], words)),
            Command("DATa", self._start_over),
            Command("DATa:MODe", self._set_mode, lambda _: "VECTOR"),
            Command("DATa:SOUrce:AVAILable", ask=lambda _: self._available()),
            panel.integer("DATa:WIDth", "width", 1, 2),
            panel.integer("DATa:STARt", "start", 1, points),
            panel.integer("DATa:STOP", "stop", 1, points),
            panel.integer("DATa:FRAMESTARt", "frame_start", 1, points),
            panel.integer("DATa:FRAMESTOP", "frame_stop", 1, points),
            replace(panel.integer("WFMOutpre:BYT_Nr", "width", 1, 2), ask=lambda _: fields["BYT_NR"]()),
            Command("WFMOutpre:BIT_Nr", self._set_bits, lambda _: fields["BIT_NR"]()),
            Command("WFMOutpre:ASC_Fmt", ask=lambda _: "INT"),
            Command("WFMOutpre:WFMTYPe", ask=lambda _: "ANALOG"),
            Command("WFMOutpre:DOMain", ask=lambda _: "TIME"),
            Command("WFMOutpre:BYT_Or", self._set_order, lambda _: fields["BYT_OR"]()),
            Command("WFMOutpre:ENCdg", self._set_kind, lambda _: fields["ENCDG"]()),
            Command("WFMOutpre:BN_Fmt", self._set_sign, lambda _: fields["BN_FMT"]()),
            *[
                Command(f"WFMOutpre:{pattern}", ask=self._ask(fields[pattern.upper()]))
                for pattern in (
                    "WFId", "NR_Pt", "PT_Fmt", "PT_ORder", "XUNit", "XINcr", "XZEro", "PT_Off", "YUNit",
                    "YMUlt", "YOFf", "YZEro", "NR_FR",
                )
            ],
            Command("WFMOutpre", ask=lambda _: self._preamble()),
            Command("CURVe", ask=lambda _: self._curve()),
            Command("WAVFrm", ask=lambda _: self._waveform()),
        )  # fmt: skip

    @staticmethod
    def _ask(value: Any) -> Any:
        return lambda _: value()

    # -- what to send

    def _available(self) -> str:
        """The channels that are on."""
        return ",".join(f"CH{n}" for n in range(1, CHANNELS + 1) if self._panel.state[f"on{n}"]) or "NONE"

    def _start_over(self, call: Call) -> None:
        """``DATa INIT`` takes the defaults, ``DATa SNAp`` the whole record [MEM]."""
        word = self._panel.word(call.only(), ("INIT", "SNAp"))
        chosen = self.defaults() if word == "INIT" else {"start": 1, "stop": self._panel.state["length"]}
        self._panel.state |= chosen

    def _set_mode(self, call: Call) -> None:
        """Samples; there is no pixel map."""
        self._panel.word(call.only(), ("VECtor",))

    def _set_bits(self, call: Call) -> None:
        bits = scpi_text.number(call.only())
        if bits not in (8, 16):
            raise InstrumentFault(-222)
        self._panel.state["width"] = round(bits) // 8

    # -- encodings

    def _set_encoding(self, call: Call) -> None:
        word = self._panel.word(call.only(), (*ENCODINGS, "BINary"))
        self._panel.state["encoding"] = "RIB" if word == "BIN" else word

    def _set_order(self, call: Call) -> None:
        self._choose(big=self._panel.word(call.only(), ("LSB", "MSB")) == "MSB")

    def _set_sign(self, call: Call) -> None:
        self._choose(signed=self._panel.word(call.only(), ("RI", "RP")) == "RI")

    def _set_kind(self, call: Call) -> None:
        if self._panel.word(call.only(), ("ASCii", "BINary")) == "ASC":
            self._panel.state["encoding"] = "ASCI"
        else:
            self._choose()

    def _choose(self, *, big: bool | None = None, signed: bool | None = None) -> None:
        now = self._panel.state["encoding"]
        big = BIG_ENDIAN[now] if big is None else big
        signed = SIGNED[now] if signed is None else signed
        self._panel.state["encoding"] = {(1, 1): "RIB", (1, 0): "RPB", (0, 1): "SRI", (0, 0): "SRP"}[big, signed]

    # -- the preamble

    def _channel(self) -> int:
        return int(self._panel.state["source"][2:])

    def _vertical(self) -> Vertical:
        return self._panel.vertical(self._channel())

    def _fields(self) -> dict[str, Any]:
        """The preamble in its order; what a scope sends of itself is words, so the values are made when asked."""
        panel, number = self._panel, self._panel.format_number
        return {
            "BYT_NR": lambda: str(self._bytes()),
            "BIT_NR": lambda: str(8 * self._bytes()),
            "ENCDG": lambda: "ASCII" if panel.state["encoding"] == "ASCI" else "BINARY",
            "BN_FMT": self._format,
            "BYT_OR": lambda: "MSB" if BIG_ENDIAN[panel.state["encoding"]] else "LSB",
            "WFID": self._name,
            "NR_PT": lambda: str(self._points()),
            "PT_FMT": lambda: "Y",
            "PT_ORDER": lambda: "LINEAR",
            "XUNIT": lambda: '"s"',
            "XINCR": lambda: number(1 / panel.state["rate"]),
            "XZERO": lambda: number(panel.start_seconds()),
            "PT_OFF": lambda: "0",
            "YUNIT": lambda: '"V"',
            "YMULT": lambda: number(self._vertical().ymult / self._finer()),
            "YOFF": lambda: number(self._vertical().yoff * self._finer() + self._zero()),
            "YZERO": lambda: number(self._vertical().offset),
            "NR_FR": lambda: str(self._frames()),
        }

    def _floats(self) -> bool:
        return self._panel.state["encoding"] in FLOATS

    def _bytes(self) -> int:
        return 4 if self._floats() else int(self._panel.state["width"])

    def _format(self) -> str:
        return "FP" if self._floats() else "RI" if SIGNED[self._panel.state["encoding"]] else "RP"

    def _finer(self) -> int:
        return 256 if self._panel.state["width"] == 2 else 1

    def _zero(self) -> int:
        """Positive integers have their zero in the middle."""
        return 0 if SIGNED[self._panel.state["encoding"]] else LEVELS // 2 * self._finer()

    def _points(self) -> int:
        """Samples per frame that CURVe? sends."""
        state = self._panel.state
        return len(range(state["length"])[state["start"] - 1 : state["stop"]])

    def _frames(self) -> int:
        record = self._panel.record
        return self._total(record) if record else 0

    @staticmethod
    def _total(record: Record) -> int:
        return record.capture.filled + (record.settings.fast and record.settings.summary == "AVE")

    def _name(self) -> str:
        channel, scale = self._panel.state["source"], self._vertical().scale
        return f'"{channel}, DC coupling, {scale:.4g}V/div, {self._points()} points, Sample mode"'

    def _preamble(self) -> str:
        head = ":WFMOUTPRE:" if self._panel.header else ""
        fields = self._fields()
        return head + ";".join((f"{name} " if self._panel.header else "") + value() for name, value in fields.items())

    # -- the data

    def taken(self, channel: int) -> tuple[Record, NDArray[Any]]:
        """The last waveform, and its frames by samples of ``channel``, int8; NOT_AVAILABLE if there is none."""
        state, record = self._panel.state, self._panel.record
        if record is None or not record.capture.filled or not state[f"on{channel}"]:
            raise InstrumentFault(NOT_AVAILABLE, "Waveform requested is not available")
        filled, samples = record.capture.filled, record.capture.sample_seconds.size
        if channel == 1:
            counts: NDArray[Any] = record.capture.counts[:filled]
        else:  # an open input: its noise, the same whenever it is asked
            if channel not in record.others or len(record.others[channel]) < filled:
                record.others[channel] = self._panel.open_input(record.settings.verticals[channel - 1], filled, samples)
            counts = record.others[channel][:filled]
        return record, counts

    def _counts(self) -> NDArray[np.int8]:
        """Frames by samples, int8, as DATa says which."""
        state = self._panel.state
        record, counts = self.taken(self._channel())
        if record.settings.fast and record.settings.summary == "AVE":
            counts = np.concatenate([counts, np.rint(counts.mean(axis=0, keepdims=True)).astype(np.int8)])
        first = state["frame_start"] - 1 if record.settings.fast else 0
        last = state["frame_stop"] if record.settings.fast else 1
        chosen: NDArray[np.int8] = counts[first:last, state["start"] - 1 : state["stop"]]
        if not chosen.size:
            raise InstrumentFault(NOT_AVAILABLE, "Waveform requested is not available")
        return chosen

    def _curve(self) -> Reply:
        """``#<n><length><frames x samples>``, or numbers with commas between them."""
        counts, encoding = self._counts(), self._panel.state["encoding"]
        kind = f"{'i' if SIGNED[encoding] else 'u'}{self._panel.state['width']}"
        if kind == "i1" and encoding != "ASCI" and encoding not in FLOATS:
            return scpi_text.block(counts.tobytes())
        values = counts.astype(np.int32) * self._finer() + self._zero()
        if encoding == "ASCI":  # frames stand between semicolons (tm_devices)
            return ";".join(",".join(map(str, frame)) for frame in values.tolist())
        if encoding in FLOATS:
            seen = self._vertical()
            return scpi_text.block(seen.volts(counts).astype(FLOATS[encoding]).tobytes())
        return scpi_text.block(values.astype((">" if BIG_ENDIAN[encoding] else "<") + kind).tobytes())

    def _waveform(self) -> Reply:
        curve = self._curve()
        head = self._preamble() + ";" + (":CURVE " if self._panel.header else "")
        return head.encode() + (curve if isinstance(curve, bytes) else curve.encode())
