"""``labctl station``: check a station file without touching a bench; one that is simulated is built, not run."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from labctl.bench.station import load_station
from labctl.bench.visa import open_visa
from labctl.cli.behind import behind
from labctl.core import plugins

SIMULATED = "sim:"
"""Of a VISA library that is nothing but a file and what is computed from it: opening it touches no bench."""


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
    if found.visa_library.startswith(SIMULATED):
        with contextlib.closing(open_visa(found.visa_library, found.timeout_seconds)) as library:
            typer.echo(f"  simulated  {behind({'library': library.provenance})}")
