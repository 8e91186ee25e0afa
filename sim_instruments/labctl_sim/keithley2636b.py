"""Keithley 2636B source-meter: two channels, scripts, sweeps. Facts: Series 2600B manuals, tagged K26-<page>;
QKT, QC, TMD, OEFET: open drivers and their logs; [MEM] = from memory, verify.

Channel A is on the matrix row of the instrument's role, channel B on that of ``channel_b`` in its options (a role of
``[wiring.rows]`` of its own) or on nothing; LO is the ground of the bench. Options: ``channel_b``, ``line_hertz``,
``interlock`` (false: no 200 V range), ``script_seconds`` and the other limits of scripts.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from labctl_sim.fault import TRIGGERS
from labctl_sim.keithley2636b_buffer import DEDICATED, Buffers
from labctl_sim.keithley2636b_front import front_names
from labctl_sim.keithley2636b_meter import Meter
from labctl_sim.keithley2636b_rear import Setups, calibration_names, contact_names, rear_names
from labctl_sim.keithley2636b_settings import AUTO, CONSTANTS, LIMIT_AUTO
from labctl_sim.keithley2636b_source import Source
from labctl_sim.keithley2636b_sweep import Sweep
from labctl_sim.panel import line_hertz
from labctl_sim.status import InstrumentFault
from labctl_sim.tsp import TspPanel
from labctl_sim.tsp_events import Events
from labctl_sim.tsp_names import Constant, Function, Instance, Mark, Name, Value, number, prefixed
from labctl_sim.tsp_status import StatusModel
from labctl_sim.tsp_tree import Instances
from labctl_sim.tsp_trigger import TriggerObjects
from labctl_sim.world import World

VLMT, ILMT, ROF, BAV, INT, INST = 1, 2, 128, 256, 2048, 8192  # status.measurement (K26-9-283)
SWE, MEAS, OTEMP = 8, 16, 4096  # status.operation and status.questionable [MEM]
SMU_BIT = (2, 4)  # SMUA and SMUB in every summary of channels (K26-7-280)
LOOK_SECONDS = 10e-3  # how much time a look at something that runs lets pass at least, see looked


class Channel:
    """One SMU: its source, its meter, its sweeps."""

    def __init__(self, place: int, role: str, panel: Keithley2636B) -> None:
        self.source = Source(panel.world, role, panel.role, interlock=bool(panel.options.get("interlock", True)))
        self.meter = Meter(self.source, partial(line_hertz, panel.options), panel.buffers.find)
        self.sweep = Sweep(place, self.source, self.meter, panel.events)
        self.buffers = panel.buffers.dedicated(place)

    def reset(self) -> None:
        """``smuX.reset()``."""
        self.sweep.reset()
        self.source.reset()
        self.meter.reset()

    def condition(self) -> int:
        """``status.measurement.instrument.smuX.condition`` (K26-9-290)."""
        kind = VLMT if self.source.kind == "i" else ILMT
        stored = any(buffer.data for buffer in self.buffers)
        return kind * self.source.limited | ROF * self.meter.overflowed | BAV * stored

    def names(self) -> dict[str, Name]:
        """Everything below ``smuX``."""
        constants: dict[str, Name] = {name: Constant(float(value), "TMD") for name, value in CONSTANTS.items()}
        constants["DELAY_AUTO"] = Constant(AUTO, "K26-7-218")
        return {
            **constants,
            "LIMIT_AUTO": Constant(LIMIT_AUTO, "TMD", verify=True),
            **self.source.names(),
            **self.meter.names(self.sweep.guard),
            **self.sweep.names(),
            "reset": Function(self.reset, "K26-9-236"),
            "savebuffer": Function(lambda buffer: None, "TMD"),
            "buffer.recalculatestats": Function(lambda buffer: None, "TMD"),  # getstats() is a factory script
            **contact_names(self.source.connected, lambda: bool(self.source.output)),
            **calibration_names(),
        }


class Keithley2636B(TspPanel):
    """The front panel."""

    conditions = TRIGGERS | {"output_refuses", "interlock", "over_temperature"}

    def __init__(self, world: World, role: str, options: Mapping[str, Any]) -> None:
        self.world, self.role, self.options = world, role, options
        self.events = Events()
        self.triggers = TriggerObjects(world, self.events)
        self.buffers = Buffers(self.looked)
        roles = (role, str(options.get("channel_b", f"{role} channel B")))
        self.channels = [Channel(place, each, self) for place, each in enumerate(roles)]
        self.setups = Setups(lambda: [channel.source.state for channel in self.channels], self._restored)
        super().__init__(world, role, options)

    def factory_scripts(self) -> str:
        """KISweep and KIPulse."""
        return Path(__file__).with_name("keithley2636b_factory.lua").read_text(encoding="utf-8")

    def _restored(self) -> None:
        for channel in self.channels:
            channel.reset()

    def identity(self) -> str:
        """Mixed case, spaces after the commas (2651A p.757, TMD)."""
        return "Keithley Instruments Inc., Model 2636B, SIM0005, 3.3.5"

    def reset(self) -> None:
        """``reset()`` and ``*RST``: both channels, triggers, formats; globals and scripts stay (K26-9-177)."""
        self.triggers.reset()
        for channel in self.channels:
            channel.reset()
        self.buffers.reset()
        self.format.reset()

    def instances(self) -> tuple[Instances, ...]:
        """Scripts make reading buffers."""
        return (self.buffers,)

    def pending(self) -> bool:
        """Sweeps and overlapped measurements."""
        return any(channel.sweep.process.running for channel in self.channels)

    def take_trigger(self) -> None:
        """``*TRG`` is an event like others."""
        self.triggers.command()

    def watch(self) -> None:
        """The interlock or the heat is noticed when it comes, not at the next message."""
        for channel in self.channels:
            channel.source.watch()

    def abort(self) -> None:
        """Device clear: sweeps end, outputs stay [MEM]."""
        for channel in self.channels:
            channel.sweep.abort()

    def names(self) -> dict[str, Name]:
        """``smua``, ``smub`` and what they share."""
        names: dict[str, Name] = {
            **self.triggers.names(),
            **front_names(self.world.sleep),
            **rear_names(self.world.sleep),
            **self.setups.names(),
        }
        for letter, channel in zip("ab", self.channels, strict=True):
            names |= prefixed(f"smu{letter}", channel.names())
            names[f"smu{letter}.makebuffer"] = Function(self.buffers.make, "TMD", makes=self.buffers.name)
        for place, name in enumerate(DEDICATED):
            names[name] = Instance(self.buffers.name, place)
        names["printbuffer"] = Function(self._print_buffer, "K26-7-166")
        return names

    # -- printing buffers

    def _print_buffer(self, first: Value, last: Value, *columns: Value) -> None:
        """Entries of buffers or tables, interleaved; indexes beyond the ends mean the ends (K26-7-166)."""
        if not columns:
            raise InstrumentFault(1400, "Expected at least 3 parameters")
        start, end = max(int(number(first, 1)), 1), int(number(last, 2))
        self._await_readings(columns, end)
        parts = [self._column(column, start, end) for column in columns]
        entries = [value for row in zip(*parts, strict=False) for value in row]
        self.say(self.format.many(entries))

    def _column(self, column: Value, start: int, end: int) -> list[float | str]:
        if isinstance(column, list):
            return [number(value) for value in column[start - 1 : max(end, 0)]]
        buffer, name = self.buffers.find(column)
        if not self.buffers.collects(buffer, name):
            raise InstrumentFault(1401, "Parameter 3 is invalid")
        return list(buffer.values(name, start, max(end, 0)))

    def _await_readings(self, columns: tuple[Value, ...], end: int) -> None:
        """Data of measurements that still run come as they become available (K26-7-166)."""
        wanted = [self.buffers.find(column)[0] for column in columns if isinstance(column, Mark)]
        while self.pending() and any(len(buffer.data) < end for buffer in wanted):
            due = self.world.next_event()
            if due is None:
                return
            self.world.sleep(due - self.world.now())

    # -- status

    def registers(self, model: StatusModel) -> None:
        """``status.measurement``, ``status.operation`` and ``status.questionable`` (K26-9-276 to 9-300)."""
        smus = {"SMUA": SMU_BIT[0], "SMUB": SMU_BIT[1]}
        limits = {"VLMT": VLMT, "VOLTAGE_LIMIT": VLMT, "ILMT": ILMT, "CURRENT_LIMIT": ILMT}
        readings = {"ROF": ROF, "READING_OVERFLOW": ROF, "BAV": BAV, "BUFFER_AVAILABLE": BAV}
        for letter, channel in zip("ab", self.channels, strict=True):
            model.add(f"measurement.instrument.smu{letter}", channel.condition, {**limits, **readings})
        below = [(f"measurement.instrument.smu{letter}", bit) for letter, bit in zip("ab", SMU_BIT, strict=True)]
        model.add("measurement.instrument", model.summaries(*below), smus)
        parts = {"voltage_limit": VLMT, "current_limit": ILMT, "reading_overflow": ROF, "buffer_available": BAV}
        for name, bit in parts.items():
            model.add(f"measurement.{name}", partial(_smus, model, bit), smus)
        measured = model.summaries(
            *((f"measurement.{name}", bit) for name, bit in parts.items()), ("measurement.instrument", INST)
        )
        model.add(
            "measurement",
            lambda: measured() | INT * self.channels[0].source.interlocked,
            {**limits, **readings, "INT": INT, "INTERLOCK": INT, "INST": INST, "INSTRUMENT_SUMMARY": INST},
        )
        model.add("operation.sweeping", lambda: self._running("sweeping"), smus)
        model.add("operation.measuring", lambda: self._running("measuring"), smus)
        model.add(
            "operation",
            model.summaries(("operation.sweeping", SWE), ("operation.measuring", MEAS)),
            {"SWE": SWE, "SWEEPING": SWE, "MEAS": MEAS, "MEASURING": MEAS},
        )
        self._quiet_registers(model, smus)
        hot = {"OTEMP": OTEMP, "OVER_TEMPERATURE": OTEMP}
        others = {"CAL": 256, "CALIBRATION": 256, "UO": 512, "UNSTABLE_OUTPUT": 512, "INST": INST}
        model.add("questionable", lambda: OTEMP * self._hot(), {**hot, **others, "INSTRUMENT_SUMMARY": INST})

    def _quiet_registers(self, model: StatusModel, smus: Mapping[str, int]) -> None:
        """Registers of what never happens here: overruns, calibration, other nodes (bits [MEM])."""
        for letter in "ab":
            running = {"CAL": 1, "CALIBRATING": 1, "SWE": SWE, "SWEEPING": SWE, "MEAS": MEAS, "MEASURING": MEAS}
            model.add(f"operation.instrument.smu{letter}", lambda: 0, {**running, "TRGOVR": 1024})
            model.add(f"operation.instrument.smu{letter}.trigger_overrun", lambda: 0, {"ARM": 2, "SRC": 4, "MEAS": 8})
            troubles = {"CAL": 256, "CALIBRATION": 256, "UO": 512, "OTEMP": OTEMP}
            model.add(f"questionable.instrument.smu{letter}", lambda: 0, troubles)
        for name in ("calibrating", "instrument", "trigger_overrun"):
            model.add(f"operation.{name}", lambda: 0, smus)
        for name in ("digio", "lan", "tsplink", "trigger_blender", "trigger_timer"):
            model.add(f"operation.instrument.{name}", lambda: 0, {"TRGOVR": 1024, "TRIGGER_OVERRUN": 1024})
            model.add(f"operation.instrument.{name}.trigger_overrun", lambda: 0, {})
        model.add("operation.remote", lambda: 0, {"CAV": 2, "COMMAND_AVAILABLE": 2, "PRMPT": 2048})
        model.add("operation.user", lambda: 0, {f"BIT{bit}": 1 << bit for bit in range(15)})
        for name in ("calibration", "instrument", "unstable_output"):
            model.add(f"questionable.{name}", lambda: 0, smus)
        model.add("questionable.over_temperature", lambda: sum(SMU_BIT) * self._hot(), smus)
        for place in range(5):
            nodes = {f"NODE{14 * place + i}": 1 << i for i in range(1, 15) if 14 * place + i <= 64}
            model.add(f"system{place + 1 if place else ''}", lambda: 0, {"EXT": 1, "EXTENSION_BIT": 1, **nodes})

    def looked(self) -> None:
        """A script has looked whether something still runs: it will wait and look again.

        On a virtual clock nobody's waiting makes time pass, so a look lets as much of it pass again as the operation
        has taken so far.
        """
        now = self.world.now()
        running = [channel.sweep.process for channel in self.channels if channel.sweep.process.running]
        if not running:
            return
        until = now + max(LOOK_SECONDS, now - min(process.since for process in running))
        while self.pending() and self.world.now() < until:
            due = self.world.next_event()
            if due is None:
                return
            self.world.sleep(min(due, until) - self.world.now())

    def _running(self, what: str) -> int:
        return sum(mine for channel, mine in zip(self.channels, SMU_BIT, strict=True) if getattr(channel.sweep, what))

    def _hot(self) -> bool:
        return self.world.faults.active(self.role, "over_temperature") is not None


def _smus(model: StatusModel, bit: int) -> int:
    """Which channels have ``bit`` in their conditions, which are looked at first."""
    conditions = [model.registers[f"measurement.instrument.smu{letter}"].last for letter in "ab"]
    return sum(mine for condition, mine in zip(conditions, SMU_BIT, strict=True) if condition & bit)
