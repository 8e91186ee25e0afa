"""``labctl conform``: does this instrument, real or simulated, answer as its golden transcript says?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labctl.bench import conform as bench_conform
from labctl.bench.visa import open_visa
from labctl.core.errors import ParameterError


def conform(
    address: Annotated[str, typer.Argument(help="VISA address of the instrument.", show_default=False)],
    model: Annotated[str, typer.Option(help="Whose transcript, e.g. keithley2400.", show_default=False)] = "",
    library: Annotated[
        str, typer.Option(help='The VISA library: "" = the installed one, "@py", or "sim:demo@labctl".')
    ] = "",
    transcript: Annotated[Path | None, typer.Option(help="Your own transcript file.", show_default=False)] = None,
    allow_live: Annotated[bool, typer.Option(help="Also run what turns outputs on or moves relays.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for a reply.", min=0.01)] = 5.0,
) -> None:
    """Send a golden transcript to an instrument and report every difference, as `diff -u` does.

    The instrument is reset on the way: connect no sample. Sections that turn outputs on or move relays are not sent
    without --allow-live. Exit code 0 = it answers as written, 1 = it does not.
    """
    if bool(model) == (transcript is not None):
        raise ParameterError("say what it should answer as: --model with a name of ours, or --transcript with a file")
    golden = bench_conform.load(model, transcript)
    for need in golden.needs:
        typer.echo(f"needs {need}")
    visa = open_visa(library, timeout)
    try:
        report = bench_conform.conform(visa, address, golden, allow_live=allow_live)
    finally:
        visa.close()
    typer.echo(report.unified(golden.name, address), nl=False)
    for section in report.refused:
        typer.echo(f"not sent: line {section.line} [{section.name}] turns outputs on or moves relays; see --allow-live")
    for what in report.impossible:
        typer.echo(f"not possible on this connection: line {what.line} {what.written}")
    typer.echo(f"{report.compared} answers compared with {golden.name}, {len(report.differences)} differ")
    raise typer.Exit(0 if report.agrees else 1)
