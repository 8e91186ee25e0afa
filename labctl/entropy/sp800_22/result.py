"""What a test says: a P-value and a verdict, or the reason why it says nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """A test that cannot be applied has neither passed nor failed."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True)
class Result:
    """One P-value. ``variant`` is the template, the state, the direction or the number; empty where there is but one.

    ``p_value`` is None exactly when ``status`` is not_applicable, and then ``reason`` says why.
    """

    test: str
    variant: str
    p_value: float | None
    status: Status
    reason: str = ""


@dataclass(frozen=True)
class NotApplicable:
    """What a test returns in place of P-values."""

    reason: str


Outcome = tuple[float, ...] | NotApplicable
"""P-values in the order of the test's variants, or the reason why there are none."""


def verdicts(test: str, variants: tuple[str, ...], outcome: Outcome, alpha: float) -> tuple[Result, ...]:
    """One result per variant; as in the C, a P-value of ``alpha`` itself has passed."""
    if isinstance(outcome, NotApplicable):
        return tuple(Result(test, variant, None, Status.NOT_APPLICABLE, outcome.reason) for variant in variants)
    return tuple(
        Result(test, variant, p_value, Status.FAILED if p_value < alpha else Status.PASSED)
        for variant, p_value in zip(variants, outcome, strict=True)
    )
