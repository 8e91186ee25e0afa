"""A whole simulated bench from one station file: the world, and a front panel at every address."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np

from labctl.core import plugins
from labctl.core.clock import WallClock
from labctl.core.errors import ParameterError, StationError
from labctl_sim import pace, profile, station
from labctl_sim.array import JunctionArray
from labctl_sim.connection import Connection
from labctl_sim.connections import PROMPT
from labctl_sim.device import SimDevice
from labctl_sim.fault import Fault
from labctl_sim.faults import Faults
from labctl_sim.junction import Junctions
from labctl_sim.macrospin.shipped import store_for
from labctl_sim.macrospin.switching import SwitchingTable
from labctl_sim.pace import Pace
from labctl_sim.panel import Panel
from labctl_sim.physics import Physics
from labctl_sim.world import World

PANELS = "labctl.panels"
NOT_BUILT = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)  # by what the file says of it
REMEDY = "compare [simulation.models] and [simulation.options] with docs/simulated-bench.md"


class SimBench:
    """``world`` and ``devices`` (by VISA address), and the ``clock`` for those who wait.

    Nothing outlives it: another bench is another world.
    """

    def __init__(self, plan: station.SimStation, clock: Pace, devices: dict[str, SimDevice]) -> None:
        self.plan = plan  # as it was opened: with the clock that was asked for
        self.clock = clock
        self.world: World = clock.world
        self.devices = devices

    @property
    def faults(self) -> Faults:
        """What goes wrong on purpose."""
        return self.world.faults

    @property
    def provenance(self) -> dict[str, Any]:
        """What the junctions are and what computes them; plain values."""
        delays = {name: value for name, value in asdict(self.plan.delays).items() if value != getattr(PROMPT, name)}
        return {
            "simulator": "labctl_sim",
            "profile": self.plan.profile,
            "physics": self.plan.physics,
            "switching": self.world.physics.provenance,
            "temperature_kelvin": float(self.world.array.junctions.layer.of("temperature_kelvin")[0]),
            "array_seed": self.plan.array_seed,
            "clock": self.plan.clock,
            **delays,
        }

    def connect(self, address: str) -> Connection:
        """A new connection to the instrument at ``address``; raises KeyError if nothing is there."""
        return Connection(self.devices[address])


def open_bench(
    path: Path, spell: Callable[[str], str] = str, *, clock: str | None = None, faults: Sequence[Fault] = ()
) -> SimBench:
    """Build the bench that the station file at ``path`` describes; ``spell`` brings addresses into one spelling.

    ``clock`` (``virtual``, ``real`` or ``scaled:X``) replaces the file's, ``faults`` are added to the file's.

    The array is the wafer that ``array_seed`` names, the same at every opening; it is found in the states that the
    seed gives. Noise starts from ``noise_seed``, or from the operating system if there is none.

    Raises StationError, or PartNotFound for an unknown front panel.
    """
    plan = station.load(path)
    if clock is not None:
        plan = replace(plan, clock=clock)
    wafer = _generator(plan.array_seed)
    cells = plan.rows * plan.cols
    kind = profile.load(plan.profile, path.parent)
    junctions, nominal = kind.junctions(cells, wafer), kind.nominal
    if plan.temperature_kelvin is not None:
        junctions, nominal = (_at(plan, each, plan.temperature_kelvin) for each in (junctions, nominal))
    states = wafer.integers(0, 2, cells, np.uint8)
    physics = Physics(SwitchingTable(nominal.layer, store=store_for(kind.name)), plan.physics)
    array = JunctionArray(plan.rows, plan.cols, junctions, states)
    world = World(array, plan.wiring, _generator(plan.noise_seed), physics, plan.delays)
    lock = RLock()
    time = Pace(world, lock, pace.parse(plan.clock), WallClock())
    devices: dict[str, SimDevice] = {}
    for role, address in plan.addresses.items():
        if spell(address) in devices:
            raise StationError(f"{path} has two instruments at {address}; give each its own address")
        devices[spell(address)] = _device(plan, role, time, lock)
    world.faults.panels = {device.role: device.panel for device in devices.values()}
    _refuse_two_matrices(plan, world.faults.panels)
    try:
        for fault in (*plan.faults, *faults):
            world.faults.plan(fault)
    except ValueError as error:
        raise StationError(f"{plan.path}: {error}") from error
    return SimBench(plan, time, devices)


def _at(plan: station.SimStation, junctions: Junctions, kelvin: float) -> Junctions:
    """The junctions at the station's temperature; raises StationError where their numbers no longer hold."""
    try:
        return junctions.at(kelvin)
    except ParameterError as error:
        raise StationError(
            f"{plan.path}: [simulation] temperature_kelvin = {kelvin:g} is too far from what the profile "
            f"{plan.profile!r} was made for: {error}"
        ) from error


def _device(plan: station.SimStation, role: str, time: Pace, lock: AbstractContextManager[bool]) -> SimDevice:
    """The instrument ``role``; raises StationError, naming its model and options, if there cannot be such a one."""
    model, options = plan.models[role], plan.options.get(role, {})
    found = f"{plan.path}: {role!r} with the model {model!r} and the options {options!r} cannot be simulated"
    if not isinstance(options, Mapping):
        raise StationError(f"{found}: options are a table, [simulation.options.{role}]")
    try:
        device = SimDevice(
            role, plan.addresses[role], partial(plugins.resolve(PANELS, model), time.world, role, options), time, lock
        )
    except NOT_BUILT as error:
        raise StationError(f"{found}: {error}; {REMEDY}") from error
    if not isinstance(device.panel, Panel):
        raise StationError(f"{found}: {type(device.panel).__name__} is no front panel; {REMEDY}")
    return device


def _refuse_two_matrices(plan: station.SimStation, panels: Mapping[str, object]) -> None:
    """The array's lines are wired to one matrix; a second one would move the relays of the first."""
    matrices = [role for role, panel in panels.items() if hasattr(panel, "has_relay")]
    if len(matrices) > 1:
        raise StationError(
            f"{plan.path} has {len(matrices)} switch matrices, {' and '.join(matrices)}; the lines in [wiring] are "
            "wired to one. Keep one of them, or put the other one in a station file of its own"
        )


def _generator(seed: int | None) -> np.random.Generator:
    """The only place where the simulator makes a generator: from a seed of the station file, or a fresh one."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed)))
