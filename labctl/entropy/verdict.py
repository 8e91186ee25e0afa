"""What all findings of a certification amount to: one verdict per suite, with the chance that it is a false alarm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labctl.entropy import ais31, sp800_22
from labctl.entropy.certify import USUAL_BITS, Suite
from labctl.entropy.findings import Column, Findings, numbers_of
from labctl.entropy.sp800_22 import Parameters, Profile, Status, Summary
from labctl.entropy.sp800_22.minimums import shortfall
from labctl.entropy.sp800_22.multiplicity import holm

FALSE_ALARM = 1e-3
"""Chance that perfect bits fail SP 800-22, at most. Measured and estimated: docs/certify.md, "The verdict"."""
_LEVEL = FALSE_ALARM / 8
"""Of single P-values and of the crowd, each: together a quarter, because small P-values come up to four times as often
as they say."""
_JUDGED_FROM = {"frequency": 1000, "block_frequency": 1000, "cumulative_sums": 1000, "runs": 1000}
_OTHERS_FROM = 100_000
"""Bits of a sequence from which small P-values are that good. With fewer, those of the templates are far too small."""
_CROWD_BITS = 200
"""A crowd of n / 200 sequences of n bits is judged, of more the first: more show how approximate P-values are."""


@dataclass(frozen=True)
class Verdict:
    """Of one suite: its ``status``, and a ``sentence`` for people.

    ``summary`` is the second level of SP 800-22 as the profile has it; the judgement is by the exact one, because
    NIST's program rounds so much for few sequences that perfect bits fail.
    """

    suite: Suite
    status: Status
    sentence: str
    summary: Summary | None = None


def judge(findings: Findings) -> list[Verdict]:
    """One verdict for each suite that was asked for, in that order."""
    judges = {Suite.SP800_22: _sp800_22, Suite.SP800_90B: _sp800_90b, Suite.AIS31: _ais31}
    return [judges[suite](findings) for suite in findings.asked.suites]


def overall(verdicts: Sequence[Verdict]) -> Status:
    """Failed if one suite failed, passed if all passed; else there was too little to judge."""
    said = {verdict.status for verdict in verdicts}
    if Status.FAILED in said:
        return Status.FAILED
    return Status.PASSED if said == {Status.PASSED} else Status.NOT_APPLICABLE


def _judged(test: str, n_bits: int, parameters: Parameters) -> bool:
    return n_bits >= _JUDGED_FROM.get(test, _OTHERS_FROM) and not shortfall(test, n_bits, parameters)


def _sp800_22(findings: Findings) -> Verdict:
    parameters, n_bits = findings.asked.parameters, findings.n_bits[Suite.SP800_22]
    columns = findings.of(Suite.SP800_22)
    judged = [column for column in columns if _judged(column.test, n_bits[0], parameters)]
    summary = sp800_22.summarise_columns(_named(columns), parameters)
    p_values = numbers_of(judged)
    if not p_values.size:
        reason = (
            f"sequences of {n_bits[0]:,} bits are too short to be judged by their P-values: take {USUAL_BITS:,}; "
            f"{min(_JUDGED_FROM.values()):,} is the least"
        )
        return Verdict(Suite.SP800_22, Status.NOT_APPLICABLE, reason, summary)
    low, least = int(np.count_nonzero(p_values < parameters.alpha)), float(holm(p_values).min())
    said = [
        f"{low} of {p_values.size:,} P-values below {parameters.alpha:g} ({parameters.alpha * p_values.size:.1f} "
        f"expected by chance), the least is {least:.2g} by Holm"
    ]
    crowd = 1.0
    size = min(len(n_bits), n_bits[0] // _CROWD_BITS)
    if size > 1:
        exact = replace(parameters, profile=Profile.EXACT)
        level = sp800_22.summarise_columns(_named(judged, size), exact)
        crowd = level.holm
        said.append(
            f"over {'the first ' if size < len(n_bits) else ''}{size:,} sequences {level.failures} of "
            f"{len(level.rows)} rows fail ({level.expected_failures:.1f} expected), the least is {crowd:.2g} by Holm"
        )
    coarse = numbers_of(columns).size - p_values.size
    if coarse:
        said.append(f"{coarse:,} P-values that are too coarse for {n_bits[0]:,} bits are not judged")
    status = Status.FAILED if min(least, crowd) < _LEVEL else Status.PASSED
    return Verdict(Suite.SP800_22, status, "; ".join(said), summary)


def _named(columns: Iterable[Column], size: int | None = None) -> dict[tuple[str, str], NDArray[np.float64]]:
    return {(column.test, column.variant): column.numbers[:size] for column in columns}


def _sp800_90b(findings: Findings) -> Verdict:
    (assessment,) = (column for column in findings.of(Suite.SP800_90B) if column.test == "assessment")
    values, claimed = assessment.numbers, findings.asked.claimed_min_entropy
    said = f"min-entropy {values.min():.4f} per bit"
    if values.size > 1:
        said += f" at least over {values.size:,} sequences (median {np.median(values):.4f})"
    if assessment.where(Status.NOT_APPLICABLE).any():
        return Verdict(Suite.SP800_90B, Status.NOT_APPLICABLE, f"{said}, but {assessment.reason}")
    status = Status.PASSED if (values >= claimed).all() else Status.FAILED
    return Verdict(Suite.SP800_90B, status, f"{said}, {claimed:g} claimed")


def _ais31(findings: Findings) -> Verdict:
    columns = findings.of(Suite.AIS31)
    short = [column for column in columns if column.where(Status.NOT_APPLICABLE).any()]
    if short:
        return Verdict(Suite.AIS31, Status.NOT_APPLICABLE, short[0].reason)
    again = {
        number for column in columns if column.variant != "1" for number in np.flatnonzero(~np.isnan(column.numbers))
    }
    failed = [  # the last round stands
        column
        for column in columns
        if (set(np.flatnonzero(column.where(Status.FAILED))) - (again if column.variant == "1" else set()))
    ]
    if not failed:
        sequences = len(findings.n_bits[Suite.AIS31])
        retried = f", {len(again)} of {sequences} after the retry that is allowed" if again else ""
        return Verdict(Suite.AIS31, Status.PASSED, f"T1 to T4 of T_irn passed{retried}")
    said = f"failed {', '.join(sorted({column.test for column in failed}))}"
    if any(column.variant == "1" for column in failed):
        said += f"; perfect bits do so in 1.5 % of first rounds: a retry takes {ais31.ROUND:,} bits more"
    return Verdict(Suite.AIS31, Status.FAILED, said)
