"""The bench as written down: a TOML file becomes frozen values. Pure: nothing is opened, nothing imported."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labctl.bench.array_tables import ArrayShape, read_array, read_wiring
from labctl.bench.limits import EXAMPLE, Limits, read_limits
from labctl.bench.lines import listed
from labctl.bench.tables import Mistake, Table
from labctl.bench.wiring import GROUND, Wiring
from labctl.core import plugins
from labctl.core.errors import PartNotFound, StationError

SOURCE_ROLES = ("pulser", "smu")
MATRIX_ROLE = "matrix"
WIRED_ROLES = (*SOURCE_ROLES, "digitizer")


@dataclass(frozen=True)
class InstrumentEntry:
    """One instrument: its role, its driver's name, its VISA address, and options for the driver."""

    role: str
    driver: str
    address: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Station:
    """A bench as written down; ``text`` is the file it was read from, ``digest`` its SHA-256."""

    name: str
    path: Path
    text: str
    visa_library: str
    timeout_seconds: float
    instruments: Mapping[str, InstrumentEntry]
    array: ArrayShape | None
    wiring: Wiring | None
    limits: Limits | None

    @property
    def digest(self) -> str:
        """SHA-256 of the file's text, hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def load_station(name_or_path: str | Path) -> Station:
    """The station of that name, or the one in that TOML file.

    Raises StationError listing every mistake in the file, PartNotFound if there is no station of that name.
    """
    path = _find(name_or_path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StationError(f"the station file {path} cannot be read ({error}); check its path") from error
    return parse_station(text, path.resolve())


def parse_station(text: str, path: Path) -> Station:
    """The station that ``text`` describes; ``path`` is where it stands."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StationError(f"{path} is no valid TOML: {error}; mend that line") from error
    mistakes: list[str] = []
    top = Table("", content, mistakes)
    name = top.text("name", path.stem)
    if name is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name):
        mistakes.append(f"name = {name!r}: files and addresses carry it; use letters, digits, '_', '.' and '-' only")
    library = top.text("visa_library", "@py", default="")
    timeout = top.number("timeout_seconds", "5", default=5.0)
    instruments = _instruments(Table("instruments", top.take("instruments") or {}, mistakes))
    shape = read_array(top)
    wired = [GROUND, *(role for role in WIRED_ROLES if role in instruments)]
    wiring = read_wiring(top, shape, wired, {GROUND, *instruments})
    limits = _limits(top, mistakes, instruments)
    top.refuse_rest(also_known=("simulation",))  # that table is for the simulated bench alone
    if shape is not None and MATRIX_ROLE not in instruments:
        mistakes.append("[array] needs a switch matrix to reach it; add [instruments.matrix]")
    if mistakes or name is None or library is None or timeout is None:
        count = f"{len(mistakes)} mistake{'s' if len(mistakes) != 1 else ''}"
        raise StationError(f"the station file {path} has {count}:\n" + listed(mistakes, text))
    return Station(
        name=name,
        path=path,
        text=text,
        visa_library=library.replace("{station}", str(path)),
        timeout_seconds=timeout,
        instruments=instruments,
        array=shape,
        wiring=wiring,
        limits=limits,
    )


def _find(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.suffix == ".toml" or path.is_file():
        if not path.is_file():
            raise StationError(f"there is no station file {path}; check the path")
        return path
    try:
        return Path(plugins.resolve(plugins.STATIONS, str(name_or_path))())
    except PartNotFound as error:
        raise PartNotFound(f"{error}; a station may also be given as the path of its .toml file") from error


def _instruments(table: Table) -> dict[str, InstrumentEntry]:
    found: dict[str, InstrumentEntry] = {}
    known = plugins.known(plugins.DRIVERS)
    for role, content in table.content.items():
        entry = Table(f"instruments.{role}", content, table.mistakes)
        if role in ("array", "bank", "clock", "devices", "origin"):
            text = f"[instruments.{role}]: this role is the bench's own; choose another name"
            table.mistakes.append(Mistake.at(entry.path, text))
        driver = entry.text("driver", "keithley2400")
        address = entry.text("address", "GPIB0::24::INSTR")
        if driver is not None and ":" not in driver and driver not in known:
            entry.mistake(
                "driver",
                f"there is no driver named {driver!r}; known are: {', '.join(known) or 'none'}. "
                "Your own is named as 'package.module:Class'",
            )
        if driver is not None and address is not None:
            found[role] = InstrumentEntry(role, driver, address, entry.rest())
    addresses: dict[str, str] = {}
    for role, instrument in found.items():
        other = addresses.setdefault(instrument.address.upper(), role)
        if other != role:
            text = f"{instrument.address!r} is also that of [instruments.{other}]; give each instrument its own"
            Table(f"instruments.{role}", table.content[role], table.mistakes).mistake("address", text)
    return found


def _limits(top: Table, mistakes: list[str], instruments: Mapping[str, InstrumentEntry]) -> Limits | None:
    content = top.take("limits")
    if content is None:
        if any(role in instruments for role in SOURCE_ROLES):
            mistakes.append(f"[limits] is missing; nothing may be sourced without limits at the junction: {EXAMPLE}")
        return None
    return read_limits(content, mistakes)
