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
from labctl.entropy.certify import Piece, Suite
from labctl.entropy.findings import Findings, numbers_of
from labctl.entropy.verdict import FALSE_ALARM, Verdict, overall


@dataclass(frozen=True)
class Figure:
    """A plot and what it shows."""

    png: bytes
    caption: str


def as_html(name: str, origin: str, first: Piece, findings: Findings, verdicts: Sequence[Verdict]) -> str:
    """The page; ``first`` is the stretch whose autocorrelation is shown."""
    asked = findings.asked
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(files("labctl.cli").joinpath("certify.html.j2").read_text(encoding="utf-8"))
    return template.render(
        name=name,
        origin=origin,
        asked=asked,
        made_at=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=version("labctl"),
        verdicts=verdicts,
        status=overall(verdicts),
        sequences={suite: sorted(set(findings.n_bits[suite])) for suite in asked.suites},
        counts={suite: len(findings.n_bits[suite]) for suite in asked.suites},
        figures=list(_figures(first, findings, verdicts)),
        second=next((v.summary for v in verdicts if v.summary is not None), None),
        many=len(findings.n_bits.get(Suite.SP800_22, [])) > 1,
        lines=findings.first if findings.lines is None else findings.lines,
        odd=findings.odd,
        odd_left=findings.odd_count - len(findings.odd),
        cut=findings.lines is None,
        false_alarm=FALSE_ALARM,
        png=lambda data: "data:image/png;base64," + base64.b64encode(data).decode(),
    )


def _figures(first: Piece, findings: Findings, verdicts: Sequence[Verdict]) -> list[Figure]:
    found, asked = [], findings.asked
    p_values = numbers_of(findings.of(Suite.SP800_22) if Suite.SP800_22 in asked.suites else [])
    if p_values.size:
        found.append(
            Figure(
                plots.p_values(p_values),
                f"{p_values.size:,} P-values of SP 800-22. Of perfect bits they are uniform: the band holds 99 % of "
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
    estimates = findings.of(Suite.SP800_90B) if Suite.SP800_90B in asked.suites else []
    if estimates:
        found.append(
            Figure(
                plots.estimates(estimates, asked.claimed_min_entropy),
                "Min-entropy per bit by each estimator of SP 800-90B, one dot per sequence. The least is the "
                "assessment. A million perfect bits get 0.85 or so: the compression test is that coarse.",
            )
        )
    found.append(
        Figure(
            plots.autocorrelation(first.packed(), first.n_bits),
            f"Correlation of each bit with the k-th after it, over the first {first.n_bits:,} bits. The band holds "
            "99 % of perfect bits' values at one lag.",
        )
    )
    return found
