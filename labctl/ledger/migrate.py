"""Migrations: find them, run them, and tell whether a database has had them all."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from labctl.core.errors import DatabaseError


def scripts_folder() -> Path:
    """The folder of the migrations: beside this file when installed, ``alembic`` in a checkout."""
    here = Path(__file__).resolve().parent
    for folder in (here / "migrations", here.parents[1] / "alembic"):
        if (folder / "env.py").is_file():
            return folder
    raise DatabaseError(
        f"the migrations are neither in {here / 'migrations'} nor in {here.parents[1] / 'alembic'}; reinstall labctl"
    )


def upgrade(url: sa.URL) -> None:
    """Bring the database at ``url`` to the newest schema; does nothing when it is there already."""
    config = Config()
    config.set_main_option("script_location", scripts_folder().as_posix().replace("%", "%%"))
    config.attributes["url"] = url
    command.upgrade(config, "head")


def require_current(engine: sa.Engine) -> None:
    """Raise DatabaseError, naming the remedy, unless the database has exactly the schema that this code knows."""
    scripts = ScriptDirectory(str(scripts_folder()))
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    wanted = scripts.get_current_head()
    if found == wanted:
        return
    where = engine.url.render_as_string(hide_password=True)
    if found is None:
        raise DatabaseError(f"the database {where} has no labctl tables; create them with `labctl db upgrade`")
    if found in {script.revision for script in scripts.walk_revisions()}:
        raise DatabaseError(
            f"the database {where} has schema {found}, this labctl needs {wanted}; "
            "back it up, then run `labctl db upgrade`"
        )
    raise DatabaseError(
        f"the database {where} has schema {found}, which this labctl does not know; it was made by a newer one: update"
    )
