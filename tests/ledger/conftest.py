"""A fresh ledger for every test, on SQLite and on PostgreSQL; and a clock that only moves when told to."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from labctl.core.bits import Origin
from labctl.ledger import migrate
from labctl.ledger.engine import migrate as create_ledger
from labctl.ledger.engine import open_ledger
from labctl.ledger.tables import metadata

LEASE_SECONDS = 15.0


class Clock:
    """``clock()`` is the time; ``clock.pass_by(seconds)`` moves it."""

    def __init__(self):
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self):
        return self.time

    def pass_by(self, seconds):
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(scope="session")
def postgres():
    """The URL of a running PostgreSQL: LABCTL_TEST_POSTGRES, else one started here from the programs found."""
    given = os.environ.get("LABCTL_TEST_POSTGRES")
    if given:
        yield sa.make_url(given)
        return
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = shutil.which("initdb") or (str(found[-1]) if found else None)
    if initdb is None:
        reason = "no PostgreSQL here: set LABCTL_TEST_POSTGRES to a URL, or install its server programs"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="labctl-pg-", ignore_cleanup_errors=True) as name:
        folder, programs = Path(name), Path(initdb).parent
        lower = []
        if os.name == "posix" and os.geteuid() == 0:  # PostgreSQL refuses to run as root
            lower = ["setpriv", "--reuid=nobody", "--clear-groups"]
            shutil.chown(folder, "nobody")
        data = ["-D", str(folder / "data")]
        make = [*lower, initdb, *data, "-U", "lab", "-A", "trust", "-N"]
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL, cwd=folder)
        options = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", f"unix_socket_directories={folder}"]
        serve = [*lower, str(programs / "postgres"), *data, *options]
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen(serve, stdout=log, stderr=log, cwd=folder) as server,
        ):
            url = sa.URL.create("postgresql+psycopg", "lab", database="postgres", query={"host": str(folder)})
            try:
                wait_for(url, server)
                yield url
            finally:
                server.send_signal(signal.SIGINT)  # a fast shutdown


def wait_for(url, server):
    for _ in range(300):
        assert server.poll() is None, "PostgreSQL did not start"
        try:
            psycopg.connect(plain(url)).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("PostgreSQL did not start within 30 s")


def plain(url):
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def migrated_postgres(postgres):
    """The URL of a PostgreSQL database of our own, with the schema in it."""
    name = f"labctl_{os.getpid()}"
    with psycopg.connect(plain(postgres), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = postgres.set(database=name)
    migrate.upgrade(url)
    return url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory):
    """A database file with the schema in it, to be copied."""
    home = tmp_path_factory.mktemp("template")
    create_ledger(home)
    return home / "labctl.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    """An empty database; None stands for the SQLite file in the home folder."""
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), tmp_path / "labctl.db")
        return None
    url = request.getfixturevalue("migrated_postgres")
    with psycopg.connect(plain(url), autocommit=True) as connection:
        connection.execute(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY")
    return url.render_as_string(hide_password=False)


@pytest.fixture
def ledger(database_url, tmp_path, clock):
    with open_ledger(database_url or tmp_path, home=tmp_path, now=clock) as opened:
        yield opened


@pytest.fixture
def bench(ledger):
    """The ledger with a bench "b1" whose agent is "a1"."""
    ledger.leases.register("b1", "a1", Origin.HARDWARE, "sha256:0", ["smu", "array"])
    return ledger


@pytest.fixture
def running(bench):
    """A job that runs on that bench."""
    job = bench.jobs.submit("b1", "bitstream", {})
    claimed = bench.leases.claim("b1", "a1", LEASE_SECONDS)
    bench.leases.start(job.id, claimed.epoch, {"station": "b1"})
    return bench.jobs.get(job.id)
