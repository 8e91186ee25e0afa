"""The two buffers of a Keithley 2400, the statistics of one of them, and how readings are written.

The readings of one INITiate, for FETCh? and READ?; and the TRACe buffer, which is fed when it was told to be, and
which no reset empties.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from labctl_sim import scpi_text
from labctl_sim.keithley2400_meter import OVERFLOW, Values
from labctl_sim.keithley2400_tables import MAX_READINGS, SHORT_ELEMENTS
from labctl_sim.scpi import Call, Command, Number, Reply, documented
from labctl_sim.status import InstrumentFault

if TYPE_CHECKING:
    from labctl_sim.keithley2400 import Keithley2400

ELEMENTS = ("VOLTage", "CURRent", "RESistance", "TIME", "STATus")
CALCULATED = ("CALCulate", "TIME", "STATus")
RADIXES = ("ASCii", "HEXadecimal", "OCTal", "BINary")
FEEDS = ("SENSe", "CALCulate", "CALC", "CALCulate1", "CALC1", "CALCulate2", "CALC2", "SENSe1", "SENS1")
BYTES_PER_READING = 24  # of TRACe:FREE? [MEM]
TIME = SHORT_ELEMENTS.index("TIME")
LARGEST_SINGLE = 3.4e38


class Buffers:
    """``readings`` of the present INITiate, and ``trace``."""

    def __init__(self, panel: Keithley2400) -> None:
        self._panel = panel
        self.readings: list[Values] = []
        self.trace: list[Values] = []
        self.calculated: list[float] = []  # what CALCulate1 or 2 made of each of these, if they feed the buffer

    def commands(self) -> list[Command]:
        """K24 chapter 18: TRACe, FORMat, FETCh?, CALCulate3."""
        panel = self._panel
        return [
            *documented(
                "K24-402",
                *[command for root in ("TRACe", "DATA") for command in self._trace_commands(root)],
            ),
            *documented(
                "K24-353",
                Command("FORMat:ELEMents[:SENSe#]", self._set_elements, lambda _: ",".join(panel.state["elements"])),
                Command("FORMat[:DATA]", self._set_format, self._ask_format),
                Command(
                    "FORMat:ELEMents:CALCulate",
                    self._set_calc_elements,
                    lambda _: ",".join(panel.state["calc_elements"]),
                    verify=True,
                ),
                panel.option("FORMat:SREGister", "registers", RADIXES, verify=True),
                panel.option("FORMat:SOURce2", "port_format", RADIXES, verify=True),
                panel.option("FORMat:BORDer", "order", ("NORMal", "SWAPped")),
            ),
            *documented(
                "K24-304",
                Command("FETCh", ask=lambda _: self.write(self.readings)),
                Command("[SENSe#]:DATA[:LATest]", ask=lambda _: self.write(self.readings[-1:])),
            ),
            *documented(
                "PM",
                panel.option("CALCulate3:FORMat", "statistic", ("MEAN", "SDEViation", "MAXimum", "MINimum", "PKPK")),
                Command("CALCulate3:DATA[:LATest]", ask=lambda _: self._statistic()),
            ),
        ]

    def _trace_commands(self, root: str) -> list[Command]:
        panel = self._panel
        points = Number("", 1, MAX_READINGS, 100)

        def ask_points(call: Call) -> str:
            return str(round(points.asked(call, panel.state["trace_points"])))

        return [
            Command(f"{root}:DATA", ask=lambda _: self._write_trace()),
            Command(f"{root}:CLEar", lambda _: self.clear()),
            Command(f"{root}:FREE", ask=lambda _: self._free()),
            Command(f"{root}:POINts", self._set_points(points), ask_points),
            Command(f"{root}:POINts:ACTual", ask=lambda _: str(len(self.trace))),
            Command(f"{root}:FEED", self._set_feed, lambda _: str(panel.state["feed"])),
            Command(f"{root}:FEED:CONTrol", self._set_control, lambda _: str(panel.state["control"])),
            panel.option(f"{root}:TSTamp:FORMat", "stamps", ("ABSolute", "DELTa")),
        ]

    # -- storing

    def begin(self) -> None:
        """A new INITiate."""
        self.readings = []
        self._panel.limits.begin()

    def store(self, reading: Values) -> None:
        """One more reading, for whoever wants it."""
        panel = self._panel
        reading = (*reading[:4], float(int(reading[4]) | panel.limits.flags()))
        self.readings.append(reading)
        if len(self.readings) > MAX_READINGS:  # only with ARM:COUNt INF
            del self.readings[0]
        panel.events.reading(int(reading[4]))
        panel.limits.test(reading)
        if panel.state["control"] == "NEXT":
            self.trace.append(reading)
            self.calculated.append(self._calculated(reading))
            full = len(self.trace) >= panel.state["trace_points"]
            if full:
                panel.state["control"] = "NEV"
            panel.events.buffer(len(self.trace), full)

    def clear(self) -> None:
        """TRACe:CLEar."""
        self.trace, self.calculated = [], []
        self._panel.events.buffer(0, False)

    def _calculated(self, reading: Values) -> float:
        feed, panel = self._panel.state["feed"], self._panel
        if feed == "CALC2":
            return panel.limits.value(reading)
        if feed == "CALC" and panel.state["math"]:
            return panel.maths.results(self.readings)[-1]
        return OVERFLOW

    def _refuse_while_storing(self) -> None:
        if self._panel.state["control"] == "NEXT":
            raise InstrumentFault(800)

    def _set_points(self, kind: Number) -> Callable[[Call], None]:
        def write(call: Call) -> None:
            points = round(self._panel.limited(kind.read(call.only()), *kind.bounds()))
            self._refuse_while_storing()
            self._panel.state["trace_points"] = points

        return write

    def _set_feed(self, call: Call) -> None:
        """Readings, or what CALCulate1 or CALCulate2 makes of them."""
        feed = scpi_text.choice(call.only(), FEEDS)
        if feed.rstrip("1") != self._panel.state["feed"]:
            self._refuse_while_storing()
        self._panel.state["feed"] = feed.rstrip("1")

    def _set_control(self, call: Call) -> None:
        """NEXT starts filling an empty buffer; a full one has to be cleared or is overwritten from its start."""
        control = scpi_text.choice(call.only(), ("NEXT", "NEVer"))
        if control == "NEXT" and self._panel.state["control"] != "NEXT":
            self.clear()
        self._panel.state["control"] = control

    def _free(self) -> str:
        """Bytes available, bytes in use (K24-402)."""
        used = BYTES_PER_READING * len(self.trace)
        return f"{BYTES_PER_READING * MAX_READINGS - used},{used}"

    def _write_trace(self) -> Reply:
        """Readings, or calculated values with the elements of FORMat:ELEMents:CALCulate."""
        state, stamped = self._panel.state, self._stamped()
        if state["feed"] == "SENS" or not stamped:
            return self.write(stamped)
        parts = {"CALC": self.calculated, "TIME": [r[TIME] for r in stamped], "STAT": [r[4] for r in stamped]}
        rows = zip(*[parts[name] for name in state["calc_elements"]], strict=True)
        return self._spell([value for row in rows for value in row])

    def _stamped(self) -> list[Values]:
        """The TRACe buffer with its timestamps as asked: from its first reading, or from the one before."""
        if not self.trace:
            return []
        stamps = np.array([reading[TIME] for reading in self.trace])
        shown = stamps - stamps[0] if self._panel.state["stamps"] == "ABS" else np.diff(stamps, prepend=stamps[0])
        return [(*reading[:3], float(stamp), reading[4]) for reading, stamp in zip(self.trace, shown, strict=True)]

    def _statistic(self) -> str:
        """Of volts, amps and ohms, those that are among the elements, over the TRACe buffer; -230 if it is empty."""
        panel = self._panel
        if not self.trace:
            raise InstrumentFault(-230)
        values = np.array(self.trace)[:, :3]
        if panel.state["feed"] != "SENS":
            values = np.array(self.calculated)[:, None]
        results = []
        for name, column in zip(SHORT_ELEMENTS, values.T, strict=False):
            if panel.state["feed"] == "SENS" and name not in panel.state["elements"]:
                continue
            if (np.abs(column) >= OVERFLOW).any():
                results.append(OVERFLOW)
                continue
            spread = float(column.std(ddof=1)) if column.size > 1 else 0.0
            results.append(
                {
                    "MEAN": float(column.mean()), "SDEV": spread, "MAX": float(column.max()),
                    "MIN": float(column.min()), "PKPK": float(np.ptp(column)),
                }[panel.state["statistic"]]
            )  # fmt: skip
        return ",".join(panel.format_number(value) for value in results)

    # -- writing

    def write(self, readings: list[Values]) -> Reply:
        """Readings in the format, with the elements and in the byte order that are set; -230 if there are none."""
        panel = self._panel
        if not readings:
            raise InstrumentFault(-230)
        chosen = [SHORT_ELEMENTS.index(name) for name in panel.state["elements"]]
        values = [reading[index] for reading in readings for index in chosen]
        return self._spell(values)

    def _spell(self, values: list[float]) -> Reply:
        panel = self._panel
        if panel.state["format"] == "ASC":
            return ",".join(panel.format_number(value) for value in values)
        order = ">" if panel.state["order"] == "NORM" else "<"
        return scpi_text.endless_block(
            struct.pack(f"{order}{len(values)}f", *np.clip(values, -LARGEST_SINGLE, LARGEST_SINGLE))
        )

    def _set_elements(self, call: Call) -> None:
        if not call.parameters:
            raise InstrumentFault(-109)
        wanted = {scpi_text.choice(parameter, ELEMENTS) for parameter in call.parameters}
        self._panel.state["elements"] = [name for name in SHORT_ELEMENTS if name in wanted]

    def _set_calc_elements(self, call: Call) -> None:
        if not call.parameters:
            raise InstrumentFault(-109)
        wanted = {scpi_text.choice(parameter, CALCULATED) for parameter in call.parameters}
        self._panel.state["calc_elements"] = [name for name in ("CALC", "TIME", "STAT") if name in wanted]

    def _set_format(self, call: Call) -> None:
        """``ASCii``, ``REAL,32`` or ``SREal``; binary goes over GPIB only (K24-359)."""
        if not call.parameters or len(call.parameters) > 2:
            raise InstrumentFault(-108 if call.parameters else -109)
        name = scpi_text.choice(call.parameters[0], ("ASCii", "REAL", "SREal"))
        if len(call.parameters) == 2 and (name != "REAL" or scpi_text.number(call.parameters[1]) != 32):
            raise InstrumentFault(-108 if name != "REAL" else -224)
        if name != "ASC" and self._panel.serial:
            raise InstrumentFault(701)
        self._panel.state["format"] = "ASC" if name == "ASC" else "REAL"

    def _ask_format(self, _: Call) -> str:
        return "ASC" if self._panel.state["format"] == "ASC" else "REAL,32"
