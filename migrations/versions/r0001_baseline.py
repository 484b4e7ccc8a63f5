"""The legacy's schema, as its own 20 migrations leave it: created, or adopted where it stands.

The columns keep the order the legacy's migrations give them, so that dumps of both are equal.
"""

import sqlalchemy as sa
from alembic import context, op

from cornflow_f.migration import state
from cornflow_f.migration.state import (
    LEGACY_HEAD,
    LEGACY_VERSION_TABLE,
    Start,
    columns_of,
    decide_start,
)

revision = "0001_baseline"
down_revision = None
branch_labels = None
depends_on = None

# Made under its first name, as the legacy did: PostgreSQL keeps the names of a table's constraints
# when it is renamed.
_RENAMED = {"deployed_dags": "deployed_workflows"}


def upgrade() -> None:
    database = state.read(op.get_bind())
    metadata = _legacy_metadata()
    wanted = {
        _RENAMED.get(name, name): columns
        for name, columns in columns_of(metadata.tables.values()).items()
    }
    accepted = context.config.attributes.get("accepted_legacy_revision")
    if decide_start(database, wanted, accepted) is Start.ADOPT:
        return
    metadata.create_all(op.get_bind(), checkfirst=False)
    for old, new in _RENAMED.items():
        op.rename_table(old, new)
    _record_legacy_head(exists=LEGACY_VERSION_TABLE in database.columns)


def downgrade() -> None:
    """Nothing is dropped: what remains is a database at the legacy's head, which both stacks know."""


def _legacy_metadata() -> sa.MetaData:
    """The tables as they are at the legacy's head; the models may go on from there, this stays."""
    metadata = sa.MetaData()
    _access_tables(metadata)
    _workflow_tables(metadata)
    _data_tables(metadata)
    _alarm_tables(metadata)
    return metadata


def _record_legacy_head(*, exists: bool) -> None:
    """The legacy's own `upgrade` then finds nothing to do."""
    if not exists:
        op.create_table(
            LEGACY_VERSION_TABLE,
            sa.Column("version_num", sa.String(32), nullable=False),
            sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
        )
    versions = sa.table(LEGACY_VERSION_TABLE, sa.column("version_num"))
    op.execute(versions.insert().values(version_num=LEGACY_HEAD))


def _traces() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime()),
    )


def _access_tables(metadata: sa.MetaData) -> None:
    sa.Table(
        "users",
        metadata,
        *_traces(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(128), nullable=False),
        sa.Column("password", sa.String(128)),
        sa.Column("last_name", sa.String(128)),
        sa.Column("username", sa.String(128), nullable=False),
        sa.Column("first_name", sa.String(128)),
        sa.Column("pwd_last_change", sa.DateTime()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("username", name="c_unique_users_username"),
        sa.UniqueConstraint("email"),
    )
    sa.Table(
        "actions",
        metadata,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    sa.Table(
        "api_view",
        metadata,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("url_rule", sa.String(128), nullable=False),
        sa.Column("description", sa.Text()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    sa.Table(
        "roles",
        metadata,
        *_traces(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    sa.Table(
        "permission_view",
        metadata,
        *_traces(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("action_id", sa.Integer(), nullable=False),
        sa.Column("api_view_id", sa.Integer(), nullable=False),
        sa.Column("role_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["action_id"], ["actions.id"]),
        sa.ForeignKeyConstraint(["api_view_id"], ["api_view.id"]),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"]),
        sa.UniqueConstraint("action_id", "api_view_id", "role_id"),
    )
    sa.Table(
        "user_role",
        metadata,
        *_traces(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("role_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("user_id", "role_id", name="c_unique_user_role_user_id_role_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"]),
    )


def _workflow_tables(metadata: sa.MetaData) -> None:
    sa.Table(
        "deployed_dags",
        metadata,
        *_traces(),
        sa.Column("id", sa.String(128), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("instance_schema", sa.JSON()),
        sa.Column("solution_schema", sa.JSON()),
        sa.Column("config_schema", sa.JSON()),
        sa.Column("instance_checks_schema", sa.JSON()),
        sa.Column("solution_checks_schema", sa.JSON()),
        sa.Column("kpis_schema", sa.JSON()),
        sa.PrimaryKeyConstraint("id"),
    )
    sa.Table(
        "permission_dag",
        metadata,
        *_traces(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dag_id", sa.String(128), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["dag_id"], ["deployed_dags.id"]),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.UniqueConstraint("dag_id", "user_id"),
    )


def _data_tables(metadata: sa.MetaData) -> None:
    sa.Table(
        "instances",
        metadata,
        *_traces(),
        sa.Column("id", sa.String(256), nullable=False),
        sa.Column("data", sa.JSON()),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("data_hash", sa.String(256), nullable=False),
        sa.Column("schema", sa.String(256)),
        sa.Column("checks", sa.JSON()),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
    )
    sa.Table(
        "executions",
        metadata,
        *_traces(),
        sa.Column("id", sa.String(256), nullable=False),
        sa.Column("instance_id", sa.String(256), nullable=False),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("run_id", sa.String(256)),
        sa.Column("log_text", sa.Text()),
        sa.Column("log_json", sa.JSON()),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("state_message", sa.Text()),
        sa.Column("data", sa.JSON()),
        sa.Column("data_hash", sa.String(256), nullable=False),
        sa.Column("schema", sa.String(256)),
        sa.Column("checks", sa.JSON()),
        sa.Column("kpis", sa.JSON()),
        sa.Column("last_run_checks_and_kpis", sa.Boolean()),
        sa.Column("checks_and_kpis_only", sa.Boolean()),
        sa.Column("execution_files_status", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"]),
    )
    sa.Table(
        "cases",
        metadata,
        *_traces(),
        sa.Column("data", sa.JSON()),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("data_hash", sa.String(256), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(500), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("schema", sa.String(256)),
        sa.Column("solution", sa.JSON()),
        sa.Column("solution_hash", sa.String(256), nullable=False),
        sa.Column("checks", sa.JSON()),
        sa.Column("solution_checks", sa.JSON()),
        sa.Column("kpis", sa.JSON()),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.Index("ix_cases_path", "path"),
    )


def _alarm_tables(metadata: sa.MetaData) -> None:
    sa.Table(
        "alarms",
        metadata,
        *_traces(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("criticality", sa.Float(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("schema", sa.String(256)),
        sa.PrimaryKeyConstraint("id"),
    )
    sa.Table(
        "main_alarms",
        metadata,
        *_traces(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("id_alarm", sa.Integer(), nullable=False),
        sa.Column("criticality", sa.Float(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("schema", sa.String(256)),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["id_alarm"], ["alarms.id"]),
    )
