"""A database's schema and rows as plain values, so that two databases can be compared with ==."""

from typing import Any

from sqlalchemy import Connection, create_engine, inspect, text

OURS = {"cornflow_f_version"}


def sync_url(url: str) -> str:
    """The same database through the synchronous drivers the legacy uses."""
    return url.replace("postgresql://", "postgresql+psycopg2://", 1)


def schema(url: str, *, ignore: set[str] | None = None) -> dict[str, Any]:
    """Everything the database can tell about its tables; sequences too on PostgreSQL."""
    engine = create_engine(sync_url(url))
    try:
        with engine.connect() as connection:
            return _schema(connection, OURS if ignore is None else ignore)
    finally:
        engine.dispose()


def _schema(connection: Connection, ignore: set[str]) -> dict[str, Any]:
    inspector = inspect(connection)
    found: dict[str, Any] = {}
    for name in sorted(set(inspector.get_table_names()) - ignore):
        found[name] = {
            "columns": {
                column["name"]: {
                    "type": repr(column["type"]),
                    "nullable": column["nullable"],
                    "default": column["default"],
                    "primary key": column.get("primary_key"),
                }
                for column in inspector.get_columns(name)
            },
            "primary key": inspector.get_pk_constraint(name),
            "foreign keys": _sorted(inspector.get_foreign_keys(name)),
            "unique": _sorted(inspector.get_unique_constraints(name)),
            "indexes": _sorted(inspector.get_indexes(name)),
            "checks": _sorted(inspector.get_check_constraints(name)),
        }
    if connection.dialect.name == "postgresql":
        found |= _only_postgresql_tells(connection, ignore)
    return found


def _only_postgresql_tells(connection: Connection, ignore: set[str]) -> dict[str, Any]:
    queries = {
        "(sequences)": "SELECT sequencename, data_type::text, start_value, increment_by, cache_size,"
        " pg_get_serial_sequence(replace(sequencename, '_id_seq', ''), 'id')"
        " FROM pg_sequences WHERE schemaname = 'public'",
        # NOT NULL has a name here too, since PostgreSQL 18
        "(constraints)": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)"
        " FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
    }
    return {
        name: sorted(
            [tuple(row) for row in connection.execute(text(query)) if row[0] not in ignore],
            key=repr,
        )
        for name, query in queries.items()
    }


def _sorted(constraints: Any) -> list[dict[str, Any]]:
    return sorted((dict(constraint) for constraint in constraints), key=repr)


def rows(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of all tables but ours, as the driver gives them, in a stable order."""
    engine = create_engine(sync_url(url))
    try:
        with engine.connect() as connection:
            return {
                name: sorted(
                    (tuple(row) for row in connection.execute(text(f'SELECT * FROM "{name}"'))),
                    key=repr,
                )
                for name in sorted(set(inspect(connection).get_table_names()) - OURS)
            }
    finally:
        engine.dispose()


def execute(url: str, *statements: str) -> None:
    engine = create_engine(sync_url(url))
    try:
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))
    finally:
        engine.dispose()
