"""What the simulated bench reads of a station file: which instruments, which array, how they are wired."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labctl.core import plugins
from labctl.core.errors import StationError
from labctl_sim.faults import Fault


@dataclass(frozen=True)
class Wiring:
    """Which matrix slot-column each line is on, which matrix row each role is on, and what hangs on the cables."""

    word_lines: tuple[tuple[int, int], ...]
    bit_lines: tuple[tuple[int, int], ...]
    rows: Mapping[str, str]
    pulser_termination_ohms: float
    pulser_attenuation_db: float
    digitizer_transimpedance_ohms: float

    @property
    def lines(self) -> dict[tuple[int, int], int]:
        """Line number (word lines first) of each (slot, column)."""
        return {place: number for number, place in enumerate(self.word_lines + self.bit_lines)}


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
    array_seed: int
    noise_seed: int | None
    faults: tuple[Fault, ...]
    clock: str
    pyvisa_sim: Path | None


def find(name: str) -> Path:
    """A station by its file, or by the name that its package registered; raises PartNotFound."""
    if name.endswith(".toml"):
        return Path(name)
    path: Path = plugins.resolve(plugins.STATIONS, name)()
    return path


def load(path: Path) -> SimStation:
    """Read the station file at ``path``.

    Raises StationError, naming the table and the key, when the simulator cannot be built from it.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StationError(f"cannot read the station file {path}: {error.strerror or error}; check the path") from error
    except tomllib.TOMLDecodeError as error:
        raise StationError(f"the station file {path} is not TOML: {error}") from error
    try:
        return _station(path, table)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"the key {error} is missing" if isinstance(error, KeyError) else str(error)
        raise StationError(f"the station file {path} cannot be simulated: {what}; compare it with demo.toml") from error


def _station(path: Path, table: dict[str, Any]) -> SimStation:
    simulation = table["simulation"]
    addresses = {role: str(entry["address"]) for role, entry in table["instruments"].items()}
    models = dict(simulation["models"])
    for role in sorted(addresses.keys() ^ models.keys()):
        missing = (
            f"[simulation.models] has no {role!r}" if role in addresses else f"[instruments.{role}] does not exist"
        )
        raise ValueError(f"every instrument needs a simulated model and the reverse, but {missing}")
    rows, cols = int(table["array"]["rows"]), int(table["array"]["cols"])
    wiring = _wiring(table["wiring"])
    if (len(wiring.word_lines), len(wiring.bit_lines)) != (rows, cols):
        raise ValueError(
            f"[array] has {rows} rows and {cols} cols, but [wiring] has "
            f"{len(wiring.word_lines)} word_lines and {len(wiring.bit_lines)} bit_lines"
        )
    faults = tuple(Fault(**entry) for entry in simulation.get("faults", []))
    for fault in faults:
        if fault.device not in addresses:
            raise ValueError(f"{fault} needs a device of this station ({', '.join(addresses)})")
    seed = simulation.get("noise_seed")
    return SimStation(
        path=path,
        name=str(table.get("name", path.stem)),
        addresses=addresses,
        models=models,
        options=dict(simulation.get("options", {})),
        rows=rows,
        cols=cols,
        wiring=wiring,
        profile=str(simulation["profile"]),
        array_seed=int(simulation["array_seed"]),
        noise_seed=None if seed is None else int(seed),
        faults=faults,
        clock=str(simulation.get("clock", "virtual")),
        pyvisa_sim=path.parent / simulation["pyvisa_sim"] if "pyvisa_sim" in simulation else None,
    )


def _wiring(table: dict[str, Any]) -> Wiring:
    wiring = Wiring(
        word_lines=tuple(_place(text) for text in table["word_lines"]),
        bit_lines=tuple(_place(text) for text in table["bit_lines"]),
        rows={role: _row(role, letter) for role, letter in table["rows"].items()},
        pulser_termination_ohms=float(table.get("pulser_termination_ohms", math.inf)),
        pulser_attenuation_db=float(table.get("pulser_attenuation_db", 0.0)),
        digitizer_transimpedance_ohms=float(table.get("digitizer_transimpedance_ohms", 50.0)),
    )
    if len(wiring.lines) != len(wiring.word_lines) + len(wiring.bit_lines):
        raise ValueError("[wiring] puts two lines on one slot-column")
    if len(set(wiring.rows.values())) != len(wiring.rows):
        raise ValueError("[wiring.rows] puts two roles on one matrix row")
    if not wiring.pulser_termination_ohms > 0:
        raise ValueError("pulser_termination_ohms must be above 0; leave it out for none")
    return wiring


def _place(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9])-(\d\d)", text)
    if match is None:
        raise ValueError(f"{text!r} is not a matrix slot-column such as '1-09'")
    return int(match[1]), int(match[2])


def _row(role: str, letter: str) -> str:
    if re.fullmatch(r"[A-H]", letter) is None:
        raise ValueError(f"[wiring.rows] puts {role!r} on {letter!r}; a matrix row is a letter from A to H")
    return letter
