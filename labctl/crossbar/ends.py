"""What is at the end of a line: a driver, a switch and a contact in series, a voltmeter, or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from labctl.core.errors import ParameterError
from labctl.crossbar.reduction import Floats


@dataclass(frozen=True)
class LineEnd:
    """A connected line end: an ideal source behind three resistances, any of which may be 0.

    A grounded end is one whose source is at 0 V, a sensed one is that too: its ammeter's burden is ``driver_ohms``.
    """

    driver_ohms: float = 0.0
    switch_ohms: float = 0.0
    contact_ohms: float = 0.0

    def __post_init__(self) -> None:
        for name, ohms in vars(self).items():
            if not 0 <= ohms < np.inf:
                raise ParameterError(f"{name} is {ohms}; it must be 0 or more and finite, None stands for an open end")

    @property
    def ohms(self) -> float:
        """All of it in series."""
        return self.driver_ohms + self.switch_ohms + self.contact_ohms


def end_ohms(ends: Iterable[LineEnd | None]) -> Floats:
    """The ends of one side as ``Network`` takes them: float64 (lines,), ohm; None floats or has an ideal voltmeter."""
    return np.array([np.inf if end is None else end.ohms for end in ends])
