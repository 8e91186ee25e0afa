"""``labctl serve``: the service and its agents together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from labctl.bench.station import load_station
from labctl.cli import stack
from labctl.cli.options import Home
from labctl.cli.signals import as_interrupt
from labctl.core.clock import WallClock
from labctl.core.home import resolve_home


def serve(
    station: Annotated[
        list[str], typer.Option(help="A station: a name or a TOML file. May be given more than once.")
    ] = ["demo", "sampler"],  # noqa: B006 - typer reads the default, nobody changes it
    home: Home = None,
    port: Annotated[int, typer.Option(help="Port; 0 takes any free one.", min=0, max=65535)] = 8000,
    host: Annotated[str, typer.Option(help="Address of this machine to listen on.")] = stack.HOST,
    name: Annotated[
        list[str], typer.Option(help="A name by which others call this machine. May be given more than once.")
    ] = [],  # noqa: B006 - typer reads the default, nobody changes it
    require_keys: Annotated[bool, typer.Option("--require-keys", help="Ask every caller for a key.")] = False,
    tls_certificate: Annotated[Path | None, typer.Option(help="PEM file, with its chain.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file of its private key.")] = None,
) -> None:
    """Run the service, with one agent for each station, until Ctrl-C.

    The default serves the simulated bench "demo", and "sampler", a queue for jobs that need no instruments, to this
    machine alone. To let others in, make a key first (`labctl keys add NAME --role admin`), then give --host, --name,
    --require-keys and a TLS certificate.
    """
    folder: Path = resolve_home(home)
    console = Console(stderr=True, highlight=False)
    clock = WallClock()
    for one in station:
        load_station(one)  # a mistake in a station is said here, before anything starts
    with (
        as_interrupt("stopping, the bench made safe first"),
        stack.running(
            folder,
            station,
            stack.Opening(host, port, tuple(name), require_keys, tls_certificate, tls_key),
            logs=False,
        ) as running,
    ):
        console.print(
            f"labctl serves {', '.join(station)} at [bold]{running.url}[/]  (API page: {running.url}/docs)",
            soft_wrap=True,
        )
        console.print(f"home {folder}; Ctrl-C stops, and makes the bench safe first", soft_wrap=True)
        try:
            while True:
                running.check_service()
                for agent in running.ended():
                    code = agent.process.returncode
                    console.print(f"the {agent.name} has ended (exit code {code}); its bench is served no more")
                clock.sleep(0.5)
        except KeyboardInterrupt:
            pass
