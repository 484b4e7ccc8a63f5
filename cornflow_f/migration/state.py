"""What a database holds and what may be done with it. Reading is thin, deciding is pure.

Two chains of migrations keep their place in one database: the legacy's in `alembic_version`, the
port's in `cornflow_f_version` (docs/decisions/0001-two-version-tables.md).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Table, column, inspect, select, table

from cornflow_f.models import CORE_TABLES, Base

VERSION_TABLE = "cornflow_f_version"
LEGACY_VERSION_TABLE = "alembic_version"

LEGACY_REVISIONS = (
    "e1a50dae1ac9",
    "a472b5ad50b7",
    "e937a5234ce4",
    "1af47a419bbd",
    "d1b5be1f0549",
    "c2db9409cb5f",
    "c8a6c762e818",
    "4aac5e0c6e66",
    "ca449af8034c",
    "f3bee20314a2",
    "00757b557b02",
    "d0e0700dcd8e",
    "7c3ea5ab5501",
    "ebdd955fcc5e",
    "991b98e24225",
    "999b98e24225",
    "cef1df240b27",
    "509d280698e4",
    "9cacf194fa1c",
    "4729cd156460",
)
"""The legacy's own migrations, oldest first. A test compares them with the real ones."""

LEGACY_HEAD = LEGACY_REVISIONS[-1]

_UPGRADE_LEGACY = (
    "Run the legacy's own upgrade first (cornflow migrations upgrade, or flask db upgrade), "
    "then this command again"
)


Columns = Mapping[str, frozenset[str]]
"""The columns of each table."""


class RevisionError(Exception):
    """The database is not in a state we can work with; the text says what to do."""


class Start(StrEnum):
    """How the port's chain begins on a database."""

    CREATE = "created"
    ADOPT = "adopted"


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What is in a database: columns by table, and both chains' revisions (None: no version table)."""

    columns: Columns
    legacy: tuple[str, ...] | None
    ported: tuple[str, ...] | None


def columns_of(tables: Iterable[Table]) -> Columns:
    return {table.name: frozenset(column.name for column in table.columns) for table in tables}


def read(connection: Connection, version_table: str = VERSION_TABLE) -> DatabaseState:
    """`version_table` is that of our chain, or of an external application's."""
    inspector = inspect(connection)
    columns = {
        name: frozenset(column["name"] for column in described)
        for (_, name), described in inspector.get_multi_columns().items()
    }
    return DatabaseState(
        columns=columns,
        legacy=_revisions(connection, columns, LEGACY_VERSION_TABLE),
        ported=_revisions(connection, columns, version_table),
    )


def _revisions(connection: Connection, columns: Columns, name: str) -> tuple[str, ...] | None:
    if "version_num" not in columns.get(name, ()):
        return None
    versions = table(name, column("version_num"))
    return tuple(connection.scalars(select(versions.c.version_num)))


def decide_start(state: DatabaseState, wanted: Columns, accepted: str | None = None) -> Start:
    """Create or adopt. `wanted` is the legacy's head. Raises RevisionError on anything half-way.

    `accepted` is the head of a legacy external application, whose chain goes on from the legacy's.
    """
    present = wanted.keys() & state.columns.keys()
    if not state.legacy:
        if present:
            raise RevisionError(
                f"The database has tables of Cornflow ({_names(present)}) but no migration of the "
                f"legacy is recorded in {LEGACY_VERSION_TABLE}, so their state is unknown. "
                f"If they are complete, record that with the legacy (flask db stamp {LEGACY_HEAD}); "
                "else start from an empty database"
            )
        return Start.CREATE
    if len(state.legacy) > 1:
        raise RevisionError(
            f"{LEGACY_VERSION_TABLE} has several revisions ({_names(state.legacy)}), one is expected: "
            f"merge them with the legacy's migrations until it stands at {LEGACY_HEAD}"
        )
    check_legacy_revision(state.legacy[0], accepted)
    missing = missing_columns(state, wanted)
    if missing:
        raise RevisionError(
            f"The database is recorded at the legacy's head {state.legacy[0]} but lacks {_names(missing)}. "
            "Restore it from a backup, or repair it with the legacy's migrations, then try again"
        )
    return Start.ADOPT


def check_legacy_revision(revision: str, accepted: str | None = None) -> None:
    if revision in (LEGACY_HEAD, accepted):
        return
    if revision in LEGACY_REVISIONS:
        behind = len(LEGACY_REVISIONS) - 1 - LEGACY_REVISIONS.index(revision)
        raise RevisionError(
            f"The database is at the legacy's revision {revision}, {behind} before its head "
            f"{LEGACY_HEAD}. {_UPGRADE_LEGACY}"
        )
    raise RevisionError(
        f"The database is at the legacy's revision {revision}, which is not one of Cornflow 1.3.9's. "
        f"This version takes over at {LEGACY_HEAD}: bring the database there with the legacy's "
        "migrations, or use the version of this program made for that revision. If it is that of your "
        "external application on the legacy, name it there as `legacy_revision` (docs/extending.md)"
    )


def missing_columns(state: DatabaseState, wanted: Columns) -> list[str]:
    """Tables (`cases`) and columns (`cases.kpis`) that are wanted and the database lacks."""
    missing = []
    for name, columns in wanted.items():
        if name not in state.columns:
            missing.append(name)
        else:
            missing.extend(f"{name}.{column}" for column in columns - state.columns[name])
    return missing


def check_ready(state: DatabaseState, head: str, accepted: str | None = None) -> None:
    """Raises RevisionError unless the server can work on this database."""
    if state.legacy:
        for revision in state.legacy:
            check_legacy_revision(revision, accepted)
    if state.ported != (head,):
        now = ", ".join(state.ported or ()) or "not set up for this program"
        raise RevisionError(
            f"The database is {now}, revision {head} is needed. Run: cornflow-f migrations upgrade"
        )
    missing = missing_columns(state, columns_of(Base.metadata.tables[name] for name in CORE_TABLES))
    if missing:
        raise RevisionError(
            f"The database is recorded at revision {head} but lacks {_names(missing)}. "
            "Restore it from a backup"
        )


def check_external_ready(
    state: DatabaseState, name: str, heads: tuple[str, ...], wanted: Columns
) -> None:
    """The same for the chain of the external application `name`."""
    if set(state.ported or ()) != set(heads):
        raise RevisionError(
            f"The database is at {_names(state.ported or ()) or 'no revision'} of the external application "
            f"'{name}', {_names(heads)} is needed. Run: cornflow-f migrations upgrade"
        )
    missing = missing_columns(state, wanted)
    if missing:
        raise RevisionError(
            f"The external application '{name}' has no migration for {_names(missing)}. "
            "Run: cornflow-f migrations revision -m '...', then cornflow-f migrations upgrade"
        )


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
