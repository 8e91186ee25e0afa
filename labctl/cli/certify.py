"""``labctl certify``: hold bits to the standards' tests, and keep what was found beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from labctl.cli.drafts import Draft, drafted
from labctl.cli.options import DEFAULT_SERVICE, Service
from labctl.cli.signals import as_interrupt
from labctl.cli.subjects import Subject, opened_subject
from labctl.client import Client
from labctl.client.values import Certificate
from labctl.core.bits import Origin
from labctl.core.errors import ParameterError
from labctl.entropy import certify as certification
from labctl.entropy import spread, verdict
from labctl.entropy.files import Format
from labctl.entropy.findings import Findings
from labctl.entropy.sp800_22 import Profile, Status
from labctl.entropy.verdict import Verdict

FAILED = 7
"""Exit code when the bits failed in a suite; that one could not judge them is 3."""
UNJUDGED = 3
ALL = "all"


def certify(
    subject: Annotated[str, typer.Argument(help="A file of bits; or a draw; or a run.", show_default=False)],
    suite: Annotated[
        list[str], typer.Option(help="sp800-22, sp800-90b, ais31 or all; give it again for another one.")
    ] = ["sp800-22"],  # noqa: B006 - typer reads the default, nobody changes it
    profile: Annotated[
        Profile, typer.Option(help="Of SP 800-22: NIST's program with its mistakes, or these corrected.")
    ] = Profile.STS,
    form: Annotated[Format, typer.Option("--format", help="How bits lie in the file.")] = Format.PACKED,
    bits: Annotated[
        int | None,
        typer.Option(help="Bits of a sequence. Default: 1,000,000, or all if there are fewer.", show_default=False),
    ] = None,
    sequences: Annotated[
        int | None,
        typer.Option(help="How many sequences. Default: 1 with --bits, else as many as there are.", show_default=False),
    ] = None,
    min_entropy: Annotated[float, typer.Option(help="Claimed, per bit: what SP 800-90B has to find.")] = 0.75,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write every result to this file.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write a page with plots to this file.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes. Default: one per core.", min=1)] = None,
    fleet: Annotated[
        str | None, typer.Option(help="Spread over the Ray cluster at this address; `local` starts one.")
    ] = None,
    service: Service = DEFAULT_SERVICE,
) -> None:
    """Test bits by SP 800-22, SP 800-90B and AIS 31. Exit code 0: passed all; 7: failed one; 3: too few for one.

    A draw has to be taken and a run's bits to be spent: bits that were looked at are not fresh. What is found of a
    draw or a run is kept by the service, with it. SP 800-22 wants sequences of a million bits; below 100,000 only four
    of its tests are judged, and below 1,000 none.
    """
    asked = certification.Asked(_suites(suite), profile, min_entropy)
    _refuse_unwritable(Path(subject), json_out, report)
    out = Console(highlight=False, soft_wrap=True)
    with (
        as_interrupt("ending the workers"),
        opened_subject(subject, form, service) as found,
        drafted(json_out, report) as (rows, page),
    ):
        work = certification.pieces(found.files, asked, bits, sequences if sequences is not None or bits is None else 1)
        findings = _tested(work, asked, workers, fleet, rows)
        verdicts = verdict.judge(findings)
        _say(out, found, verdicts, _used(work))
        if found.draw or found.run:
            out.print(f"kept as certificate {_kept(service, found, findings, verdicts, _used(work)).id}")
        if page is not None:
            from labctl.cli.certify_report import as_html  # matplotlib takes a second

            page.write(as_html(found.name, found.origin, work[0], findings, verdicts))
            page.keep()
        for draft in (rows, page):
            if draft is not None and draft.fault is None:
                out.print(f"written {draft.path}")
    status = verdict.overall(verdicts)
    if status is not Status.PASSED:
        raise typer.Exit(FAILED if status is Status.FAILED else UNJUDGED)


def _tested(
    work: list[certification.Piece],
    asked: certification.Asked,
    workers: int | None,
    fleet: str | None,
    rows: Draft | None,
) -> Findings:
    """All findings; each result goes to ``rows`` at once, as a list in JSON with one result in a line."""
    findings = Findings(asked, work)
    before = "[\n "
    for lines in _spread(work, asked, workers, fleet):
        findings.add(lines)
        if rows is not None:
            rows.write(before + ",\n ".join(json.dumps(line.plain()) for line in lines))
            before = ",\n "
    if rows is not None:
        rows.write("\n]\n")
        rows.keep()
    return findings


def _say(out: Console, found: Subject, verdicts: list[Verdict], used: int) -> None:
    if found.origin == Origin.SIMULATED:
        out.print("simulated bits: what is judged is a model of the junction and its pseudo-random generator")
    for each in verdicts:
        colour = {Status.PASSED: "green", Status.FAILED: "red", Status.NOT_APPLICABLE: "yellow"}[each.status]
        out.print(f"[{colour}]{each.status.replace('_', ' '):14}[/] {each.suite}: {each.sentence}")
    total = sum(file.n_bits for file in found.files)
    if used < total:
        out.print(f"{total - used:,} of {total:,} bits were not looked at")


def _kept(service: str, found: Subject, findings: Findings, verdicts: list[Verdict], used: int) -> Certificate:
    with Client(service) as client:
        return client.keep_certificate(
            {
                "draw": found.draw,
                "run": found.run,
                "sha256": found.digest(),
                "n_bits": used,
                "suites": [str(each) for each in findings.asked.suites],
                "profile": str(findings.asked.profile),
                "passed": verdict.overall(verdicts) is Status.PASSED,
                "verdict": "; ".join(f"{each.suite} {each.status}: {each.sentence}" for each in verdicts),
                "results": findings.plain(),
                "version": version("labctl"),
            }
        )


def _refuse_unwritable(subject: Path, *paths: Path | None) -> None:
    """Before anything is tested: hours may pass until it is written."""
    given = [path for path in paths if path is not None]
    for path in given:
        if not path.absolute().parent.is_dir():
            raise ParameterError(f"the folder of {path} is not there; make it first, nothing was tested")
        if path.exists() and not path.is_file():
            raise ParameterError(f"{path} is there and is no file; name another one, nothing was tested")
        if path.exists() and subject.exists() and path.samefile(subject):
            raise ParameterError(f"{path} holds the bits, and the results would replace them; name another file")
    if len({path.absolute() for path in given}) < len(given):
        raise ParameterError(f"--json and --report are both {given[0]}; give each its own file")


def _suites(words: Iterable[str]) -> tuple[certification.Suite, ...]:
    asked = list(dict.fromkeys(words))
    if ALL in asked:
        return tuple(certification.Suite)
    known = [str(each) for each in certification.Suite]
    for word in asked:
        if word not in known:
            raise ParameterError(f"there is no suite {word!r}; choose from {', '.join(known)} and {ALL}")
    return tuple(certification.Suite(word) for word in asked)


def _spread(
    work: list[certification.Piece], asked: certification.Asked, workers: int | None, fleet: str | None
) -> Iterator[list[certification.Line]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    times = (TimeElapsedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, *times, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("sequences", total=len(work))
        for lines in (
            spread.over_cores(work, asked, workers) if fleet is None else spread.over_fleet(work, asked, fleet)
        ):
            bar.advance(task)
            yield lines


def _used(work: list[certification.Piece]) -> int:
    """Bits that some suite looks at: stretches begin at the beginning of their file and leave no gap."""
    ends: dict[Path, int] = {}
    for piece in work:
        ends[piece.file.path] = max(ends.get(piece.file.path, 0), piece.start_bit + piece.n_bits)
    return sum(ends.values())
