"""The migrations make the schema that the code knows, and a database without them is refused with a remedy."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from labctl.core.errors import DatabaseError
from labctl.ledger.engine import migrate, open_ledger
from labctl.ledger.tables import metadata

ROOT = Path(__file__).parents[2]


def alembic(*words, url):
    return subprocess.run(
        [sys.executable, "-m", "alembic", *words],
        cwd=ROOT,
        env={**os.environ, "LABCTL_DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )


def test_alembic_from_the_checkout_upgrades_and_finds_nothing_missing(tmp_path):
    url = f"sqlite:///{(tmp_path / 'labctl.db').as_posix()}"
    for words in (["upgrade", "head"], ["check"], ["downgrade", "base"], ["upgrade", "head"]):
        done = alembic(*words, url=url)
        assert done.returncode == 0, done.stdout + done.stderr
    open_ledger(tmp_path).close()


def structure(engine):
    """Every constraint and index, which `alembic check` does not compare: {(kind, name): what SQLite has it say}."""
    inspector = sa.inspect(engine)
    found = {}
    for table in sorted(set(inspector.get_table_names()) - {"alembic_version"}):
        for check in inspector.get_check_constraints(table):
            found["check", check["name"]] = " ".join(check["sqltext"].split())
        for index in inspector.get_indexes(table):
            found["index", index["name"]] = (
                index["column_names"],
                index["unique"],
                str(index.get("dialect_options", {}).get("sqlite_where")),
            )
        for unique in inspector.get_unique_constraints(table):
            found["unique", unique["name"]] = unique["column_names"]
        for key in inspector.get_foreign_keys(table):
            found["foreign key", key["name"]] = (key["constrained_columns"], key["referred_table"])
    return found


def test_the_migrations_make_every_constraint_of_the_tables(tmp_path):
    migrate(tmp_path)
    made = sa.create_engine(f"sqlite:///{tmp_path / 'labctl.db'}")
    known = sa.create_engine(f"sqlite:///{tmp_path / 'known.db'}")
    metadata.create_all(known)
    try:
        assert structure(made) == structure(known)
        assert ("index", "one_running") in structure(made)
        assert ("check", "ck_draw_parts_chained") in structure(made)
    finally:
        made.dispose()
        known.dispose()


def test_postgresql_gets_the_same_tables(migrated_postgres):
    done = alembic("check", url=migrated_postgres.render_as_string(hide_password=False))
    assert done.returncode == 0, done.stdout + done.stderr


def test_migrating_twice_keeps_what_is_there(tmp_path):
    migrate(tmp_path / "new" / "home")
    migrate(tmp_path / "new" / "home")
    with open_ledger(tmp_path / "new" / "home") as ledger:
        assert ledger.jobs.recent() == []


def empty_file(home):
    (home / "labctl.db").touch()


def newer(home):
    migrate(home)
    stamp(home, "9999")


def nothing(home):
    pass


def no_database(home):
    (home / "labctl.db").write_bytes(b"this is a shopping list, long enough to be no header" * 40)


def stamp(home, revision):
    engine = sa.create_engine(f"sqlite:///{home / 'labctl.db'}")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
    engine.dispose()


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (nothing, "labctl db upgrade"),
        (empty_file, "labctl db upgrade"),
        (newer, "made by a newer one"),
        (no_database, "not a database"),
    ],
)
def test_a_database_that_does_not_fit_is_refused_with_a_remedy(prepare, said, tmp_path):
    prepare(tmp_path)
    with pytest.raises(DatabaseError, match=said):
        open_ledger(tmp_path)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://nobody@127.0.0.1:1/none", "cannot be opened"),
        ("mysql://x/y", "knows sqlite and postgresql"),
        ("sqlite://", "forget which bits are spent"),
        ("no such://thing", "is no database URL"),
    ],
)
def test_a_url_that_leads_nowhere_is_refused(url, said, tmp_path):
    with pytest.raises(DatabaseError, match=said):
        open_ledger(url, home=tmp_path)


def test_postgresql_needs_a_folder_for_the_bits():
    with pytest.raises(DatabaseError, match="home folder"):
        open_ledger("postgresql://lab@localhost/lab")


def test_a_migration_that_is_interrupted_leaves_nothing_and_can_be_repeated(tmp_path):
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'labctl.db'}")
    with engine.begin() as connection:  # in the way of the last of the tables
        connection.execute(sa.text("CREATE TABLE draw_parts (x INTEGER)"))
    with pytest.raises(DatabaseError, match="draw_parts already exists"):
        migrate(tmp_path)
    assert sa.inspect(engine).get_table_names() == ["draw_parts"]
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE draw_parts"))
    engine.dispose()
    migrate(tmp_path)
    open_ledger(tmp_path).close()
