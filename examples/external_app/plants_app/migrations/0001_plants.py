"""The table of plants."""

import sqlalchemy as sa
from alembic import op

revision = "0001_plants"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "plants" in sa.inspect(op.get_bind()).get_table_names():
        # Taken over from the application on the legacy, whose own migrations made it.
        return
    op.create_table(
        "plants",
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("capacity", sa.Float(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )


def downgrade() -> None:
    op.drop_table("plants")
