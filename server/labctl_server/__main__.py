"""``python -m labctl_server --home FOLDER``: the service in the foreground."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from pathlib import Path

from labctl.core.errors import LabError, ServiceError
from labctl.ledger.engine import DATABASE_NAME, alone, migrate, open_ledger
from labctl_server import logs
from labctl_server.app import create_app
from labctl_server.serving import Server, Tls, address, is_loopback, listen
from labctl_server.settings import Settings

log = logging.getLogger("labctl.server")

OWN_AGENTS_KEY = "LABCTL_OWN_AGENTS_KEY"
"""The environment variable in which `labctl serve` hands over the key that it made for its own agents."""


def main(words: list[str] | None = None) -> int:
    """Serve until told to stop; returns the exit code (2: it could not start, and said why)."""
    asked = _parser().parse_args(words)
    logs.configure(as_json=asked.log_format == "json")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        settings, tls = _settings(asked)
        # A new home gets its database; an old one is never upgraded behind anybody's back.
        if settings.database_url is None and not (settings.home / DATABASE_NAME).exists():
            migrate(settings.home)
        with open_ledger(settings.database_url or settings.home, home=settings.home) as ledger:
            if settings.keys_required and not ledger.keys.any_admin():
                raise ServiceError(
                    "everybody who calls will need a key, and there is no admin's key to make others with; make one "
                    f"first: labctl keys add YOUR-NAME --role admin --home {settings.home}"
                )
        with alone(settings.home), listen(asked.host, asked.port, keys_required=settings.keys_required) as bound:
            server = Server(create_app(settings), tls)
            if asked.until_stdin_closes:
                threading.Thread(target=_watch_stdin, args=(server,), daemon=True).start()
            url = address(bound, tls=tls is not None)
            print(f"labctl serves {settings.home} at {url} (API page: {url}/docs)", flush=True)
            server.run(sockets=[bound])
    except LabError as error:
        print(f"labctl_server: {error}", file=sys.stderr)
        return 2
    return 0


def _settings(asked: argparse.Namespace) -> tuple[Settings, Tls | None]:
    """What was asked for, if it goes together: others reach this service only by names that were given, with keys."""
    here = is_loopback(asked.host)
    names = tuple(asked.name)
    if not here and asked.host in ("0.0.0.0", "::") and not names:  # noqa: S104 - compared, not bound
        raise ServiceError(
            f"--host {asked.host} is every address of this machine; say by which names the service may be called, "
            "with --name HOST once or several times, so that no other web page can call it by a name of its own"
        )
    tls = None
    if asked.tls_certificate or asked.tls_key:
        if not (asked.tls_certificate and asked.tls_key):
            raise ServiceError("TLS needs a certificate and its private key: --tls-certificate and --tls-key")
        tls = Tls(asked.tls_certificate, asked.tls_key)
        tls.check()
    if not here and tls is None:
        log.warning(
            "keys and bits cross the network in clear: give --tls-certificate and --tls-key, or let only a proxy that "
            "speaks TLS reach %s",
            asked.host,
        )
    settings = Settings(
        home=asked.home.expanduser().absolute(),
        database_url=asked.database_url,
        hosts=tuple(dict.fromkeys((*Settings.hosts, asked.host, *names))),
        keys_required=asked.require_keys,
        own_agents_key=os.environ.get(OWN_AGENTS_KEY),
    )
    return settings, tls


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="labctl_server", description="Serve a ledger over HTTP.")
    parser.add_argument("--home", type=Path, required=True, help="folder of the bits, and of the database")
    parser.add_argument("--host", default="127.0.0.1", help="address on this machine (default: %(default)s)")
    parser.add_argument("--name", action="append", default=[], help="a name by which others call this machine")
    parser.add_argument("--require-keys", action="store_true", help="ask for keys on this machine, too")
    parser.add_argument("--tls-certificate", type=Path, help="PEM file, with its chain")
    parser.add_argument("--tls-key", type=Path, help="PEM file of its private key")
    parser.add_argument("--port", type=int, default=8000, help="0 takes any free one (default: %(default)s)")
    parser.add_argument("--database-url", help="another database, e.g. postgresql://user@host/labctl")
    parser.add_argument("--log-format", choices=["text", "json"], default="text", help="of the lines on stderr")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end in good order when stdin closes")
    return parser


def _watch_stdin(server: Server) -> None:
    # unbuffered: a thread inside sys.stdin.buffer holds its lock, and Python aborts when it ends meanwhile
    while os.read(sys.stdin.fileno(), 1):
        pass
    server.should_exit = True


if __name__ == "__main__":
    sys.exit(main())
