"""What the simulated bench reads of a station file: which instruments, which array, how they are wired."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labctl.bench.array_tables import read_array, read_wiring
from labctl.bench.lines import listed
from labctl.bench.tables import Table
from labctl.bench.wiring import Wiring
from labctl.core import plugins
from labctl.core.errors import PartNotFound, StationError
from labctl_sim.connections import Delays
from labctl_sim.fault import Fault
from labctl_sim.physics import PATHS

MATRIX_ROWS = 8
MOST_FARADS = 10e-9  # a hundred meters of cable


@dataclass(frozen=True)
class SimStation:
    """One station file as the simulator sees it."""

    path: Path
    name: str
    addresses: Mapping[str, str]
    models: Mapping[str, str]
    options: Mapping[str, Mapping[str, Any]]
    rows: int
    cols: int
    wiring: Wiring
    profile: str
    physics: str
    temperature_kelvin: float | None
    array_seed: int
    noise_seed: int | None
    faults: tuple[Fault, ...]
    clock: str
    pyvisa_sim: Path | None
    delays: Delays


def find(name: str) -> Path:
    """A station by its file, or by the name that its package registered; raises PartNotFound."""
    if name.endswith(".toml"):
        return Path(name).expanduser()
    try:
        path: Path = plugins.resolve(plugins.STATIONS, name)()
    except PartNotFound as error:
        raise PartNotFound(f"{error}; a station may also be given as the path of its .toml file") from error
    return path


def load(path: Path) -> SimStation:
    """Read the station file at ``path``.

    Raises StationError, naming the table and the key, when the simulator cannot be built from it.
    """
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except OSError as error:
        raise StationError(f"cannot read the station file {path}: {error.strerror or error}; check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StationError(f"the station file {path} is not TOML: {error}") from error
    mistakes: list[str] = []
    found = _station(path, Table("", table, mistakes))
    if found is None:
        count = f"{len(mistakes)} mistake{'s' if len(mistakes) != 1 else ''}"
        lines = listed(mistakes, text)
        raise StationError(f"the station file {path} cannot be simulated, it has {count} (compare demo.toml):\n{lines}")
    return found


def _station(path: Path, top: Table) -> SimStation | None:
    mistakes = top.mistakes
    addresses = _addresses(top)
    shape = read_array(top)
    wiring = read_wiring(top, shape)
    if shape is None and "array" not in top.content:
        mistakes.append("[array] is missing; even instruments that are wired to nothing share a world with an array")
    if wiring is not None:
        for role, row in wiring.rows.items():
            if row > MATRIX_ROWS:
                mistakes.append(f"[wiring] rows: {role!r} is on row {chr(64 + row)}; the simulated matrices end at H")
    table = Table("simulation", top.take("simulation") or {}, mistakes)
    models = _models(table, addresses)
    profile = table.text("profile", "vcma_long_pulse")
    physics = table.text("physics", "table", default="table")
    if physics is not None and physics not in PATHS:
        table.mistake("physics", f"there is no {physics!r}; known are: {', '.join(PATHS)} (leave it out for 'table')")
        physics = None
    kelvin = table.number("temperature_kelvin", "310.0") if "temperature_kelvin" in table.content else None
    array_seed = table.whole("array_seed", "1", least=0)
    noise_seed = table.whole("noise_seed", "1", least=0) if "noise_seed" in table.content else None
    clock = table.text("clock", "virtual", default="virtual")
    delays = _delays(table)
    others = table.text("pyvisa_sim", "lamps.yaml") if "pyvisa_sim" in table.content else None
    options = table.take("options") or {}
    faults = _faults(table, addresses)
    table.refuse_rest()
    if mistakes or shape is None or wiring is None or array_seed is None:
        return None
    if profile is None or physics is None or clock is None:
        return None
    return SimStation(
        path=path,
        name=str(top.content.get("name", path.stem)),
        addresses=addresses,
        models=models,
        options=options,
        rows=shape.rows,
        cols=shape.cols,
        wiring=wiring,
        profile=profile,
        physics=physics,
        temperature_kelvin=kelvin,
        array_seed=array_seed,
        noise_seed=noise_seed,
        faults=faults,
        clock=clock,
        pyvisa_sim=None if others is None else path.parent / others,
        delays=delays,
    )


def _addresses(top: Table) -> dict[str, str]:
    table = Table("instruments", top.take("instruments") or {}, top.mistakes)
    entries = {role: Table(f"instruments.{role}", entry, top.mistakes) for role, entry in table.content.items()}
    return {role: entry.text("address", "GPIB0::24::INSTR") or "" for role, entry in entries.items()}


def _delays(simulation: Table) -> Delays:
    farads = simulation.number("line_farads", "100e-12", default=0.0, above=False)
    if farads is not None and farads > MOST_FARADS:
        simulation.mistake(
            "line_farads", f"is {farads:g}; a line with its cable has {MOST_FARADS:g} F at most, e.g. 100e-12"
        )
    hertz = simulation.number("amplifier_hertz", "10e6", default=math.inf)
    return Delays(farads or 0.0, hertz or math.inf)


def _models(simulation: Table, roles: Collection[str]) -> dict[str, str]:
    table = Table("simulation.models", simulation.take("models") or {}, simulation.mistakes)
    for role in table.content.keys() - set(roles):
        table.mistake(role, f"there is no [instruments.{role}]; add it with an address, or take the model out")
    return {role: table.text(role, "keithley2400") or "" for role in roles}


def _faults(simulation: Table, roles: Collection[str]) -> tuple[Fault, ...]:
    entries = simulation.take("faults") or []
    if not isinstance(entries, list):
        simulation.mistake("faults", "is one table; write [[simulation.faults]], with two brackets, for each fault")
        return ()
    found = []
    for entry in entries:
        try:
            fault = Fault.of(entry)
            fault.refuse_stranger(roles)
        except ValueError as error:
            simulation.mistake("faults", str(error))
        else:
            found.append(fault)
    return tuple(found)
