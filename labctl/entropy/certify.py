"""Certification: the suites that were asked for over the sequences of one or more sources, and one verdict on each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.core.bits import Bits, Origin
from labctl.core.errors import ParameterError
from labctl.entropy import ais31, sp800_22, sp800_90b
from labctl.entropy.files import BitFile
from labctl.entropy.sp800_22 import Parameters, Profile, Status

USUAL_BITS = 1_000_000
"""A sequence, unless another length is asked for: what SP 800-22 recommends and SP 800-90B demands."""


class Suite(StrEnum):
    """Whose tests."""

    SP800_22 = "sp800-22"
    SP800_90B = "sp800-90b"
    AIS31 = "ais31"


@dataclass(frozen=True)
class Line:
    """What one test said of one sequence.

    ``p_value`` is None for what gives none: then ``value`` is what it found (min-entropy in bits per bit, or the
    test's statistic), or ``reason`` says why it is not applicable.
    """

    suite: Suite
    sequence: int
    test: str
    variant: str
    p_value: float | None
    status: Status
    value: float | None = None
    reason: str = ""

    def plain(self) -> dict[str, Any]:
        """As JSON has it; what is empty is left out, but for the P-value."""
        row: dict[str, Any] = {
            "test": self.test,
            "variant": self.variant,
            "p_value": self.p_value,
            "status": str(self.status),
            "suite": str(self.suite),
            "sequence": self.sequence,
        }
        if self.value is not None:
            row["value"] = self.value
        if self.reason:
            row["reason"] = self.reason
        return row


@dataclass(frozen=True)
class Asked:
    """What is to be done to every sequence: suites, profile of SP 800-22, and the min-entropy per bit to be held."""

    suites: tuple[Suite, ...]
    profile: Profile = Profile.STS
    claimed_min_entropy: float = 0.75

    def __post_init__(self) -> None:
        if not self.suites:
            raise ParameterError(f"no suite was asked for; choose from {', '.join(Suite)}")
        if not 0 <= self.claimed_min_entropy <= 1:
            raise ParameterError(
                f"a min-entropy of {self.claimed_min_entropy:g} per bit was claimed; a bit has between 0 and 1"
            )

    @property
    def parameters(self) -> Parameters:
        """Of SP 800-22."""
        return Parameters(profile=self.profile)


@dataclass(frozen=True)
class Piece:
    """A stretch of bits for one suite: sequence number ``sequence`` of all that this suite gets."""

    suite: Suite
    sequence: int
    file: BitFile
    start_bit: int
    n_bits: int

    def packed(self) -> NDArray[np.uint8]:
        """The bits, read now."""
        return self.file.cut(self.start_bit, self.n_bits)


def pieces(files: Sequence[BitFile], asked: Asked, n_bits: int | None, count: int | None) -> list[Piece]:
    """The work: each file cut into sequences of ``n_bits``, ``count`` of them in all (None: as many as there are).

    A sequence never runs from one file into the next. AIS 31 takes its own stretch from the beginning of each file.
    Without ``n_bits`` a sequence has a million, or the whole file if that is less.

    Raises ParameterError when there are not so many.
    """
    if n_bits is not None and n_bits < 1:
        raise ParameterError(f"sequences of {n_bits} bits were asked for; {USUAL_BITS:,} is usual")
    if count is not None and count < 1:
        raise ParameterError(f"{count} sequences were asked for; 1 is the least, 55 or more tell about a source")
    length = n_bits or min(USUAL_BITS, max(file.n_bits for file in files))
    starts = [(file, start) for file in files for start in range(0, file.n_bits - length + 1, length)]
    if len(starts) < (count or 1):
        there = ", ".join(f"{file.n_bits:,}" for file in files[:5]) + (", ..." if len(files) > 5 else "")
        raise ParameterError(
            f"{count or 1} sequences of {length:,} bits were asked for; there are {len(starts)} in the {there} bits "
            f"given{', and none goes on in another file' if len(files) > 1 else ''}: ask for fewer or shorter ones, or "
            "bring more bits"
        )
    work = []
    for suite in asked.suites:
        if suite is Suite.AIS31:
            both = 2 * ais31.ROUND  # the second only for those who fail the first
            limit = both if n_bits is None or count is None else min(both, n_bits * count)
            work += [Piece(suite, i, file, 0, min(file.n_bits, limit)) for i, file in enumerate(files)]
        else:
            work += [Piece(suite, i, file, start, length) for i, (file, start) in enumerate(starts[:count])]
    return work


def examine(suite: Suite, sequence: int, packed: NDArray[np.uint8], n_bits: int, asked: Asked) -> list[Line]:
    """Every line of one suite on one sequence of ``n_bits`` in ``packed``, uint8 (ceil(n_bits / 8),)."""
    return [
        Line(suite, sequence, *found)  # each suite says: test, variant, P-value, status, value, reason
        for found in _SUITES[suite](packed, n_bits, asked)
    ]


_Found = tuple[str, str, float | None, Status, float | None, str]


def _sp800_22(packed: NDArray[np.uint8], n_bits: int, asked: Asked) -> Iterable[_Found]:
    for result in sp800_22.run(sp800_22.Sequence(packed, n_bits), asked.parameters):
        yield result.test, result.variant, result.p_value, result.status, None, result.reason


def _sp800_90b(packed: NDArray[np.uint8], n_bits: int, asked: Asked) -> Iterable[_Found]:
    assessment = sp800_90b.assess(Bits(packed.tobytes(), n_bits, Origin.RECORDED))
    few = "" if assessment.enough else f"the standard asks for {USUAL_BITS:,} bits or more, not {n_bits:,}"
    named = [(_snake(each.name), each.min_entropy, each.reason) for each in assessment.original]
    for name, value, reason in [*named, ("assessment", assessment.min_entropy, "")]:
        if value is None or few:
            yield name, "", None, Status.NOT_APPLICABLE, value, reason or few
        else:
            held = value >= asked.claimed_min_entropy
            yield name, "", None, Status.PASSED if held else Status.FAILED, value, ""


def _snake(name: str) -> str:
    return name.lower().replace(" ", "_").replace("-", "_")


def _ais31(packed: NDArray[np.uint8], n_bits: int, _: Asked) -> Iterable[_Found]:
    if n_bits < ais31.ROUND:
        reason = f"one round takes {ais31.ROUND:,} bits, not {n_bits:,}"
        for name in ais31.FALSE_ALARMS:
            yield _snake(name), "1", None, Status.NOT_APPLICABLE, None, reason
        return
    found = ais31.t_irn(Bits(packed.tobytes(), n_bits, Origin.RECORDED))
    for number, results in enumerate(found.rounds, 1):
        for result in results:
            status = Status.PASSED if result.passed else Status.FAILED
            yield _snake(result.name), str(number), None, status, float(result.value), ""


_SUITES: Mapping[Suite, Callable[[NDArray[np.uint8], int, Asked], Iterable[_Found]]] = MappingProxyType(
    {Suite.SP800_22: _sp800_22, Suite.SP800_90B: _sp800_90b, Suite.AIS31: _ais31}
)
