"""``labctl safe``: bring a bench to rest, whatever state a crash has left it in."""

from __future__ import annotations

from typing import Annotated

import typer

from labctl.bench.bench import make_safe
from labctl.bench.owner import owning
from labctl.bench.station import load_station
from labctl.cli.options import Home
from labctl.cli.signals import as_interrupt
from labctl.core.home import resolve_home


def safe(
    station: Annotated[str, typer.Argument(help="A station: a name or a TOML file.")],
    home: Home = None,
) -> None:
    """Bring every instrument of a station to rest: pulses stopped, sources ramped to zero and off, lines on ground.

    Exit code 0 when all of them read back safe; 4 when one does not, with what is left to do by hand.
    """
    found = load_station(station)
    with owning(resolve_home(home), found.name) as journal, as_interrupt("bringing the bench to rest"):
        failures = make_safe(found, journal)
    failed = {failure.role: failure.error for failure in reversed(failures)}
    for role, entry in found.instruments.items():
        if role not in failed:
            typer.echo(f"  {role:10} at rest ({entry.driver} at {entry.address})")
    for role, error in failed.items():
        what = f"{role:10} NOT SAFE: " if role in found.instruments else ""
        typer.echo(f"  {what}{error or type(error).__name__}", err=True)
    if by_hand := [role for role in failed if role in found.instruments]:
        typer.echo(
            f"By hand: switch off the output of {', '.join(by_hand)} at the front panel, turning its level down to "
            f"zero first; lift the probes if that cannot be seen to be done. Then run `labctl safe {station}` again",
            err=True,
        )
    if failed:
        raise typer.Exit(4)
