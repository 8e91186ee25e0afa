"""Procedures: measurements that ask for roles and yield what they find.

A procedure is a frozen dataclass. Its fields are its parameters (their annotations become its JSON schema),
the parameter names of its ``run`` are the roles it needs, and its docstring says what it measures::

    @dataclass(frozen=True)
    class IvCurve:
        \"\"\"Current into a word line, all bit lines on ground, at `points` voltages up to `stop_volts`.\"\"\"

        row: Annotated[int, Interval(ge=0)] = 0
        stop_volts: Annotated[float, Interval(ge=0, le=0.2)] = 0.1
        points: Annotated[int, Interval(ge=2, le=1000)] = 21

        def run(self, smu: SourceMeter, array: ArrayPort) -> Items:
            array.route({"smu": Line("word", self.row)})
            for volts in np.linspace(0.0, self.stop_volts, self.points):
                smu.apply_volts(float(volts), limit_amps=1e-3)
                yield Record.of("point", volts=float(volts), amps=smu.measure().amps)
            smu.off()

Stopping a procedure is closing its generator; there is no flag to poll.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from labctl.core.bits import Bits

Scalar = str | float | int | bool | None


@dataclass(frozen=True)
class Record:
    """One row of a result: ``kind`` groups rows of one shape, ``values`` are scalars with units in their names."""

    kind: str
    values: Mapping[str, Scalar]

    @classmethod
    def of(cls, kind: str, /, **values: Scalar) -> Record:
        """A record from keywords: ``Record.of("point", volts=0.1, amps=3.3e-6)``."""
        return cls(kind, values)


@dataclass(frozen=True)
class Harvest:
    """Raw bits of one junction, with what is needed to judge and to trace them."""

    bits: Bits
    row: int
    col: int
    healthy: bool
    details: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True)
class Artifact:
    """A file that a procedure made, e.g. a picture."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class Progress:
    """How far it is: ``done`` of ``total`` in the procedure's own ``unit``."""

    done: int
    total: int
    unit: str = "steps"


Item = Record | Harvest | Artifact | Progress


class Procedure(Protocol):
    """What the runner asks of a procedure; its ``run`` takes the roles it names."""

    @property
    def run(self) -> Any:
        """The measurement: called with devices by role name, returns an iterator of Items."""
        ...


def roles(procedure: type[Any]) -> tuple[str, ...]:
    """The roles that ``procedure`` asks for, in order, e.g. ``("smu", "array")``."""
    return tuple(inspect.signature(procedure.run).parameters)[1:]


def title(procedure: type[Any]) -> str:
    """The first line of the procedure's docstring."""
    return (inspect.getdoc(procedure) or procedure.__name__).splitlines()[0]


Items = Iterator[Item]
