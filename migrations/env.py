"""What Alembic runs: one chain, on the connection that `cornflow_f.migration.run` opened and locked.

The chain is ours, or that of an external application: `config.attributes` say which.
"""

from typing import Any

from alembic import context
from sqlalchemy import Connection

from cornflow_f.models import Base

attributes = context.config.attributes


def is_of_the_chain(_item: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
    """What a new revision compares: a chain minds its own tables."""
    return kind != "table" or (name in attributes["tables"])


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        version_table=attributes["version_table"],
        include_object=is_of_the_chain,
        # SQLite can't alter most of a table in place.
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run(attributes["connection"])
