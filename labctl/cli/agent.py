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

from labctl.agent import PATIENCE_SECONDS, Agent
from labctl.bench.bench import open_bench
from labctl.bench.journal import journal_path
from labctl.bench.station import load_station
from labctl.bench.visa import open_visa
from labctl.cli import execute, stack
from labctl.cli.logs import shown
from labctl.cli.options import DEFAULT_SERVICE, Home, Service
from labctl.cli.signals import as_interrupt, ending
from labctl.core.home import resolve_home


def agent(
    station: Annotated[str, typer.Option(help="The station: a name or a TOML file.")],
    service: Service = DEFAULT_SERVICE,
    home: Home = None,
) -> None:
    """Own the bench of a station and run its jobs; ends in good order, bench safe, on Ctrl-C or SIGTERM.

    The bench is owned by a second process, which this one watches: should that die or hang, a third one brings the
    bench to rest.
    """
    with (
        as_interrupt("stopping, the bench made safe first"),
        stack.agent(resolve_home(home), station, service, logs=False) as worker,
    ):
        try:
            code = worker.process.wait()
        except KeyboardInterrupt:
            return
    if code:
        raise typer.Exit(code if code > 0 else 128 - code)


def own(
    station: Annotated[str, typer.Option(help="The station: a name or a TOML file.")],
    service: Service = DEFAULT_SERVICE,
    home: Home = None,
    until_stdin_closes: Annotated[bool, typer.Option(help="End in good order when stdin closes.")] = False,
    patience_seconds: Annotated[
        float, typer.Option(help="After which a call that hangs ends this.")
    ] = PATIENCE_SECONDS,
) -> None:
    """Own the bench of a station and run its jobs, in this process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    found = load_station(station)
    folder = resolve_home(home)
    journal = journal_path(folder, found.name)
    # held while the agent lives: a simulated bench stays on between two connections, as a real one does
    with (
        shown(handler),
        contextlib.closing(
            open_visa(found.visa_library, found.timeout_seconds, needed=bool(found.instruments))
        ) as library,
    ):
        worker = Agent(
            found.name,
            found.digest,
            lambda: open_bench(found, journal, library),
            service,
            folder,
            patience_seconds=patience_seconds,
        )
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


if __name__ == "__main__":  # what `labctl serve` and `labctl agent` start, without loading the other commands
    execute(lambda: typer.run(own))
