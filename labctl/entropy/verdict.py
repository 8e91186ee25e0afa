"""What all lines of a certification amount to: one verdict per suite, with the chance that it is a false alarm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from labctl.entropy import ais31, sp800_22
from labctl.entropy.certify import Asked, Line, Suite
from labctl.entropy.sp800_22 import Profile, Status, Summary
from labctl.entropy.sp800_22.multiplicity import holm

FALSE_ALARM = 1e-3
"""Chance that perfect bits fail SP 800-22, at most, were its P-values exact: half for single ones, half for the crowd.

They are approximations for long sequences: perfect bits fail far more often in sequences of some thousand bits.
"""


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


def judge(lines: Iterable[Line], asked: Asked) -> list[Verdict]:
    """One verdict for each suite that was asked for, in that order."""
    by_suite: dict[Suite, list[Line]] = {suite: [] for suite in asked.suites}
    for line in lines:
        by_suite[line.suite].append(line)
    judges = {Suite.SP800_22: _sp800_22, Suite.SP800_90B: _sp800_90b, Suite.AIS31: _ais31}
    return [judges[suite](found, asked) for suite, found in by_suite.items()]


def passed(verdicts: Sequence[Verdict]) -> bool:
    """Whether no suite failed, and one at least had something to say."""
    said = {verdict.status for verdict in verdicts}
    return Status.FAILED not in said and Status.PASSED in said


def _sp800_22(lines: list[Line], asked: Asked) -> Verdict:
    sequences: dict[int, list[sp800_22.Result]] = {}
    for line in lines:
        result = sp800_22.Result(line.test, line.variant, line.p_value, line.status, line.reason)
        sequences.setdefault(line.sequence, []).append(result)
    p_values = np.array([line.p_value for line in lines if line.p_value is not None], float)
    if not p_values.size:
        return Verdict(Suite.SP800_22, Status.NOT_APPLICABLE, f"no test could be applied: {lines[0].reason}")
    low = int(np.count_nonzero(p_values < asked.parameters.alpha))
    least = float(holm(p_values).min())
    grouped = [tuple(sequences[number]) for number in sorted(sequences)]
    summary = sp800_22.summarise(grouped, asked.parameters)
    judged = sp800_22.summarise(grouped, replace(asked.parameters, profile=Profile.EXACT))
    crowd = judged.holm if len(sequences) > 1 else 1.0
    status = Status.FAILED if min(least, crowd) < FALSE_ALARM / 2 else Status.PASSED
    sentence = (
        f"{low} of {p_values.size:,} P-values below {asked.parameters.alpha:g} "
        f"({asked.parameters.alpha * p_values.size:.1f} expected by chance); the least is {least:.2g} by Holm"
    )
    if len(sequences) > 1:
        sentence += (
            f"; over {len(sequences):,} sequences {judged.failures} of {len(judged.rows)} rows fail "
            f"({judged.expected_failures:.1f} expected), the least is {crowd:.2g} by Holm"
        )
    return Verdict(Suite.SP800_22, status, sentence, summary)


def _sp800_90b(lines: list[Line], asked: Asked) -> Verdict:
    found = [line for line in lines if line.test == "assessment"]
    values = np.array([line.value for line in found], float)
    said = f"min-entropy {values.min():.4f} per bit"
    if values.size > 1:
        said += f" at least over {values.size:,} sequences (median {np.median(values):.4f})"
    if any(line.status is Status.NOT_APPLICABLE for line in found):
        return Verdict(Suite.SP800_90B, Status.NOT_APPLICABLE, f"{said}, but {found[0].reason}")
    status = Status.PASSED if (values >= asked.claimed_min_entropy).all() else Status.FAILED
    return Verdict(Suite.SP800_90B, status, f"{said}, {asked.claimed_min_entropy:g} claimed")


def _ais31(lines: list[Line], _: Asked) -> Verdict:
    if any(line.status is Status.NOT_APPLICABLE for line in lines):
        return Verdict(Suite.AIS31, Status.NOT_APPLICABLE, next(line.reason for line in lines if line.reason))
    last: dict[int, list[Line]] = {}
    for line in sorted(lines, key=lambda line: line.variant):  # the last round stands
        last[line.sequence] = [each for each in last.get(line.sequence, []) if each.variant == line.variant] + [line]
    failed = [line for found in last.values() for line in found if line.status is Status.FAILED]
    if not failed:
        again = sum(found[0].variant != "1" for found in last.values())
        said = f"T1 to T4 of T_irn passed{f', {again} of {len(last)} after the retry that is allowed' if again else ''}"
        return Verdict(Suite.AIS31, Status.PASSED, said)
    said = f"failed {', '.join(sorted({line.test for line in failed}))}"
    if any(line.variant == "1" for line in failed):
        said += f"; perfect bits do so in 1.5 % of first rounds: a retry takes {ais31.ROUND:,} bits more"
    return Verdict(Suite.AIS31, Status.FAILED, said)
