"""``labctl station``: check a station file, and with it the bench that it describes."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from typing import Annotated

import typer

from labctl.bench.behind import behind
from labctl.bench.bench import open_bench
from labctl.bench.checkup import Finding, examine
from labctl.bench.owner import owning
from labctl.bench.station import Station, load_station
from labctl.bench.visa import open_visa
from labctl.cli.options import Home
from labctl.cli.signals import as_interrupt
from labctl.core import plugins
from labctl.core.home import resolve_home

SIMULATED = "sim:"
"""Of a VISA library that is nothing but a file and what is computed from it: opening it touches no bench."""

stations = typer.Typer(no_args_is_help=True, help="Check station files, and the benches that they describe.")


@stations.callback()
def _group() -> None:
    """A group, though it has one command."""


@stations.command()
def check(
    name: Annotated[str, typer.Argument(help="A station: a name or a TOML file.", show_default=False)],
    bench: Annotated[
        bool, typer.Option("--bench", help="Then look at the bench: identities, errors, dark current, every line.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="What was found on the bench, as JSON.")] = False,
    home: Home = None,
) -> None:
    """Check a station file and say what it describes; only with --bench is an instrument touched.

    Exit code 2 for mistakes in the file, 1 when something on the bench is not as it should be.
    """
    found = load_station(name)
    for instrument in found.instruments.values():
        plugins.resolve(plugins.DRIVERS, instrument.driver)
    if not as_json:
        _describe(found)
    if not bench:
        return
    findings: list[Finding] = []
    with (
        owning(resolve_home(home), found.name) as journal,
        as_interrupt("checking the bench"),
        open_bench(found, journal) as opened,
    ):
        for finding in examine(opened):
            findings.append(finding)
            if not as_json:
                typer.echo(f"{' ' if finding.well else '!'} {finding.what:24} {finding.found}")
                if finding.remedy:
                    typer.echo(f"  {'':24} {finding.remedy}")
    if as_json:
        typer.echo(json.dumps([{**asdict(finding), "well": finding.well} for finding in findings], indent=2))
    wrong = sum(not finding.well for finding in findings)
    if not as_json:
        typer.echo(f"{wrong} of {len(findings)} not as expected" if wrong else f"all {len(findings)} as expected")
    if wrong:
        raise typer.Exit(1)


def _describe(found: Station) -> None:
    typer.echo(f"{found.path}: station {found.name!r}, VISA library {found.visa_library or 'the system default'!r}")
    for role, instrument in found.instruments.items():
        typer.echo(f"  {role:10} {instrument.driver} at {instrument.address}")
    if found.array is not None:
        typer.echo(f"  array      {found.array.rows} x {found.array.cols}")
    if found.visa_library.startswith(SIMULATED):
        with contextlib.closing(open_visa(found.visa_library, found.timeout_seconds)) as library:
            typer.echo(f"  simulated  {behind({'library': library.provenance})}")
