"""``labctl bits`` and ``labctl draw``: the account of the bits, and bits to a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from labctl.cli.jobs import AsJson, plain
from labctl.cli.options import DEFAULT_SERVICE, Service
from labctl.client import Client
from labctl.core.errors import LabError


def bits(
    draw_id: Annotated[str | None, typer.Argument(help="A draw: show where every bit of it came from.")] = None,
    as_json: AsJson = False,
    service: Service = DEFAULT_SERVICE,
) -> None:
    """Show how many bits are there, by origin; or the parts of one draw."""
    with Client(service) as client:
        if draw_id is not None:
            parts = client.audit(draw_id)
            if as_json:
                typer.echo(json.dumps([plain(part) for part in parts], indent=2))
                return
            table = Table("segment", "junction", "from bit", "to bit", "job", box=None)
            for part in parts:
                junction = f"({part.row}, {part.col})"
                table.add_row(part.segment, junction, str(part.start_bit), str(part.stop_bit), part.job)
            Console().print(table)
            return
        account = client.account()
    if as_json:
        typer.echo(json.dumps([plain(line) for line in account], indent=2))
        return
    table = Table("origin", "deposited", "drawable", "drawn", "unhealthy", box=None)
    for line in account:
        table.add_row(line.origin, *(f"{n:,}" for n in (line.deposited, line.drawable, line.drawn, line.unhealthy)))
    Console().print(table if account else "no bits yet; harvest some with `labctl submit bitstream`")


def draw(
    n_bits: Annotated[int, typer.Argument(help="How many bits; a multiple of 8.", min=8, show_default=False)],
    out: Annotated[Path, typer.Option(help="File to write: packed, most significant bit first.", show_default=False)],
    purpose: Annotated[str, typer.Option(help="What they are for; it is kept with the draw.")] = "command line",
    consumer: Annotated[str, typer.Option(envvar="LABCTL_OWNER", help="Who spends them.")] = "cli",
    accept_simulated: Annotated[bool, typer.Option("--accept-simulated", help="Take simulated bits too.")] = False,
    service: Service = DEFAULT_SERVICE,
) -> None:
    """Draw bits into a file. They are spent by this and never handed out again."""
    if out.exists():
        raise typer.BadParameter(f"{out} exists; bits are not written over other bits", param_hint="--out")
    with Client(service) as client:
        drawn = client.draw(n_bits, consumer=consumer, purpose=purpose, accept_simulated=accept_simulated)
        try:
            with out.open("xb") as file:  # before the bits are taken: a folder that cannot be written costs none
                taken = client.take(drawn.id)
                file.write(taken.packed)
        except OSError as error:
            raise LabError(
                f"{out} cannot be written ({error.strerror}); draw {drawn.id} is committed, and its bits can be had "
                f"with curl {service}/v1/draws/{drawn.id}/bits, or /replay if they had left already"
            ) from error
    typer.echo(f"{n_bits:,} {taken.origin} bits in {out}; draw {drawn.id}, SHA-256 {taken.sha256()}")
