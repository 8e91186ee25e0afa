"""A database as the ledger uses it: many readers, one writer at a time, each write all or nothing and durable."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from labctl.core.errors import DatabaseError

BUSY_MILLISECONDS = 10_000
_WRITES = "labctl_writes"
WRITING = {_WRITES: True}
"""Execution options of a connection whose transactions will write."""
_ADVISORY_LOCK = 0x6C616263746C  # "labctl"


class DiskFull(DatabaseError):
    """There is no room left; nothing of the refused write was kept."""


class Database:
    """``read()`` and ``write()`` give a connection inside a transaction; ``now()`` is the ledger's clock."""

    def __init__(self, engine: sa.Engine, now: Callable[[], datetime]) -> None:
        self.engine = engine
        self.now = now
        self._writing = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that only reads."""
        with _explained(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """The one writing transaction: everything read in it stays true until it commits.

        The lock is there for fairness: SQLite's own busy handler lets an unlucky thread starve.
        """
        with self._writing, _explained(), self.engine.connect() as connection:
            connection.execution_options(**WRITING)
            with connection.begin():
                if connection.dialect.name == "postgresql":
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
                yield connection


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (DataError, IntegrityError, ProgrammingError):
        raise  # a mistake of ours, not a state of the database
    except DBAPIError as error:
        cause = str(error.orig).strip()
        if "disk is full" in cause or getattr(error.orig, "sqlstate", None) == "53100":
            raise DiskFull(f"the database has no room left ({cause}); free some disk space and try again") from error
        raise DatabaseError(
            f"the database does not answer as it should ({cause}); "
            "check that it runs and that no other program locks it"
        ) from error


def create_engine(url: sa.URL) -> sa.Engine:
    """An engine for ``url`` on which a commit that returned is on the disk."""
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True)
    engine = sa.create_engine(url)
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # Python's sqlite3 would begin transactions on its own, late and deferred; we begin them ourselves.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {BUSY_MILLISECONDS}",
        "journal_mode = WAL",
        # NORMAL may forget the last commits in a power cut, and a forgotten draw is a bit spent twice.
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    # A deferred transaction that turns into a writer can fail at once with "database is locked".
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
