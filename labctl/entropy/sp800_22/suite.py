"""The fifteen tests in NIST's order, and one sequence through them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from labctl.core.bits import Bits
from labctl.core.errors import ParameterError
from labctl.entropy.sp800_22.complexity import linear_complexity
from labctl.entropy.sp800_22.frequency import block_frequency, frequency, runs
from labctl.entropy.sp800_22.longest_run import longest_run
from labctl.entropy.sp800_22.minimums import shortfall
from labctl.entropy.sp800_22.parameters import NIST, Parameters
from labctl.entropy.sp800_22.patterns import approximate_entropy, serial
from labctl.entropy.sp800_22.rank import rank
from labctl.entropy.sp800_22.result import NotApplicable, Outcome, Result, verdicts
from labctl.entropy.sp800_22.sequence import Sequence
from labctl.entropy.sp800_22.spectral import fft
from labctl.entropy.sp800_22.templates import non_overlapping_template, overlapping_template, template_names
from labctl.entropy.sp800_22.universal import universal
from labctl.entropy.sp800_22.walk import (
    STATES,
    VARIANT_STATES,
    cumulative_sums,
    random_excursions,
    random_excursions_variant,
)


def _one(_: Parameters) -> tuple[str, ...]:
    return ("",)


@dataclass(frozen=True)
class _Test:
    p_values: Callable[[Sequence, Parameters], Outcome]
    variants: Callable[[Parameters], tuple[str, ...]] = _one


TESTS: Mapping[str, _Test] = MappingProxyType(
    {
        "frequency": _Test(frequency),
        "block_frequency": _Test(block_frequency),
        "cumulative_sums": _Test(cumulative_sums, lambda _: ("forward", "reverse")),
        "runs": _Test(runs),
        "longest_run": _Test(longest_run),
        "rank": _Test(rank),
        "fft": _Test(fft),
        "non_overlapping_template": _Test(non_overlapping_template, template_names),
        "overlapping_template": _Test(overlapping_template),
        "universal": _Test(universal),
        "approximate_entropy": _Test(approximate_entropy),
        "random_excursions": _Test(random_excursions, lambda _: tuple(f"{state:+d}" for state in STATES)),
        "random_excursions_variant": _Test(
            random_excursions_variant, lambda _: tuple(f"{state:+d}" for state in VARIANT_STATES)
        ),
        "serial": _Test(serial, lambda _: ("1", "2")),
        "linear_complexity": _Test(linear_complexity),
    }
)
"""By name, in the order of NIST's reports."""


def run(bits: Bits | Sequence, parameters: Parameters = NIST, tests: Iterable[str] | None = None) -> tuple[Result, ...]:
    """Every P-value of ``tests`` (all, if None) on one sequence: 188 with NIST's parameters.

    A test that cannot be applied says so in its results; nothing is raised for bits, however few or odd.
    """
    names = list(TESTS if tests is None else tests)
    for name in names:
        if name not in TESTS:
            raise ParameterError(f"there is no test {name!r}; choose from {', '.join(TESTS)}")
    sequence = Sequence.of(bits) if isinstance(bits, Bits) else bits
    return tuple(_each(sequence, parameters, names))


def _each(sequence: Sequence, parameters: Parameters, names: list[str]) -> Iterator[Result]:
    for name in names:
        test = TESTS[name]
        lacks = shortfall(name, sequence.n, parameters) if parameters.insists else ""
        outcome = NotApplicable(lacks) if lacks else test.p_values(sequence, parameters)
        yield from verdicts(name, test.variants(parameters), outcome, parameters.alpha)
