"""What all tests said of all sequences, kept small: numbers in columns, and as many lines as one page shows."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.entropy.certify import Asked, Line, Piece, Suite
from labctl.entropy.sp800_22 import Status

KEPT_LINES = 400
KEPT_SEQUENCES = 1000
"""So many may be told one by one; of more, only how many passed."""
STATUSES = tuple(Status)
LEFT_OUT = len(STATUSES)  # a second round that was not needed


@dataclass
class Column:
    """One test and variant over the sequences 0, 1, ...: P-values of SP 800-22, values of the others.

    ``reason`` is the first one that it gave for being not applicable.
    """

    suite: Suite
    test: str
    variant: str
    reason: str = ""
    _numbers: array[float] = field(default_factory=lambda: array("d"))
    _statuses: bytearray = field(default_factory=bytearray)

    def add(self, line: Line) -> None:
        """The line of the next sequence, or of one after it: those that are left out have no status."""
        left_out = line.sequence - len(self._statuses)
        number = line.p_value if self.suite is Suite.SP800_22 else line.value
        self._numbers.extend([np.nan] * left_out + [np.nan if number is None else number])
        self._statuses.extend([LEFT_OUT] * left_out + [STATUSES.index(line.status)])
        self.reason = self.reason or line.reason

    @property
    def numbers(self) -> NDArray[np.float64]:
        """Float64 (sequences,); NaN where there is none."""
        return np.array(self._numbers)

    def where(self, status: Status) -> NDArray[np.bool_]:
        """Which sequences have this status: bool (sequences,)."""
        found: NDArray[np.bool_] = np.frombuffer(bytes(self._statuses), np.uint8) == STATUSES.index(status)
        return found

    def plain(self) -> dict[str, Any]:
        """As JSON; the numbers of each sequence are in it unless they are very many."""
        row: dict[str, Any] = {"suite": str(self.suite), "test": self.test, "variant": self.variant}
        row |= {str(status): int(self.where(status).sum()) for status in STATUSES}
        if len(self._numbers) <= KEPT_SEQUENCES:
            name = "p_values" if self.suite is Suite.SP800_22 else "values"
            row[name] = [None if math.isnan(number) else number for number in self._numbers]
        if self.reason:
            row["reason"] = self.reason
        return row


def numbers_of(columns: Iterable[Column]) -> NDArray[np.float64]:
    """All numbers that there are in ``columns``, one column after the other."""
    found: NDArray[np.float64] = np.concatenate([np.empty(0), *(column.numbers for column in columns)])
    return found[~np.isnan(found)]


class Findings:
    """Of the ``work`` that was ``asked`` for; lines are added in the order of the work.

    ``first`` are the lines of sequence 0, ``lines`` those of all sequences (None when they are too many to show),
    ``odd`` the first that did not pass, of ``odd_count``.
    """

    def __init__(self, asked: Asked, work: Iterable[Piece]) -> None:
        self.asked = asked
        self.n_bits: dict[Suite, list[int]] = {suite: [] for suite in asked.suites}
        for piece in work:
            self.n_bits[piece.suite].append(piece.n_bits)
        self.first: list[Line] = []
        self.lines: list[Line] | None = []
        self.odd: list[Line] = []
        self.odd_count = 0
        self._columns: dict[Suite, dict[tuple[str, str], Column]] = {suite: {} for suite in asked.suites}

    def add(self, lines: Iterable[Line]) -> None:
        """What one suite said of one sequence."""
        for line in lines:
            named = (line.test, line.variant)
            self._columns[line.suite].setdefault(named, Column(line.suite, *named)).add(line)
            if line.sequence == 0:
                self.first.append(line)
            if self.lines is not None:
                self.lines.append(line)
                if len(self.lines) > KEPT_LINES:
                    self.lines = None
            if line.status is not Status.PASSED:
                self.odd_count += 1
                if len(self.odd) < KEPT_LINES:
                    self.odd.append(line)

    def of(self, suite: Suite) -> list[Column]:
        """All columns of a suite, in its order."""
        return list(self._columns[suite].values())

    def plain(self) -> list[dict[str, Any]]:
        """All columns of all suites, as JSON."""
        return [column.plain() for suite in self.asked.suites for column in self.of(suite)]
