"""The bench as written down: a TOML file becomes frozen values. Pure: nothing is opened, nothing imported."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labctl.bench.envelope import Limits
from labctl.bench.tables import Table
from labctl.bench.wiring import GROUND, Contact, Wiring
from labctl.core import plugins
from labctl.core.errors import PartNotFound, StationError

SOURCE_ROLES = ("pulser", "smu")
MATRIX_ROLE = "matrix"
WIRED_ROLES = (*SOURCE_ROLES, "digitizer")

_CONTACT = re.compile(r"([1-9])-(\d\d)")
_LIMITS = {
    "pulse_positive_volts": "1.0",
    "pulse_negative_volts": "0.5",
    "pulse_width_seconds": "100e-9",
    "dc_volts": "0.25",
    "amps": "2e-3",
}


@dataclass(frozen=True)
class InstrumentEntry:
    """One instrument: its role, its driver's name, its VISA address, and options for the driver."""

    role: str
    driver: str
    address: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class ArrayShape:
    """How many lines the array has."""

    rows: int
    cols: int


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
    shape = _array(top, mistakes)
    wiring = _wiring(top, mistakes, shape, instruments)
    limits = _limits(top, mistakes, instruments)
    top.refuse_rest(also_known=("simulation",))  # that table is for the simulated bench alone
    if shape is not None and MATRIX_ROLE not in instruments:
        mistakes.append("[array] needs a switch matrix to reach it; add [instruments.matrix]")
    if mistakes or name is None or library is None or timeout is None:
        count = f"{len(mistakes)} mistake{'s' if len(mistakes) != 1 else ''}"
        raise StationError(f"the station file {path} has {count}:\n" + "\n".join(f"  {line}" for line in mistakes))
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
            table.mistakes.append(f"[instruments.{role}]: this role is the bench's own; choose another name")
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
            table.mistakes.append(
                f"[instruments.{role}] address: {instrument.address!r} is also that of [instruments.{other}]; "
                "give each instrument its own"
            )
    return found


def _array(top: Table, mistakes: list[str]) -> ArrayShape | None:
    content = top.take("array")
    if content is None:
        return None
    table = Table("array", content, mistakes)
    rows, cols = table.whole("rows", "8"), table.whole("cols", "8")
    table.refuse_rest()
    return ArrayShape(rows, cols) if rows is not None and cols is not None else None


def _wiring(
    top: Table, mistakes: list[str], shape: ArrayShape | None, instruments: Mapping[str, InstrumentEntry]
) -> Wiring | None:
    content = top.take("wiring")
    if content is None:
        if top.content.get("array") is not None:
            mistakes.append("[wiring] is missing; an [array] needs word_lines, bit_lines and rows")
        return None
    if top.content.get("array") is None:
        mistakes.append("[array] is missing; [wiring] wires an array of that many rows and cols")
    table = Table("wiring", content, mistakes)
    words = _contacts(table, "word_lines", shape.rows if shape else None, "rows")
    bits = _contacts(table, "bit_lines", shape.cols if shape else None, "cols")
    both = [contact for contact in dict.fromkeys(words) if contact in bits]
    for contact in both:
        table.mistake("bit_lines", f'"{contact}" is a word line as well; a column of the matrix carries one line')
    rows = _rows(table, instruments)
    termination = table.number("pulser_termination_ohms", "50.0", default=float("inf"))
    attenuation = table.number("pulser_attenuation_db", "0.0", default=0.0, above=False)
    sense = table.number("digitizer_transimpedance_ohms", "1.0e4", default=50.0)
    table.refuse_rest()
    if termination is None or attenuation is None or sense is None:
        return None
    return Wiring(tuple(words), tuple(bits), rows, termination, attenuation, sense)


def _contacts(table: Table, key: str, wanted: int | None, of: str) -> list[Contact]:
    value = table.take(key)
    if not isinstance(value, list):
        table.mistake(key, f'must be a list of matrix columns, one per line, e.g. {key} = ["1-01", "1-02"]')
        return []
    found: list[Contact] = []
    for spelling in value:
        match = _CONTACT.fullmatch(spelling) if isinstance(spelling, str) else None
        if match is None or match[2] == "00":
            table.mistake(key, f'{spelling!r} is no matrix column; write slot-column with two digits, e.g. "1-01"')
            continue
        contact = Contact(int(match[1]), int(match[2]))
        if contact in found:
            table.mistake(key, f'"{contact}" stands there twice; a column of the matrix carries one line')
        found.append(contact)
    if wanted is not None and len(value) != wanted:
        table.mistake(key, f"has {len(value)} entries, but [array] {of} = {wanted}; give one per line")
    return found


def _rows(table: Table, instruments: Mapping[str, InstrumentEntry]) -> dict[str, int]:
    value = table.take("rows")
    if not isinstance(value, Mapping):
        table.mistake("rows", 'must give the matrix row of each instrument, e.g. rows = { smu = "B", ground = "H" }')
        return {}
    found: dict[str, int] = {}
    for role, letter in value.items():
        if role != GROUND and role not in instruments:
            table.mistake("rows", f"{role!r} is no instrument of this station; add [instruments.{role}] or take it out")
        if not (isinstance(letter, str) and len(letter) == 1 and "A" <= letter <= "Z"):
            table.mistake("rows", f'{role} = {letter!r} is no matrix row; write one capital letter, e.g. {role} = "A"')
            continue
        row = ord(letter) - ord("A") + 1
        if row in found.values():
            table.mistake("rows", f"row {letter} is given twice; each instrument and the ground need their own")
        found[role] = row
    for role in (GROUND, *(role for role in WIRED_ROLES if role in instruments)):
        if role not in value:
            table.mistake("rows", f'{role} is missing; add the matrix row that it is wired to, e.g. {role} = "H"')
    return found


def _limits(top: Table, mistakes: list[str], instruments: Mapping[str, InstrumentEntry]) -> Limits | None:
    content = top.take("limits")
    if content is None:
        if any(role in instruments for role in SOURCE_ROLES):
            example = ", ".join(_LIMITS)
            mistakes.append(f"[limits] is missing; nothing may be sourced without limits at the junction: {example}")
        return None
    table = Table("limits", content, mistakes)
    numbers = {key: table.number(key, example) for key, example in _LIMITS.items()}
    table.refuse_rest()
    found = {key: number for key, number in numbers.items() if number is not None}
    if len(found) != len(numbers):
        return None
    limits = Limits(**found)
    if min(limits.pulse_positive_volts, limits.pulse_negative_volts) < limits.dc_volts:
        table.mistake(
            "dc_volts", f"is {limits.dc_volts:g}, above the limit of a pulse; what may stay may also be short"
        )
    return limits
