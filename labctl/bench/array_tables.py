"""The tables [array] and [wiring] of a station file: how many lines there are, and what each is connected to."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from labctl.bench.tables import Table
from labctl.bench.wiring import GROUND, Contact, Wiring

_CONTACT = re.compile(r"([1-9])-(\d\d)")


@dataclass(frozen=True)
class ArrayShape:
    """How many lines the array has."""

    rows: int
    cols: int


def read_array(top: Table) -> ArrayShape | None:
    """The table [array] of the file ``top``; None if there is none, or a mistake in it."""
    content = top.take("array")
    if content is None:
        return None
    table = Table("array", content, top.mistakes)
    rows, cols = table.whole("rows", "8"), table.whole("cols", "8")
    table.refuse_rest()
    return ArrayShape(rows, cols) if rows is not None and cols is not None else None


def read_wiring(
    top: Table, shape: ArrayShape | None, needed: Collection[str] = (), known: Collection[str] | None = None
) -> Wiring | None:
    """The table [wiring] of the file ``top``; None if there is none, or a mistake in it.

    The ``needed`` must each have a row of the matrix, and only the ``known`` may (None: whoever likes).
    """
    content = top.take("wiring")
    if content is None:
        if top.content.get("array") is not None:
            top.mistakes.append("[wiring] is missing; an [array] needs word_lines, bit_lines and rows")
        return None
    if top.content.get("array") is None:
        top.mistakes.append("[array] is missing; [wiring] wires an array of that many rows and cols")
    table = Table("wiring", content, top.mistakes)
    words = _contacts(table, "word_lines", shape.rows if shape else None, "rows")
    bits = _contacts(table, "bit_lines", shape.cols if shape else None, "cols")
    both = [contact for contact in dict.fromkeys(words) if contact in bits]
    for contact in both:
        table.mistake("bit_lines", f'"{contact}" is a word line as well; a column of the matrix carries one line')
    rows = _rows(table, needed, known)
    termination = table.number("pulser_termination_ohms", "50.0", default=float("inf"))
    attenuation = table.number("pulser_attenuation_db", "0.0", default=0.0, above=False)
    sense = table.number("digitizer_transimpedance_ohms", "1.0e4", default=50.0)
    exclusions = _exclusions(table, rows)
    table.refuse_rest()
    if termination is None or attenuation is None or sense is None:
        return None
    return Wiring(tuple(words), tuple(bits), rows, termination, attenuation, sense, exclusions)


def _exclusions(table: Table, rows: Mapping[str, int]) -> tuple[frozenset[str], ...]:
    value = table.take("exclusions")
    if value is None:
        return ()
    example = 'exclusions = [["pulser", "smu"]]'
    if not isinstance(value, list):
        table.mistake("exclusions", f"must be a list of lists of instruments that may not share a line, e.g. {example}")
        return ()
    found: list[frozenset[str]] = []
    for roles in value:
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles) or len(set(roles)) < 2:
            table.mistake("exclusions", f"{roles!r} is no list of two instruments or more, e.g. {example}")
            continue
        for role in sorted(set(roles) - (rows.keys() - {GROUND})):
            table.mistake("exclusions", f"{role!r} has no row of the matrix; name instruments that stand in rows")
        found.append(frozenset(roles))
    return tuple(found)


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


def _rows(table: Table, needed: Collection[str], known: Collection[str] | None) -> dict[str, int]:
    value = table.take("rows")
    if not isinstance(value, Mapping):
        table.mistake("rows", 'must give the matrix row of each instrument, e.g. rows = { smu = "B", ground = "H" }')
        return {}
    found: dict[str, int] = {}
    for role, letter in value.items():
        if known is not None and role not in known:
            table.mistake("rows", f"{role!r} is no instrument of this station; add [instruments.{role}] or take it out")
        if not (isinstance(letter, str) and len(letter) == 1 and "A" <= letter <= "Z"):
            table.mistake("rows", f'{role} = {letter!r} is no matrix row; write one capital letter, e.g. {role} = "A"')
            continue
        row = ord(letter) - ord("A") + 1
        if row in found.values():
            table.mistake("rows", f"row {letter} is given twice; each instrument and the ground need their own")
        found[role] = row
    for role in needed:
        if role not in value:
            table.mistake("rows", f'{role} is missing; add the matrix row that it is wired to, e.g. {role} = "H"')
    return found
