"""Keithley 2400 source-meter, the panel. Facts: 2400S-900-01 user manual, tagged K24-<page>; PM = PyMeasure's driver;
[MEM] = from memory, verify.

Its HI terminal is on the matrix row of its role, LO is the ground of the bench. Settings out of range are refused
and leave everything as it was (-222). ``MEAS?`` is as dangerous as in the real one: it is CONFigure and READ?, and
CONFigure puts compliance and range back to their defaults and turns the output on (K24-301). While the trigger model
is busy, commands are held (K24-297). Not in it: what would come over the trigger link and the digital port, to which
nothing is connected; contact check, an option; the bins of a handler.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any
from weakref import WeakKeyDictionary

from labctl_sim.fault import TRIGGERS
from labctl_sim.keithley2400_buffer import Buffers
from labctl_sim.keithley2400_events import Events
from labctl_sim.keithley2400_held import comes_through, held
from labctl_sim.keithley2400_limits import Limits
from labctl_sim.keithley2400_math import Maths
from labctl_sim.keithley2400_memory import Memory
from labctl_sim.keithley2400_meter import Meter
from labctl_sim.keithley2400_output import Output
from labctl_sim.keithley2400_sense import Sense
from labctl_sim.keithley2400_source import Source
from labctl_sim.keithley2400_sweep import Sweep
from labctl_sim.keithley2400_system import System
from labctl_sim.keithley2400_tables import LASTING, PRESET, RESET, TEXTS
from labctl_sim.keithley2400_trigger import TriggerModel
from labctl_sim.panel import line_hertz
from labctl_sim.scpi import Call, Command, Later, ScpiPanel, documented, only_first
from labctl_sim.world import World

# These have channels or windows to choose from; everything else has one, and refuses any other (-114).
OF_MANY = ("CALCulate2:LIMit#", "DISPlay[:WINDow#]")
# QCoDeS and others write :*RST, and it works on the real ones.
COLON_BEFORE_STAR = re.compile(rb"(\"[^\"]*\"|'[^']*')|((?:^|[;\n])\s*):(?=\*[A-Za-z])")


class Keithley2400(ScpiPanel):
    """The front panel. Option ``line_hertz`` (50), ``interface`` ("GPIB" or "RS-232", which knows no binary data)."""

    error_depth = 10  # [MEM], same family
    memories = 5  # K24-297
    conditions = TRIGGERS | {"output_refuses", "interlock", "over_temperature"}
    texts = TEXTS

    def __init__(self, world: World, role: str, options: Mapping[str, Any]) -> None:
        self.meter = Meter(self, line_hertz(options))
        self.source, self.output = Source(self), Output(self)
        self.sense, self.sweep = Sense(self), Sweep(self)
        self.model, self.buffers, self.events = TriggerModel(self), Buffers(self), Events(self)
        self.maths, self.limits, self.memory = Maths(self), Limits(self), Memory(self)
        self.system = System(self)
        self.serial = options.get("interface", "GPIB") == "RS-232"
        self._kept: WeakKeyDictionary[object, bytes] = WeakKeyDictionary()
        self._resets = 0
        super().__init__(world, role, options)
        self._commands = [self._served(command) for command in self._commands]

    def identity(self) -> str:
        """Form of K24-297; the firmware field holds spaces and slashes, no commas."""
        return "KEITHLEY INSTRUMENTS INC.,MODEL 2400,SIM0002,C32   Oct  4 2010 14:20:11/A02  /S/K"

    def format_number(self, value: float) -> str:
        """K24-353."""
        return f"{value:+.6E}"

    def format_error(self, code: int, text: str) -> str:
        """``0,"No error"`` when there is none, a sign otherwise."""
        return f'{code:+d},"{text}"' if code else f'0,"{text}"'

    def commands(self) -> list[Command]:
        """K24 chapters 17 and 18."""
        functions = (("VOLTage[:DC]", "VOLT"), ("CURRent[:DC]", "CURR"), ("RESistance", "RES"))
        # SOURce2 is the digital port: it comes before SOURce#.
        parts = (
            self.limits,
            self.maths,
            self.memory,
            self.source,
            self.output,
            self.sweep,
            self.sense,
            self.model,
            self.buffers,
            self.events,
            self.system,
        )
        return [
            *[command for part in parts for command in part.commands()],
            Command("*STB", ask=self._ask_status_byte, page="PM", verify=True),
            *documented(
                "K24-301",
                Command("READ", ask=lambda _: self._read()),
                Command("MEASure", ask=self._measurement("")),
                *[Command(f"MEASure:{node}", ask=self._measurement(name)) for node, name in functions],
                *[
                    Command(f"CONFigure:{node}", self._configuration(name), self.sense.ask_functions)
                    for node, name in functions
                ],
                Command("CONFigure", ask=self.sense.ask_functions),
            ),
        ]

    # -- settings as a whole

    def reset(self) -> None:
        """``*RST``; the TRACe buffer and its settings stay (K24-402)."""
        self._replace(RESET)

    def preset(self) -> None:
        """``SYSTem:PRESet``."""
        self._replace(PRESET)

    def _replace(self, settings: Mapping[str, Any]) -> None:
        self._resets += 1
        lasting = {key: self.state.get(key, value) for key, value in LASTING.items()}
        self.state.clear()
        self.state.update(deepcopy({**settings, **lasting}))
        self._deferred.clear()
        self._kept.clear()
        self.model.abort()
        self.buffers.begin()
        self.output.show()

    def recalled(self) -> None:
        """``*RCL``; the output stays off [MEM]."""
        self.model.abort()
        self.output.turn(on=False)

    def power_on(self, before: object) -> None:
        """A battery keeps the TRACe buffer, its settings and the stored set-ups (K24-402)."""
        super().power_on(before)
        if isinstance(before, Keithley2400):
            self.state.update({key: before.state[key] for key in LASTING})
            self.buffers.trace = before.buffers.trace

    def auto_ohms(self) -> bool:
        """True while the ohms function has the source."""
        return "RES" in self.state["functions"] and bool(self.state["res_mode"] == "AUTO")

    # -- messages, and the busy rule

    def pending(self) -> bool:
        """``*OPC`` is complete at idle (K24-297)."""
        return self.model.busy

    @property
    def waiting(self) -> bool:
        """True while a reply is still to come."""
        return super().waiting or self.asker in self._kept

    def handle(self, message: bytes) -> bytes | None:
        """Run a message, or hold it; what ends a run, or triggers it, comes through at once."""
        self.output.watch()
        if b":*" in message and len(message) <= self.input_bytes:
            message = COLON_BEFORE_STAR.sub(rb"\1\2", message)
        if self._kept.pop(self.asker, None) is not None:
            self.interrupted()
        if not self.model.busy or not comes_through(message):
            return super().handle(message)
        before, resets = self._waiting, self._resets
        self._waiting = None
        reply = super().handle(message)
        if self._resets == resets and self._waiting is None:
            self._waiting = before
        return self.poll() if reply is None else reply

    def poll(self) -> bytes | None:
        """The reply of a READ? that waited, or of a command that was held."""
        kept = self._kept.pop(self.asker, None)
        return super().poll() if kept is None else kept

    def clear(self) -> None:
        """Device clear: leaves the trigger model, drops what was held; the output stays as it is [MEM]."""
        super().clear()
        self._kept.pop(self.asker, None)
        self.model.abort()

    def take_trigger(self) -> None:
        """``*TRG``: only while waiting with ``:ARM:SOUR BUS``, otherwise -211 [MEM]."""
        self.model.event()

    def became_idle(self) -> None:
        """What was held runs now, also if nobody reads."""
        self.world.at(self.world.now(), self._run_held)

    def watch(self) -> None:
        """The interlock or the heat is noticed when it comes, not at the next message."""
        self.output.watch()

    def _run_held(self) -> None:
        present = self.asker
        for asker in list(self._deferred):
            self.asker = asker
            if self._running is None and (reply := self.poll()) is not None:
                self._kept[asker] = reply
        self.asker = present

    def _served(self, command: Command) -> Command:
        """A line of the table as it is while it may be busy, and with but one channel."""
        if not command.pattern.startswith(OF_MANY):
            command = only_first(command)
        return held(command, lambda: self.model.busy)

    def _ask_status_byte(self, _: Call) -> str:
        return str(self.status_byte(self.replied))

    # -- the signal-oriented commands

    def _read(self) -> Later:
        """ABORt, INITiate, FETCh? (K24-304)."""
        self.model.abort()
        self.model.start(finite=True)
        return Later(lambda: not self.model.busy, lambda: self.buffers.write(self.buffers.readings))

    def _measurement(self, function: str) -> Callable[[Call], Later]:
        def ask(_: Call) -> Later:
            self.configure(function or (self.state["functions"] or ["CURR"])[-1])
            return self._read()

        return ask

    def _configuration(self, function: str) -> Callable[[Call], None]:
        return lambda _: self.configure(function)

    def configure(self, function: str) -> None:
        """Defaults for the function, counts 1, delays 0, buffer off, autozero on, output ON (K24-301 [17-2])."""
        self.model.abort()
        defaults = {
            "CURR": ("limit_amps", "sense_amp_range", "sense_amp_auto"),
            "VOLT": ("limit_volts", "sense_volt_range", "sense_volt_auto"),
            "RES": ("res_mode", "res_range", "res_auto", "offset_compensated"),
        }[function]
        for key in (
            *defaults, "nplc", "autozero", "filter", "arm_count", "arm_source", "trigger_count", "trigger_source",
            "trigger_delay", "delay", "delay_auto",
        ):  # fmt: skip
            self.state[key] = RESET[key]
        self.state["functions"] = [function]
        self.state["control"] = "NEV"
        if self.auto_ohms():
            self.source.change("CURR")
        self.output.turn(on=True)
