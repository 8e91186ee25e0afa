"""The trigger model of a Keithley 2400: arm layer, trigger layer, source-delay-measure cycles on the world's clock.

From INITiate until it is idle again the instrument is busy, and what else is sent is held back (K24-297).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from labctl_sim import scpi_text
from labctl_sim.keithley2400_events import WAITING_FOR_ARM, WAITING_FOR_TRIGGER
from labctl_sim.keithley2400_meter import REAL_COMPLIANCE
from labctl_sim.keithley2400_source import fixed_sweep_range
from labctl_sim.keithley2400_tables import MAX_READINGS
from labctl_sim.scpi import Call, Command, Number, documented
from labctl_sim.status import InstrumentFault

if TYPE_CHECKING:
    from labctl_sim.keithley2400 import Keithley2400

ARM_SOURCES = ("IMMediate", "TLINk", "TIMer", "MANual", "BUS", "NSTest", "PSTest", "BSTest")  # K24-424
EVENTS = ("SOURce", "DELay", "SENSe", "NONE")
IDLE, WAITING, RUNNING = "idle", "waiting", "running"


class TriggerModel:
    """``phase`` is where it is; ``busy`` from INITiate to idle."""

    def __init__(self, panel: Keithley2400) -> None:
        self._panel = panel
        self.phase = IDLE
        self._run = 0  # an appointment of an earlier run finds another number here
        self._arms = self._triggers = 0.0  # cycles of each layer still to come
        self._levels: np.ndarray | None = None
        self._fixed: float | None = None
        self._point = 0
        self._timer = 0.0

    @property
    def busy(self) -> bool:
        """True while commands are held."""
        return self.phase != IDLE

    def commands(self) -> list[Command]:
        """K24 chapter 11 and 18, ARM and TRIGger."""
        panel = self._panel
        layer, arm = "TRIGger[:SEQuence#]", "ARM[:SEQuence#][:LAYer#]"
        line = Number("S", 0.0, 999.9999)
        return documented(
            "K24-424",
            Command("INITiate[:IMMediate]", lambda _: self.start()),
            Command("ABORt", lambda _: self.abort()),
            self._count(f"{arm}:COUNt", "arm_count", "trigger_count", infinite=True),
            panel.option(f"{arm}:SOURce", "arm_source", ARM_SOURCES),
            panel.numeric(f"{arm}:TIMer", "arm_timer", Number("S", 1e-3, 99_999.99, 0.1)),
            panel.option(f"{arm}[:TCONfigure]:DIRection", "arm_direction", ("SOURce", "ACCeptor")),
            panel.integer(f"{arm}[:TCONfigure][:ASYNchronous]:ILINe", "arm_input_line", 1, 4),
            panel.integer(f"{arm}[:TCONfigure][:ASYNchronous]:OLINe", "arm_output_line", 1, 4),
            panel.option(f"{arm}[:TCONfigure][:ASYNchronous]:OUTPut", "arm_output", ("TENTer", "TEXit", "NONE")),
            self._count(f"{layer}:COUNt", "trigger_count", "arm_count", infinite=False),
            panel.option(f"{layer}:SOURce", "trigger_source", ("IMMediate", "TLINk")),
            panel.numeric(f"{layer}:DELay", "trigger_delay", line),
            panel.option(f"{layer}[:TCONfigure]:DIRection", "trigger_direction", ("SOURce", "ACCeptor")),
            self._events(f"{layer}[:TCONfigure][:ASYNchronous]:INPut", "trigger_input"),
            self._events(f"{layer}[:TCONfigure][:ASYNchronous]:OUTPut", "trigger_output"),
            panel.integer(f"{layer}[:TCONfigure][:ASYNchronous]:ILINe", "trigger_input_line", 1, 4),
            panel.integer(f"{layer}[:TCONfigure][:ASYNchronous]:OLINe", "trigger_output_line", 1, 4),
            Command("TRIGger:CLEar", lambda _: None),  # no trigger is ever pending here: there is no trigger link
        )

    def _count(self, pattern: str, key: str, other: str, *, infinite: bool) -> Command:
        """The product of both counts is 2500 at most; the order of setting them matters for that (PM)."""
        panel = self._panel
        words = {"INF": math.inf, "INFINITE": math.inf} if infinite else {}
        kind = Number("", 1, MAX_READINGS, 1, words)

        def write(call: Call) -> None:
            value = kind.read(call.only())
            if value != math.inf:
                value = round(panel.limited(value, 1, MAX_READINGS))
                if math.isfinite(panel.state[other]) and value * panel.state[other] > MAX_READINGS:
                    raise InstrumentFault(-221)
            panel.state[key] = value

        def ask(call: Call) -> str:
            value = kind.asked(call, panel.state[key])
            return "+9.900000E+37" if value == math.inf else str(round(value))

        return Command(pattern, write, ask)

    def _events(self, pattern: str, key: str) -> Command:
        def write(call: Call) -> None:
            if not call.parameters:
                raise InstrumentFault(-109)
            self._panel.state[key] = [scpi_text.choice(parameter, EVENTS) for parameter in call.parameters]

        return Command(pattern, write, lambda _: ",".join(self._panel.state[key]))

    # -- from outside

    def start(self, *, finite: bool = False) -> None:
        """INITiate. Raises +803 with the output off, +802 or +810 when it cannot turn on, -221, +830."""
        panel, state = self._panel, self._panel.state
        if not state["output"]:
            if not state["clear_auto"]:
                raise InstrumentFault(803)
            if code := panel.output.blocked():
                raise InstrumentFault(code)
        if finite and state["arm_count"] == math.inf:
            raise InstrumentFault(830)
        levels = panel.sweep.levels()
        panel.buffers.begin()
        self._levels = levels
        self._fixed = None if levels is None else fixed_sweep_range(state, levels)
        self._run += 1
        self._point = 0
        self._arms = state["arm_count"]
        self._timer = panel.world.now()
        self.phase = RUNNING
        panel.events.sweeping(levels is not None)
        self._arm(first=True)

    def abort(self) -> None:
        """Back to idle at once; what was read stays."""
        if self.busy:
            self._end()

    def event(self) -> None:
        """A bus trigger; raises -211 unless the arm layer waits for one."""
        if self.phase != WAITING or self._panel.state["arm_source"] != "BUS":
            raise InstrumentFault(-211)
        self.phase = RUNNING
        self._panel.events.waits(0)
        self._enter()

    # -- the layers

    def _arm(self, *, first: bool) -> None:
        state, world = self._panel.state, self._panel.world
        source = state["arm_source"]
        if source == "IMM" or (source == "TLIN" and first and state["arm_direction"] == "SOUR"):
            self._enter()
        elif source == "TIM":  # the first pass does not wait [MEM]
            self._timer = max(self._timer + (0.0 if first else state["arm_timer"]), world.now())
            self._at(self._timer, self._enter)
        else:
            self.phase = WAITING
            self._panel.events.waits(WAITING_FOR_ARM)

    def _enter(self) -> None:
        self._triggers = self._panel.state["trigger_count"]
        self._next()

    def _next(self) -> None:
        state = self._panel.state
        if state["trigger_source"] == "TLIN" and "NONE" not in state["trigger_input"]:
            bypassed = state["trigger_direction"] == "SOUR" and self._triggers == state["trigger_count"]
            if not bypassed:
                self.phase = WAITING  # nothing is connected to the trigger link
                self._panel.events.waits(WAITING_FOR_TRIGGER)
                return
        self._at(self._panel.world.now() + state["trigger_delay"], self._source)

    def _source(self) -> None:
        """The source action: output on if it is automatic, the next level, then the delay and the integration."""
        panel = self._panel
        if panel.state["clear_auto"]:
            panel.state["output"] = True
        if panel.state["memory"]:
            panel.memory.step(self._point)
            self._point += 1
        if panel.auto_ohms():
            panel.meter.find_ohm_range()
        elif self._levels is not None:
            panel.source.step(float(self._levels[self._point % self._levels.size]), fixed_range=self._fixed)
            self._point += 1
        panel.output.show()
        self._at(panel.world.now() + panel.meter.cycle_seconds(), self._measure)

    def _measure(self) -> None:
        panel, state = self._panel, self._panel.state
        panel.output.watch()
        if not state["output"]:
            return self._end()
        reading = panel.meter.read()
        clamped = bool(int(reading[4]) & REAL_COMPLIANCE) and self._levels is not None
        if not (clamped and state["sweep_abort"] == "EARL"):
            panel.buffers.store(reading)
        if state["clear_auto"] and (state["clear_mode"] == "ALW" or self._triggers <= 1):
            state["output"] = False
            panel.output.show()
        if clamped and state["sweep_abort"] != "NEV":
            return self._end()
        self._triggers -= 1
        if self._triggers > 0:
            return self._next()
        self._arms -= 1
        if self._arms > 0:
            return self._arm(first=False)
        return self._end()

    def _end(self) -> None:
        self.phase = IDLE
        self._run += 1
        self._panel.events.idle()
        self._panel.became_idle()

    def _at(self, when: float, act: Any) -> None:
        run = self._run

        def due() -> None:
            if run == self._run:
                act()

        self._panel.world.at(when, due)
