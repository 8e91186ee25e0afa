"""The page that ``labctl certify --report`` writes: one file of HTML with its plots in it."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from labctl.cli import certify_plots as plots
from labctl.entropy.certify import Asked, Line, Piece, Suite
from labctl.entropy.sp800_22 import Status
from labctl.entropy.verdict import FALSE_ALARM, Verdict, passed

SHOWN_ROWS = 400


@dataclass(frozen=True)
class Figure:
    """A plot and what it shows."""

    png: bytes
    caption: str


def page(
    name: str, origin: str, asked: Asked, work: Sequence[Piece], lines: Sequence[Line], verdicts: Sequence[Verdict]
) -> str:
    """The page as HTML."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(files("labctl.cli").joinpath("certify.html.j2").read_text(encoding="utf-8"))
    odd = [line for line in lines if line.status is not Status.PASSED]
    return template.render(
        name=name,
        origin=origin,
        asked=asked,
        made_at=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=version("labctl"),
        verdicts=verdicts,
        passed=passed(verdicts),
        sequences={suite: sorted({piece.n_bits for piece in work if piece.suite is suite}) for suite in asked.suites},
        counts={suite: sum(piece.suite is suite for piece in work) for suite in asked.suites},
        figures=list(_figures(asked, work, lines, verdicts)),
        second=next((v.summary for v in verdicts if v.summary is not None), None),
        many=sum(piece.suite is Suite.SP800_22 for piece in work) > 1,
        lines=[line for line in lines if line.sequence == 0] if len(lines) > SHOWN_ROWS else lines,
        odd=odd[:SHOWN_ROWS],
        odd_left=max(0, len(odd) - SHOWN_ROWS),
        cut=len(lines) > SHOWN_ROWS,
        false_alarm=FALSE_ALARM,
        png=lambda data: "data:image/png;base64," + base64.b64encode(data).decode(),
    )


def _figures(asked: Asked, work: Sequence[Piece], lines: Sequence[Line], verdicts: Sequence[Verdict]) -> list[Figure]:
    found = []
    p_values = [line.p_value for line in lines if line.suite is Suite.SP800_22 and line.p_value is not None]
    if p_values:
        found.append(
            Figure(
                plots.p_values(p_values),
                f"{len(p_values):,} P-values of SP 800-22. Of perfect bits they are uniform: the band holds 99 % of "
                "the counts of a tenth, if the P-values were independent, which those of overlapping templates and of "
                "one random walk are not.",
            )
        )
    summary = next((v.summary for v in verdicts if v.summary is not None), None)
    if summary is not None and any(row.sequences > 1 for row in summary.rows):
        found.append(
            Figure(
                plots.proportions(summary.rows, asked.parameters.alpha),
                "Share of sequences that pass each test, one dot per variant, with the standard's band of three "
                "standard deviations. A dot in colour lies outside, or its P-values are not uniform; some do by "
                "chance, and how many are to be expected stands in the verdict.",
            )
        )
    estimates = [line for line in lines if line.suite is Suite.SP800_90B and line.value is not None]
    if estimates:
        found.append(
            Figure(
                plots.estimates(estimates, asked.claimed_min_entropy),
                "Min-entropy per bit by each estimator of SP 800-90B, one dot per sequence. The least is the "
                "assessment. A million perfect bits get 0.85 or so: the compression test is that coarse.",
            )
        )
    first = work[0]
    found.append(
        Figure(
            plots.autocorrelation(first.packed(), first.n_bits),
            f"Correlation of each bit with the k-th after it, over the first {first.n_bits:,} bits. The band holds "
            "99 % of perfect bits' values at one lag.",
        )
    )
    return found
