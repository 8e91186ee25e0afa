"""Open the ledger: a home folder, or a database URL and a folder for its files."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlalchemy as sa
from filelock import FileLock, Timeout
from sqlalchemy.exc import ArgumentError, DBAPIError

from labctl.core.errors import DatabaseError
from labctl.ledger import migrate as migrations
from labctl.ledger.bits import BitBook
from labctl.ledger.certificates import Certificates
from labctl.ledger.database import Database, create_engine
from labctl.ledger.jobs import Jobs
from labctl.ledger.keys import Keys
from labctl.ledger.leases import Leases
from labctl.ledger.runs import Runs

DATABASE_NAME = "labctl.db"


class Ledger:
    """An open ledger: ``jobs`` for those who order, ``leases`` for agents, ``runs`` and ``bits`` for what came out,
    ``certificates`` for what was said of it, ``keys`` for who may ask."""

    def __init__(self, database: Database, home: Path) -> None:
        self.database = database
        self.home = home
        self.jobs = Jobs(database)
        self.leases = Leases(database)
        self.runs = Runs(database, home)
        self.bits = BitBook(database, home)
        self.certificates = Certificates(database, self.bits)
        self.keys = Keys(database)

    def check(self) -> None:
        """Write and forget a byte's worth; raises DatabaseError when the ledger cannot be written."""
        with self.database.write() as connection:
            connection.execute(sa.text("DELETE FROM jobs WHERE 1 = 0"))

    def close(self) -> None:
        """Give up all connections."""
        self.database.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_ledger(
    url_or_home: str | Path, *, home: str | Path | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Ledger:
    """The ledger in a home folder (``labctl.db``, ``segments/``, ``artifacts/``), or at a database URL.

    A URL of anything but SQLite needs ``home``, the folder for bits and artifacts.

    Raises DatabaseError, saying what to do, when the database is missing, unreachable or not migrated.
    """
    url, folder = _place(url_or_home, home)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise DatabaseError(f"there is no ledger at {url.database}; create it with `labctl db upgrade`")
    engine = create_engine(url)
    try:
        migrations.require_current(engine)
    except DBAPIError as error:
        engine.dispose()
        raise _unreachable(url, error) from error
    except BaseException:
        engine.dispose()
        raise
    return Ledger(Database(engine, now), folder)


def migrate(url_or_home: str | Path) -> None:
    """Create the ledger if need be and bring it to the newest schema."""
    text = str(url_or_home)
    url, folder = _place(url_or_home, None if _is_file_database(text) else ".")
    try:
        if url.get_backend_name() == "sqlite":
            folder.mkdir(parents=True, exist_ok=True)
        migrations.upgrade(url)
    except DBAPIError as error:
        raise _unreachable(url, error) from error


@contextmanager
def alone(home: str | Path) -> Iterator[None]:
    """Hold the ledger of ``home`` against every other process on this machine: a service, a local run, a migration.

    Raises DatabaseError if another one holds it.
    """
    lock = FileLock(Path(home) / "ledger.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise DatabaseError(
            f"another labctl process works on the ledger of {home}; submit to it if it is a service (`labctl submit`), "
            "wait for it or stop it, or choose another folder with --home"
        ) from None
    try:
        yield
    finally:
        lock.release()


def sqlite_warning() -> str | None:
    """A sentence when this Python's SQLite has the WAL-reset defect (sqlite.org/wal.html#walresetbug), else None.

    It needs two connections that write or checkpoint at the same moment; the service writes one at a time,
    so only other programs on the same file can meet it.
    """
    version = sqlite3.sqlite_version_info
    repaired = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    if repaired or version < (3, 7, 0):
        return None
    return (
        f"SQLite {sqlite3.sqlite_version} can damage a database that several programs write at once; "
        "let only the service write to it, or use Python with SQLite 3.51.3 or later, or PostgreSQL"
    )


def _is_file_database(text: str) -> bool:
    return "://" not in text or text.startswith("sqlite")


def _place(url_or_home: str | Path, home: str | Path | None) -> tuple[sa.URL, Path]:
    text = str(url_or_home)
    if "://" not in text:
        folder = Path(url_or_home).absolute()
        return sa.URL.create("sqlite", database=str(folder / DATABASE_NAME)), Path(home or folder).absolute()
    try:
        url = sa.make_url(text)
    except ArgumentError as error:
        raise DatabaseError(
            f"{text!r} is no database URL; write one like 'postgresql://user@host/labctl' or give a folder"
        ) from error
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:":
            raise DatabaseError("a ledger in memory would forget which bits are spent; give a folder or a file")
        file = Path(url.database).absolute()
        return url.set(database=str(file)), Path(home or file.parent).absolute()
    if url.get_backend_name() != "postgresql":
        raise DatabaseError(f"the ledger knows sqlite and postgresql, not {url.get_backend_name()!r}")
    if home is None:
        raise DatabaseError("with PostgreSQL the bits still need a folder on the disk; give a home folder as well")
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    return url, Path(home).absolute()


def _unreachable(url: sa.URL, error: DBAPIError) -> DatabaseError:
    where = url.render_as_string(hide_password=True)
    return DatabaseError(
        f"the database {where} cannot be opened ({str(error.orig).strip()}); check that it is there, and a database"
    )
