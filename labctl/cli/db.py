"""``labctl db``: create or upgrade the database."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from labctl.cli.options import Home
from labctl.core.home import resolve_home
from labctl.ledger import engine


def db(
    action: Annotated[Literal["upgrade"], typer.Argument(help="What to do.")] = "upgrade",
    home: Home = None,
    url: Annotated[
        str | None, typer.Option(help="SQLAlchemy URL; default: the SQLite file in the home folder.")
    ] = None,
) -> None:
    """Create the database, or upgrade it to this version's tables; keeps what is in it."""
    folder = resolve_home(home)
    folder.mkdir(parents=True, exist_ok=True)
    with engine.alone(folder):
        engine.migrate(url or folder)
    typer.echo(f"the ledger {f'of {folder}' if url is None else 'at this URL'} is up to date")
