"""A whole simulated bench from one station file: the world, and a front panel at every address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import RLock

import numpy as np

from labctl.core import plugins
from labctl.core.errors import StationError
from labctl_sim import profile, station
from labctl_sim.array import JunctionArray
from labctl_sim.connection import Connection, SimDevice
from labctl_sim.panel import Panel
from labctl_sim.world import World

PANELS = "labctl.panels"


class SimBench:
    """``world`` and ``devices`` (by VISA address). Nothing outlives it: another bench is another world."""

    def __init__(self, world: World, devices: dict[str, SimDevice]) -> None:
        self.world = world
        self.devices = devices

    def connect(self, address: str) -> Connection:
        """A new connection to the instrument at ``address``; raises KeyError if nothing is there."""
        return Connection(self.devices[address])


def open_bench(path: Path, spell: Callable[[str], str] = str) -> SimBench:
    """Build the bench that the station file at ``path`` describes; ``spell`` brings addresses into one spelling.

    The array is the wafer that ``array_seed`` names, the same at every opening; it is found in the states that the
    seed gives. Noise starts from ``noise_seed``, or from the operating system if there is none.

    Raises StationError, or PartNotFound for an unknown front panel.
    """
    plan = station.load(path)
    wafer = _generator(plan.array_seed)
    cells = plan.rows * plan.cols
    junctions = profile.load(plan.profile, path.parent).draw(cells, wafer)
    states = wafer.integers(0, 2, cells, np.uint8)
    world = World(JunctionArray(plan.rows, plan.cols, junctions, states), plan.wiring, _generator(plan.noise_seed))
    lock = RLock()
    devices: dict[str, SimDevice] = {}
    for role, address in plan.addresses.items():
        made: Panel = plugins.resolve(PANELS, plan.models[role])(world, role, plan.options.get(role, {}))
        faults = [fault for fault in plan.faults if fault.device == role]
        if spell(address) in devices:
            raise StationError(f"{path} has two instruments at {address}; give each its own address")
        devices[spell(address)] = SimDevice(role, address, made, world, lock, faults)
    return SimBench(world, devices)


def _generator(seed: int | None) -> np.random.Generator:
    """The only place where the simulator makes a generator: from a seed of the station file, or a fresh one."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed)))
