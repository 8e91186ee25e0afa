"""Scans of a 7001 or 7002: the trigger model that closes one channel of the scan list after the other.

    idle -> arm layer (ARM, count) -> scan layer (ARM:LAYer2, count) -> channel layer (TRIGger, count)

Each channel that is closed opens the one before it. Names and sources: the 7001 manual's trigger model, which the
Keithleys of its time share; what is read back after resets is [MEM]. Nothing is connected to the trigger link, the
external input and the front panel: a layer that waits for them waits until ABORt, *RST or device clear.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from labctl.core.device import Crosspoint
from labctl_sim.scpi import Call, Command, Number, documented
from labctl_sim.status import InstrumentFault

if TYPE_CHECKING:
    from labctl_sim.keithley7001 import Keithley7001

SOURCES = ("HOLD", "MANual", "IMMediate", "TIMer", "BUS", "TLINk", "EXTernal")
LAYERS = (("ARM[:SEQuence#][:LAYer]", "arm"), ("ARM[:SEQuence#]:LAYer2", "scan"), ("TRIGger[:SEQuence#]", "channel"))
MOST = 9999
SCAN_DEFAULTS = {
    "continuous": False, "count_auto": True,
    **{f"{layer}_{key}": value for _, layer in LAYERS
       for key, value in (("count", 1), ("source", "IMM"), ("timer", 0.1), ("delay", 0.0))},
}  # fmt: skip
STEP_SECONDS = 1e-3  # between two channels, besides their relays [MEM]; so that a scan for ever runs with the clock
MOST_STEPS = 1_000_000  # of one run


class Scan:
    """``running`` from INITiate to idle; ``place`` is the channel that the scan has closed."""

    def __init__(self, panel: Keithley7001) -> None:
        self._panel = panel
        self._steps: Iterator[float | str] | None = None
        self._run = 0
        self._left = 0
        self._waits_for_bus = False
        self.place: Crosspoint | None = None

    @property
    def running(self) -> bool:
        """True while it is not idle."""
        return self._steps is not None

    def commands(self) -> list[Command]:
        """INITiate, ABORt, ARM, TRIGger."""
        panel = self._panel
        table = [
            Command("INITiate[:IMMediate]", lambda _: self.start()),
            panel.switch("INITiate:CONTinuous", "continuous", self._continuous_set),
            Command("ABORt", lambda _: self.abort()),
            panel.switch("TRIGger[:SEQuence#]:COUNt:AUTO", "count_auto"),
        ]
        for node, layer in LAYERS:
            table += [
                self._count(f"{node}:COUNt", f"{layer}_count"),
                panel.option(f"{node}:SOURce", f"{layer}_source", SOURCES),
                panel.numeric(f"{node}:TIMer", f"{layer}_timer", Number("S", 1e-3, 99_999.999, 0.1)),
                panel.numeric(f"{node}:DELay", f"{layer}_delay", Number("S", 0.0, 99_999.999, 0.0)),
                Command(f"{node}:SIGNal", lambda _: self._signal()),
            ]
        return documented("K7001 trigger model", *table, verify=True)

    def _count(self, pattern: str, key: str) -> Command:
        kind = Number("", 1, MOST, 1, {"INF": math.inf, "INFINITE": math.inf})

        def write(call: Call) -> None:
            value = kind.read(call.only())
            self._panel.state[key] = value if value == math.inf else round(self._panel.limited(value, 1, MOST))
            if key == "channel_count":
                self._panel.state["count_auto"] = False

        def ask(_: Call) -> str:
            value = self._panel.state[key]
            if key == "channel_count" and self._panel.state["count_auto"]:
                value = max(len(self._panel.scan), 1)
            return "+9.9E37" if value == math.inf else str(value)

        return Command(pattern, write, ask)

    # -- from outside

    def start(self) -> None:
        """INITiate; -213 while a scan runs, -221 without a scan list [MEM]."""
        if self.running:
            raise InstrumentFault(-213)
        if not self._panel.scan:
            raise InstrumentFault(-221)
        self._run += 1
        self._left = MOST_STEPS
        self._steps = self._layers()
        self._go(self._run)

    def abort(self) -> None:
        """Back to idle; what is closed stays closed [MEM]. INITiate:CONTinuous starts again."""
        self._run += 1
        self._steps = None
        self._waits_for_bus = False

    def forget(self) -> None:
        """Reset: idle, nothing closed by a scan."""
        self.abort()
        self.place = None

    def bus_trigger(self) -> None:
        """``*TRG``; raises -211 unless a layer waits for it."""
        if not self._waits_for_bus:
            raise InstrumentFault(-211)
        self._signal()

    def _signal(self) -> None:
        """What a layer waits for has come."""
        if not self.running:
            raise InstrumentFault(-211)
        self._waits_for_bus = False
        self._go(self._run)

    def _continuous_set(self) -> None:
        if self._panel.state["continuous"] and not self.running and self._panel.scan:
            self.start()

    # -- the layers

    def _layers(self) -> Iterator[float | str]:
        state, panel = self._panel.state, self._panel
        order = list(panel.scan)
        while True:
            for _ in _times(state["arm_count"]):
                yield from self._enter("arm", first=True)
                for scan in _times(state["scan_count"]):
                    yield from self._enter("scan", first=not scan)
                    count = len(order) if state["count_auto"] else state["channel_count"]
                    for step in _times(count):
                        yield from self._enter("channel", first=not step)
                        self._close(order[step % len(order)])
                        if state["channel_source"] in ("IMM", "TIM"):
                            yield STEP_SECONDS
            if not state["continuous"]:
                return

    def _enter(self, layer: str, *, first: bool) -> Iterator[float | str]:
        """Wait as the layer's source says, then its delay; a timer does not wait the first time."""
        state = self._panel.state
        source = state[f"{layer}_source"]
        if source == "TIM":
            yield 0.0 if first else float(state[f"{layer}_timer"])
        elif source != "IMM":
            yield source
        yield float(state[f"{layer}_delay"])

    def _close(self, point: Crosspoint) -> None:
        panel = self._panel
        panel.step(opening=self.place, closing=point)
        self.place = point

    def _go(self, run: int) -> None:
        while run == self._run and self._steps is not None:
            self._left -= 1
            wait = next(self._steps, None) if self._left else None
            if run != self._run:
                return
            if wait is None:
                self._steps = None
            elif isinstance(wait, str):
                self._waits_for_bus = wait == "BUS"
                return
            elif wait > 0:
                self._panel.world.at(self._panel.world.now() + wait, self._due(run))
                return

    def _due(self, run: int) -> Callable[[], None]:
        return lambda: self._go(run)


def _times(count: float) -> Iterator[int]:
    number = 0
    while number < count:
        yield number
        number += 1
