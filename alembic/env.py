"""How Alembic reaches the ledger: a given URL, else `-x url=...`, else LABCTL_DATABASE_URL, else ./labctl.db."""

import os

import sqlalchemy as sa
from alembic import context

from labctl.ledger.database import WRITING, create_engine
from labctl.ledger.tables import metadata


def database_url() -> sa.URL:
    given = context.config.attributes.get("url")
    if given is not None:
        return sa.make_url(given)
    asked = context.get_x_argument(as_dictionary=True).get("url")
    url = sa.make_url(asked or os.environ.get("LABCTL_DATABASE_URL") or "sqlite:///labctl.db")
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def run() -> None:
    if context.is_offline_mode():
        context.configure(url=database_url(), target_metadata=metadata, literal_binds=True)
        with context.begin_transaction():
            context.run_migrations()
        return
    # the ledger's own engine: on SQLite it begins real transactions, so that a migration is done whole or not at all
    engine = create_engine(database_url())
    with engine.connect() as connection:
        connection.execution_options(**WRITING)
        # SQLite cannot alter a constraint in place: batch mode copies the table instead.
        context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
