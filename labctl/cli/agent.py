"""``labctl agent``: own one bench and serve its jobs."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from typing import Annotated

import typer

from labctl.agent import Agent
from labctl.bench.bench import open_bench
from labctl.bench.station import load_station
from labctl.bench.visa import open_visa
from labctl.cli import execute
from labctl.cli.logs import shown
from labctl.cli.options import DEFAULT_SERVICE, Home, Service, resolve_home
from labctl.cli.signals import ending


def agent(
    station: Annotated[str, typer.Option(help="The station: a name or a TOML file.")],
    service: Service = DEFAULT_SERVICE,
    home: Home = None,
    until_stdin_closes: Annotated[bool, typer.Option(hidden=True, help="End in good order when stdin closes.")] = False,
) -> None:
    """Own the bench of a station and run its jobs; ends in good order, bench safe, on Ctrl-C or SIGTERM."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    found = load_station(station)
    folder = resolve_home(home)
    journal = folder / "agents" / f"{found.name}.journal.jsonl"
    journal.parent.mkdir(parents=True, exist_ok=True)
    # held while the agent lives: a simulated bench stays on between two connections, as a real one does
    with (
        shown(handler),
        contextlib.closing(
            open_visa(found.visa_library, found.timeout_seconds, needed=bool(found.instruments))
        ) as library,
    ):
        worker = Agent(found.name, found.digest, lambda: open_bench(found, journal, library), service, folder)
        for number in ending():
            signal.signal(number, lambda *_: worker.stop())
        if until_stdin_closes:
            threading.Thread(target=_watch_stdin, args=(worker,), daemon=True).start()
        worker.serve()


def _watch_stdin(worker: Agent) -> None:
    # unbuffered: a thread inside sys.stdin.buffer holds its lock, and Python aborts when it ends meanwhile
    while os.read(sys.stdin.fileno(), 1):
        pass
    worker.stop()


if __name__ == "__main__":  # what `labctl serve` starts: this command alone, without loading the others
    execute(lambda: typer.run(agent))
