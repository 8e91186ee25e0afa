"""The command line: one file per group of commands, each loading only what it needs."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer
from rich.console import Console

from labctl.cli.exits import exit_code
from labctl.core.errors import LabError


def app() -> typer.Typer:
    """The whole command line."""
    from labctl.cli import agent, bits, db, demo, jobs, run, sample, serve, stations

    root = typer.Typer(
        help="The service a spintronics lab runs its bench on.",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
    )
    root.command(name="demo")(demo.demo)
    root.command(name="serve")(serve.serve)
    root.command(name="agent", hidden=True)(agent.agent)
    root.command(name="run")(run.run)
    root.command(name="submit")(jobs.submit)
    root.command(name="jobs")(jobs.jobs)
    root.command(name="show")(jobs.show)
    root.command(name="cancel")(jobs.cancel)
    root.command(name="procedures")(jobs.procedures)
    root.command(name="bits")(bits.bits)
    root.command(name="draw")(bits.draw)
    root.command(name="sample")(sample.sample)
    root.command(name="station")(stations.station)
    root.command(name="db")(db.db)
    return root


def main() -> None:
    """The console script: run the whole command line."""
    run(app())


def run(command: Callable[[], object]) -> None:
    """Run a command; a LabError becomes one sentence on stderr and an exit code (see ``exits``)."""
    try:
        command()
    except LabError as error:
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        console.print(f"labctl: {error}", style="red", markup=False)
        for note in getattr(error, "__notes__", ()):
            console.print(f"  {note}", markup=False)
        sys.exit(exit_code(error))
