"""``python -m labctl_server --home FOLDER``: the service in the foreground."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from pathlib import Path

from labctl.core.errors import LabError
from labctl.ledger.engine import DATABASE_NAME, alone, migrate, open_ledger
from labctl_server.app import create_app
from labctl_server.serving import Server, address, listen
from labctl_server.settings import Settings


def main(words: list[str] | None = None) -> int:
    """Serve until told to stop; returns the exit code (2: it could not start, and said why)."""
    asked = _parser().parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    settings = Settings(home=asked.home.expanduser().absolute(), database_url=asked.database_url)
    try:
        # A new home gets its database; an old one is never upgraded behind anybody's back.
        if settings.database_url is None and not (settings.home / DATABASE_NAME).exists():
            migrate(settings.home)
        open_ledger(settings.database_url or settings.home, home=settings.home).close()
        with alone(settings.home), listen(asked.host, asked.port) as bound:
            server = Server(create_app(settings))
            if asked.until_stdin_closes:
                threading.Thread(target=_watch_stdin, args=(server,), daemon=True).start()
            print(f"labctl serves {settings.home} at {address(bound)} (API page: {address(bound)}/docs)", flush=True)
            server.run(sockets=[bound])
    except LabError as error:
        print(f"labctl_server: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="labctl_server", description="Serve a ledger over HTTP.")
    parser.add_argument("--home", type=Path, required=True, help="folder of the bits, and of the database")
    parser.add_argument("--host", default="127.0.0.1", help="address on this machine (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="0 takes any free one (default: %(default)s)")
    parser.add_argument("--database-url", help="another database, e.g. postgresql://user@host/labctl")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end in good order when stdin closes")
    return parser


def _watch_stdin(server: Server) -> None:
    # unbuffered: a thread inside sys.stdin.buffer holds its lock, and Python aborts when it ends meanwhile
    while os.read(sys.stdin.fileno(), 1):
        pass
    server.should_exit = True


if __name__ == "__main__":
    sys.exit(main())
