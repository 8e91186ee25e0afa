"""CALCulate2 of a Keithley 2400: a null value, limit tests, and the digital port that tells a handler of them.

Facts: K24 chapter 18, CALCulate2 and SOURce2; [MEM] = from memory, verify. No handler is connected.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from labctl_sim.keithley2400_meter import OVERFLOW, RANGE_COMPLIANCE, REAL_COMPLIANCE, Values
from labctl_sim.keithley2400_tables import NUMBERS
from labctl_sim.scpi import Call, Command, Number, Reply, documented
from labctl_sim.status import InstrumentFault

if TYPE_CHECKING:
    from labctl_sim.keithley2400 import Keithley2400

FEEDS = ("VOLTage", "CURRent", "RESistance", "CALCulate", "CALCulate1")
LARGEST = 9.999999e20
# Bits of the measurement event register, by limit: too low, too high (K24-288).
EVENTS = {2: (2, 4), 3: (8, 16)}
FAILED_COMPLIANCE, PASSED = 1, 32
NULLED, TESTED, CALCULATED = 1 << 6, 1 << 7, 1 << 5  # in the status word (K24-356)
SIZES = {"3": 7, "4": 15, "16": 65535}  # the port's width and all its lines


class Limits:
    """What is tested, and what failed in the last run."""

    def __init__(self, panel: Keithley2400) -> None:
        self._panel = panel
        self._failed: set[int] = set()

    def commands(self) -> list[Command]:
        """CALCulate2 and SOURce2."""
        panel, root, test = self._panel, "CALCulate2", "CALCulate2:LIMit#"
        offset = Number("", -LARGEST, LARGEST, 0.0)
        return documented(
            "K24 ch. 18",
            panel.option(f"{root}:FEED", "limit_feed", FEEDS, self._feed_set),
            panel.numeric(f"{root}:NULL:OFFSet", "null_offset", offset),
            panel.switch(f"{root}:NULL:STATe", "null"),
            Command(f"{root}:NULL:ACQuire", lambda _: self._acquire()),
            Command(f"{root}:DATA", ask=lambda _: self._write(panel.buffers.readings)),
            Command(f"{root}:DATA:LATest", ask=lambda _: self._write(panel.buffers.readings[-1:])),
            self._of(f"{test}:COMPliance:FAIL", "compliance_fail", self._side, (1,)),
            self._of(f"{test}:COMPliance:SOURce2", "limit{}_fail_pattern", self._pattern, (1,)),
            self._of(f"{test}:SOURce2", "limit{}_fail_pattern", self._pattern, (4,)),
            self._of(f"{test}:STATe", "limit{}_on", panel.switch, (1, 4, *NUMBERS)),
            self._of(f"{test}:LOWer[:DATA]", "limit{}_low", self._bound, NUMBERS),
            self._of(f"{test}:UPPer[:DATA]", "limit{}_high", self._bound, NUMBERS),
            self._of(f"{test}:LOWer:SOURce2", "limit{}_low_pattern", self._pattern, NUMBERS),
            self._of(f"{test}:UPPer:SOURce2", "limit{}_high_pattern", self._pattern, NUMBERS),
            self._of(f"{test}:PASS:SOURce2", "limit{}_pass_pattern", self._pattern, NUMBERS),
            Command(f"{test}:FAIL", ask=self._ask_failed),
            self._pattern(f"{root}:CLIMits:PASS:SOURce2", "pass_pattern"),
            self._pattern(f"{root}:CLIMits:FAIL:SOURce2", "fail_pattern"),
            self._location(f"{root}:CLIMits:PASS:SMLocation", "pass_location"),
            self._location(f"{root}:CLIMits:FAIL:SMLocation", "fail_location"),
            panel.option(f"{root}:CLIMits:BCONtrol", "bin_control", ("IMMediate", "END")),
            panel.option(f"{root}:CLIMits:MODE", "bin_mode", ("GRADing", "SORTing")),
            Command(f"{root}:CLIMits:CLEar[:IMMediate]", lambda _: self._clear()),
            panel.switch(f"{root}:CLIMits:CLEar:AUTO", "bin_clear_auto"),
            self._pattern("SOURce2:TTL[:LEVel][:DEFault]", "port"),
            Command("SOURce2:TTL[:LEVel]:ACTual", ask=lambda _: self._spell(panel.state["port"])),
            panel.option("SOURce2:BSIZe", "port_size", tuple(SIZES), self._resized),
            Command("SOURce2:CLEar[:IMMediate]", lambda _: None),  # back to the default pattern, where it is already
            panel.switch("SOURce2:CLEar:AUTO", "port_clear_auto"),
            panel.numeric("SOURce2:CLEar:AUTO:DELay", "port_clear_delay", Number("S", 0.0, 60.0, 1e-4)),
            panel.option("SOURce2:TTL4:MODE", "port_mode", ("EOTest", "BUSY")),
            panel.option("SOURce2:TTL4:BSTate", "port_busy", ("HI", "LO")),
            verify=True,
        )

    # -- results

    def value(self, reading: Values) -> float:
        """What CALCulate2 makes of a reading: its feed, less the null value."""
        state, feed = self._panel.state, self._panel.state["limit_feed"]
        if feed == "CALC":
            results = self._panel.maths.results([reading]) if state["math"] else [OVERFLOW]
            value = results[-1]
        else:
            value = reading[("VOLT", "CURR", "RES").index(feed)]
        return value - state["null_offset"] if state["null"] and abs(value) < OVERFLOW else value

    def begin(self) -> None:
        """A new run: composite results are cleared unless that was switched off."""
        if self._panel.state["bin_clear_auto"]:
            self._clear()

    def flags(self) -> int:
        """Bits of the status word."""
        state = self._panel.state
        tested = any(state[f"limit{n}_on"] for n in (1, *NUMBERS))
        return CALCULATED * bool(state["math"]) | NULLED * bool(state["null"]) | TESTED * tested

    def test(self, reading: Values) -> None:
        """Compare a reading with all limits that are on, and let the event register know."""
        state, events = self._panel.state, 0
        value = self.value(reading)
        if state["limit1_on"]:
            inside = bool(int(reading[4]) & (REAL_COMPLIANCE | RANGE_COMPLIANCE))
            if inside == (state["compliance_fail"] == "IN"):
                self._failed.add(1)
                events |= FAILED_COMPLIANCE
        for number in NUMBERS:
            if state[f"limit{number}_on"]:
                low, high = value < state[f"limit{number}_low"], value > state[f"limit{number}_high"]
                if low or high:
                    self._failed.add(number)
                    events |= EVENTS.get(number, (0, 0))[int(high)]
        tested = any(state[f"limit{n}_on"] for n in (1, *NUMBERS))
        self._panel.events.limits(events or PASSED * (tested and not self._failed))

    def _ask_failed(self, call: Call) -> str:
        return str(int((call.suffixes[0] or 1) in self._failed))

    def _clear(self) -> None:
        self._failed.clear()

    def _acquire(self) -> None:
        """The last reading becomes the null value, and null is on."""
        readings = self._panel.buffers.readings
        if not readings:
            raise InstrumentFault(-230)
        self._panel.state["null"] = False
        self._panel.state.update(null_offset=self.value(readings[-1]), null=True)

    def _write(self, readings: list[Values]) -> Reply:
        if not readings:
            raise InstrumentFault(-230)
        return ",".join(self._panel.format_number(self.value(reading)) for reading in readings)

    # -- settings

    def _feed_set(self) -> None:
        if str(self._panel.state["limit_feed"]).startswith("CALC"):
            self._panel.state["limit_feed"] = "CALC"

    def _side(self, pattern: str, key: str) -> Command:
        """A reading in compliance fails, or one that is not."""
        return self._panel.option(pattern, key, ("IN", "OUT"))

    def _bound(self, pattern: str, key: str) -> Command:
        return self._panel.numeric(pattern, key, Number("", -LARGEST, LARGEST, 0.0))

    def _pattern(self, pattern: str, key: str) -> Command:
        """Lines of the port: as many as it is wide."""
        panel = self._panel

        def write(call: Call) -> None:
            value = Number("", 0, 65535).read(call.only())
            panel.state[key] = round(panel.limited(value, 0, SIZES[panel.state["port_size"]]))

        return Command(pattern, write, lambda _: self._spell(panel.state[key]))

    def _spell(self, value: int) -> str:
        """In the radix of FORMat:SOURce2."""
        return spell(value, self._panel.state["port_format"])

    def _location(self, pattern: str, key: str) -> Command:
        panel = self._panel

        def write(call: Call) -> None:
            word = str(call.only()).upper()
            panel.state[key] = (
                "NEXT" if word == "NEXT" else str(round(panel.limited(Number("", 1, 100).read(word), 1, 100)))
            )

        return Command(pattern, write, lambda _: str(panel.state[key]))

    def _resized(self) -> None:
        self._panel.state["port"] = SIZES[self._panel.state["port_size"]]

    def _of(self, pattern: str, key: str, make: Callable[[str, str], Command], numbers: tuple[int, ...]) -> Command:
        """One command for the limits of these numbers; -113 for any other (-114 in newer standards)."""
        each = {number: make(pattern, key.format(number)) for number in numbers}

        def find(call: Call) -> Command:
            number = call.suffixes[0] or 1
            if number not in each:
                raise InstrumentFault(-113)
            return each[number]

        def write(call: Call) -> None:
            command = find(call)
            if command.set is not None:
                command.set(call)

        def ask(call: Call) -> Any:
            command = find(call)
            return command.ask(call) if command.ask is not None else None

        return Command(pattern, write, ask)


def spell(value: int, radix: str) -> str:
    """A whole number as ``FORMat:SREGister`` and ``FORMat:SOURce2`` want it."""
    return {"HEX": f"#H{value:X}", "OCT": f"#Q{value:o}", "BIN": f"#B{value:b}"}.get(radix, str(value))
