"""How the array is wired to the matrix: data, and the crosspoints that follow from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from labctl.core.device import Crosspoint, Line

GROUND = "ground"


@dataclass(frozen=True, order=True)
class Contact:
    """A column of the matrix, where a line of the array ends: slot and column, both from 1."""

    slot: int
    column: int

    def __str__(self) -> str:
        return f"{self.slot}-{self.column:02d}"


@dataclass(frozen=True)
class Wiring:
    """Lines on columns, instruments on rows.

    ``word_lines`` and ``bit_lines`` are in the order of the array's rows and columns; ``rows`` gives the matrix
    row (A = 1) of each role and of ``ground``. ``sense_ohms`` is volts at the digitizer per ampere out of a line.
    ``exclusions`` are sets of roles that must never share a line.
    """

    word_lines: tuple[Contact, ...]
    bit_lines: tuple[Contact, ...]
    rows: Mapping[str, int]
    pulser_termination_ohms: float = math.inf
    pulser_attenuation_db: float = 0.0
    sense_ohms: float = 50.0
    exclusions: tuple[frozenset[str], ...] = ()

    @cached_property
    def lines(self) -> Mapping[Line, Contact]:
        """Every line of the array with its contact."""
        words = {Line("word", index): contact for index, contact in enumerate(self.word_lines)}
        return words | {Line("bit", index): contact for index, contact in enumerate(self.bit_lines)}

    @cached_property
    def places(self) -> Mapping[tuple[int, int], int]:
        """Number of the line (word lines first) at each slot and column of the matrix."""
        contacts = self.word_lines + self.bit_lines
        return {(contact.slot, contact.column): number for number, contact in enumerate(contacts)}

    def crosspoint(self, role: str, line: Line) -> Crosspoint:
        """The relay between an instrument (or ``ground``) and a line."""
        contact = self.lines[line]
        return Crosspoint(contact.slot, self.rows[role], contact.column)

    def grounds(self) -> frozenset[Crosspoint]:
        """The relays that put every line on ground."""
        return frozenset(self.crosspoint(GROUND, line) for line in self.lines)
