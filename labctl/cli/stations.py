"""``labctl station``: check a station file without touching the bench."""

from __future__ import annotations

from typing import Annotated

import typer

from labctl.bench.station import load_station
from labctl.core import plugins


def station(name: Annotated[str, typer.Argument(help="A station: a name or a TOML file.")]) -> None:
    """Check a station file and say what it describes; no instrument is touched."""
    found = load_station(name)
    for instrument in found.instruments.values():
        plugins.resolve(plugins.DRIVERS, instrument.driver)
    typer.echo(f"{found.path}: station {found.name!r}, VISA library {found.visa_library or 'the system default'!r}")
    for role, instrument in found.instruments.items():
        typer.echo(f"  {role:10} {instrument.driver} at {instrument.address}")
    if found.array is not None:
        typer.echo(f"  array      {found.array.rows} x {found.array.cols}")
