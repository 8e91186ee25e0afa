"""The random walk of the bits: cumulative sums and random excursions (SP 800-22 rev. 1a, 2.13 to 2.15)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc, gammaincc, ndtr

from labctl.entropy.sp800_22.classes import chi_squared
from labctl.entropy.sp800_22.parameters import Parameters
from labctl.entropy.sp800_22.result import NotApplicable, Outcome
from labctl.entropy.sp800_22.sequence import Sequence

STATES = (-4, -3, -2, -1, 1, 2, 3, 4)
VARIANT_STATES = (-9, -8, -7, -6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6, 7, 8, 9)

_STS_CHANCES = {
    # distance of the state: chances of 0, 1, 2, 3, 4 and more visits in a cycle, as randomExcursions.c rounds them
    1: (0.5, 0.25, 0.125, 0.0625, 0.03125, 0.03125),
    2: (0.75, 0.0625, 0.046875, 0.03515625, 0.0263671875, 0.0791015625),
    3: (0.8333333333, 0.02777777778, 0.02314814815, 0.01929012346, 0.01607510288, 0.0803755143),
    4: (0.875, 0.015625, 0.013671875, 0.01196289063, 0.0104675293, 0.0732727051),
}


def cumulative_sums(sequence: Sequence, parameters: Parameters) -> Outcome:
    """How far does the walk stray, forward and in reverse?"""
    walk = sequence.walk
    high, low, end = max(int(walk.max()), 0), min(int(walk.min()), 0), int(walk[-1])
    return _stray(max(high, -low), sequence.n), _stray(max(high - end, end - low), sequence.n)


def _stray(z: int, n: int) -> float:
    """Chance that a walk of ``n`` steps strays as far as ``z`` (3.13), with the C's limits of the sums."""

    def near(first: int, last: int, offset: int) -> float:
        k = np.arange(first, last + 1)
        upper, lower = (4 * k + offset) * z / math.sqrt(n), (4 * k + offset - 2) * z / math.sqrt(n)
        return float((ndtr(upper) - ndtr(lower)).sum())

    turns = n // z
    last = _quarter(turns - 1)
    p_value = 1 - near(_quarter(1 - turns), last, 1) + near(_quarter(-turns - 3), last, 3)
    return min(max(p_value, 0.0), 1.0)


def _quarter(value: int) -> int:
    """A fourth, rounded towards zero, as integers divide in C."""
    return int(math.copysign(abs(value) // 4, value))


@dataclass(frozen=True)
class _Visits:
    """The walk near zero: ``states`` (visits,) from -9 to 9 in order, and how many ``cycles`` it makes."""

    states: NDArray[np.int32]
    cycles: int


def _visits(sequence: Sequence, parameters: Parameters) -> _Visits | NotApplicable:
    walk = sequence.walk
    near = walk[(walk + 9).view(np.uint32) <= 18]
    cycles = int(np.count_nonzero(near == 0)) + int(walk[-1] != 0)
    least = max(0.005 * math.sqrt(sequence.n), parameters.excursion_cycles)
    if cycles < least:
        return NotApplicable(f"the walk comes back to zero in {cycles} cycles, and the test needs {math.ceil(least)}")
    return _Visits(near, cycles)


def random_excursions(sequence: Sequence, parameters: Parameters) -> Outcome:
    """How often does the walk visit each state between two returns to zero?"""
    visits = _visits(sequence, parameters)
    if isinstance(visits, NotApplicable):
        return visits
    most = max(1000, sequence.n // 100)
    returns = visits.cycles - int(sequence.walk[-1] != 0)
    if returns > most and not parameters.exact:
        return NotApplicable(f"the walk returns to zero {returns} times, and the C has room for {most} and stops")
    cycle = np.cumsum(visits.states == 0)
    close = np.abs(visits.states) <= 4
    key = cycle[close] * 9 + visits.states[close] + 4
    # The return at the very end of the sequence opens no cycle.
    counts = np.bincount(key, minlength=9 * (visits.cycles + 1))[: 9 * visits.cycles].reshape(-1, 9)
    return tuple(_excursion(counts[:, state + 4], abs(state), parameters) for state in STATES)


def _excursion(counts: NDArray[np.int64], distance: int, parameters: Parameters) -> float:
    classes = np.bincount(np.minimum(counts, 5), minlength=6)
    expected = excursion_chances(distance) if parameters.exact else _STS_CHANCES[distance]
    # The C expects cycles * chance even though its rounded chances do not quite add up to one.
    return float(gammaincc(5 / 2, chi_squared(classes, expected) / 2))


def excursion_chances(distance: int) -> tuple[float, ...]:
    """Chances of 0, 1, 2, 3, 4 and more visits to a state in one cycle (3.14)."""
    stay = 1 - 1 / (2 * distance)
    return (stay, *(stay ** (k - 1) / (4 * distance**2) for k in range(1, 5)), stay**4 / (2 * distance))


def random_excursions_variant(sequence: Sequence, parameters: Parameters) -> Outcome:
    """How often does the walk visit each state in all?"""
    visits = _visits(sequence, parameters)
    if isinstance(visits, NotApplicable):
        return visits
    counts = np.bincount(visits.states + 9, minlength=19)
    cycles = visits.cycles
    return tuple(
        float(erfc(abs(int(counts[state + 9]) - cycles) / math.sqrt(2 * cycles * (4 * abs(state) - 2))))
        for state in VARIANT_STATES
    )
