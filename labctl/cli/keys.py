"""``labctl keys``: who may ask the service for what."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer
from rich.console import Console
from rich.table import Table

from labctl.cli.jobs import AsJson
from labctl.cli.options import Home
from labctl.client import Client
from labctl.core.errors import DatabaseError, ParameterError
from labctl.core.home import resolve_home
from labctl.ledger import engine
from labctl.ledger.values import Role

DAY_SECONDS = 86_400.0

Service = Annotated[
    str | None,
    typer.Option(
        envvar="LABCTL_SERVICE",
        help="Ask the service at this address, as its admin; without it, a home folder that no service uses now.",
    ),
]

keys = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys.")


@keys.command()
def add(
    owner: Annotated[str, typer.Argument(help="Whose key it is.", show_default=False)],
    role: Annotated[
        Role,
        typer.Option(
            help="viewer looks; submitter also orders and draws; operator rules over all jobs; admin makes keys."
        ),
    ] = Role.SUBMITTER,
    bench: Annotated[
        list[str] | None, typer.Option(help="Only for this bench; give it again for another one. Default: all.")
    ] = None,
    expires_days: Annotated[
        float | None, typer.Option(help="Good for so long. Default: until revoked.", min=0.0)
    ] = None,
    note: Annotated[str, typer.Option(help="What it is for.")] = "",
    home: Home = None,
    service: Service = None,
) -> None:
    """Make a key. Its secret is printed once, alone on standard output, and is kept nowhere: set it as LABCTL_KEY."""
    seconds = None if expires_days is None else expires_days * DAY_SECONDS
    if seconds == 0.0:
        raise ParameterError("a key that expires at once is good for nothing; give more than 0 days")
    with _book(service, home) as book:
        key, secret = book.add(owner, role, benches=bench, expires_seconds=seconds, note=note)
    benches = ", ".join(key.benches) if key.benches else "all benches"
    until = f"until {_moment(key.expires_at)}" if key.expires_at else "until it is revoked"
    typer.echo(f"key {key.id}: {key.role} {key.owner}, {benches}, {until}. The secret, shown this once:", err=True)
    typer.echo(secret)


@keys.command("list")
def list_keys(as_json: AsJson = False, home: Home = None, service: Service = None) -> None:
    """List all keys that were ever made, without their secrets."""
    with _book(service, home) as book:
        found = [asdict(key) for key in book.list()]
    if as_json:
        typer.echo(json.dumps(found, indent=2, default=str))
        return
    table = Table("key", "begins", "owner", "role", "benches", "expires", "revoked", "last used", "note", box=None)
    for key in found:
        times = [_moment(key[name]) for name in ("expires_at", "revoked_at", "used_at")]
        benches = ", ".join(key["benches"]) if key["benches"] else "all"
        table.add_row(key["id"], key["hint"], key["owner"], str(key["role"]), benches, *times, key["note"])
    Console().print(table if found else "no keys yet; make one with `labctl keys add NAME --role admin`")


@keys.command()
def revoke(
    key: Annotated[str, typer.Argument(help="The key, as `labctl keys list` names it.", show_default=False)],
    home: Home = None,
    service: Service = None,
) -> None:
    """Make a key good for nothing from now on."""
    with _book(service, home) as book:
        gone = book.revoke(key)
    typer.echo(f"key {gone.id} of {gone.owner} was revoked at {_moment(gone.revoked_at)}")


class _Book(Protocol):
    """Where keys are kept: a ledger's own, or those of a service."""

    def add(
        self, owner: str, role: Role, *, benches: list[str] | None, expires_seconds: float | None, note: str
    ) -> tuple[Any, str]: ...

    def list(self) -> Sequence[Any]: ...

    def revoke(self, key: str) -> Any: ...


class _OfService:
    def __init__(self, client: Client) -> None:
        self._client = client
        self.list = client.api_keys
        self.revoke = client.revoke_key

    def add(
        self, owner: str, role: Role, *, benches: list[str] | None, expires_seconds: float | None, note: str
    ) -> tuple[Any, str]:
        return self._client.add_key(owner, str(role), benches=benches, expires_seconds=expires_seconds, note=note)


@contextmanager
def _book(service: str | None, home: Path | None) -> Iterator[_Book]:
    if service is not None:
        with Client(service) as client:
            yield _OfService(client)
        return
    folder = resolve_home(home)
    try:
        with engine.alone(folder):
            engine.migrate(folder)
            with engine.open_ledger(folder) as ledger:
                yield ledger.keys
    except DatabaseError as error:
        error.add_note("while a service runs on that folder, name it: --service http://127.0.0.1:8000")
        raise


def _moment(instant: datetime | str | None) -> str:
    return "" if instant is None else str(instant)[:16].replace("T", " ") + " UTC"
