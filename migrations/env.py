"""What Alembic runs: our chain on the connection that `cornflow_f.migrate` opened and locked."""

from alembic import context
from sqlalchemy import Connection

from cornflow_f.models import Base
from cornflow_f.schema_state import VERSION_TABLE


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        version_table=VERSION_TABLE,
        # SQLite can't alter most of a table in place.
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
