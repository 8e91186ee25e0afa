"""The rest of a Tektronix MSO: autoset, its name and clock, what it would set itself up with (TMD).

There is no disk: the current directory is remembered, and nothing can be saved.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import numpy as np

from labctl_sim import scpi_text
from labctl_sim.scpi import Call, Command, documented
from labctl_sim.tektronixmso_controls import CHANNELS

if TYPE_CHECKING:
    from labctl_sim.tektronixmso import TektronixMSO

START = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
SCALES = [step * 10.0**decade for decade in range(-3, 2) for step in (1, 2, 5)]
LEARNT = (  # what SET? and *LRN? say, as far as there is a one-word reply
    "HEADER", "VERBOSE", "ACQUIRE:MODE", "ACQUIRE:STOPAFTER", "ACQUIRE:NUMAVG", "HORIZONTAL:MODE",
    "HORIZONTAL:SAMPLERATE", "HORIZONTAL:RECORDLENGTH", "HORIZONTAL:POSITION", "HORIZONTAL:DELAY:MODE",
    "HORIZONTAL:DELAY:TIME", "HORIZONTAL:FASTFRAME:COUNT", "HORIZONTAL:FASTFRAME:STATE", "TRIGGER:A:EDGE:SOURCE",
    "TRIGGER:A:EDGE:SLOPE", "TRIGGER:A:EDGE:COUPLING", "TRIGGER:A:MODE", "DATA:SOURCE", "DATA:ENCDG", "DATA:WIDTH",
    "DATA:START", "DATA:STOP",
    *(f"CH{n}:{key}" for n in range(1, CHANNELS + 1) for key in (
        "SCALE", "OFFSET", "POSITION", "TERMINATION", "COUPLING", "BANDWIDTH",
    )),
    *(f"TRIGGER:A:LEVEL:CH{n}" for n in range(1, CHANNELS + 1)),
    *(f"DISPLAY:GLOBAL:CH{n}:STATE" for n in range(1, CHANNELS + 1)),
)  # fmt: skip


class Front:
    """What belongs to no other part of the instrument."""

    def __init__(self, panel: TektronixMSO) -> None:
        self._panel = panel
        self._folder = "C:"
        self._silent = False  # while it asks itself

    def commands(self) -> list[Command]:
        """TMD, Miscellaneous."""
        panel = self._panel

        def nothing(_: Call) -> None:
            """Locks and screens are not there."""

        return documented(
            "TMD",
            Command("AUTOSet", self._autoset),
            Command("FACtory", lambda _: panel.reset()),
            Command("CLEAR", nothing),
            Command("DATE", nothing, lambda _: f'"{self._now():%Y-%m-%d}"'),
            Command("TIMe", nothing, lambda _: f'"{self._now():%H:%M:%S}"'),
            Command("TOTaluptime", ask=lambda _: str(int(panel.world.now() // 3600))),
            Command("ID", ask=lambda _: "TEK/MSO54,CF:91.1CT,FV:1.44"),
            Command("LOCk", nothing, lambda _: "NONE"),
            Command("UNLock", nothing),
            Command("REM", nothing),
            Command("DESE", nothing, lambda _: "255"),
            Command("ETHERnet:NAME", nothing, lambda _: '"MSO54-SIM0004"'),
            Command("LICense:COUNt", ask=lambda _: "0"),
            Command("LICense:APPID", ask=lambda _: '""'),
            Command("LICense:LIST", ask=lambda _: '""'),
            Command("FILESystem:CWD", self._enter, lambda _: f'"{self._folder}"'),
            Command("SOCKETServer:PROTOCol", nothing, lambda _: "NONE"),
            Command("SOCKETServer:ENAble", nothing, lambda _: "1"),
            Command("CONFIGuration:ANALOg:BANDWidth", ask=lambda _: panel.format_number(1e9)),
            Command("CONFIGuration:ANALOg:NUMCHANnels", ask=lambda _: str(CHANNELS)),
            Command("SET", ask=lambda _: self._learnt()),
            Command("*LRN", ask=lambda _: self._learnt()),
        )

    def prefix(self, before: str) -> str:
        """No header while the instrument asks itself, nor before what is a message of its own."""
        return "" if self._silent or before in (":SET ", "*LRN ") else before

    def _now(self) -> datetime.datetime:
        return START + datetime.timedelta(seconds=self._panel.world.now())

    def _enter(self, call: Call) -> None:
        folder = scpi_text.string(call.only())
        if folder[:2].upper() in ("C:", "./"):  # no drive is plugged in
            self._folder = folder

    def _learnt(self) -> str:
        """A message that sets all this again."""
        panel = self._panel
        self._silent = True
        try:
            values = [panel.inquire(f":{header}") for header in LEARNT]
        finally:
            self._silent = False
        return ";".join(f":{header} {value}" for header, value in zip(LEARNT, values, strict=True))

    def _autoset(self, call: Call) -> None:
        """``AUTOSet EXECute``: vertical scale, position and trigger level from what is at CH1 now."""
        scpi_text.choice(call.only(), ("EXECute", "UNDo", "VFields", "VIDeo", "VLines"))
        panel = self._panel
        volts = abs(panel.quiet_volts())
        least = max(2 * volts, 5e-3) / 8
        panel.state |= {
            "scale1": next((scale for scale in SCALES if scale >= least), SCALES[-1]), "position1": 0.0, "offset1": 0.0,
            "on1": True, "trigger_source": "CH1", "trigger_mode": "AUTO", "level1": float(np.sign(volts) * volts / 2),
            "mode": "AUTO", "rate": 3.125e9, "length": 1250, "h_position": 50.0, "stop_after": "RUNST",
        }  # fmt: skip
        panel.run()
