"""The bridge's own tables in the shared database. Created when missing; nothing else is touched.

The first three are as old as the bridge and never change, so that a replica of an earlier version goes
on working beside a newer one; what came later has tables of its own.
"""

from sqlalchemy import BigInteger, Column, DateTime, Float, Integer, MetaData, String, Table, Text

METADATA = MetaData()

MODES = Table(
    "bridge_mode",
    METADATA,
    Column("operation", String(500), primary_key=True),
    Column("mode", String(32), nullable=False),
    Column("changed_at", DateTime, nullable=False),
    Column("changed_by", String(200), nullable=False),
    Column("why", Text, nullable=False),
)
HISTORY = Table(
    "bridge_history",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("changed_at", DateTime, nullable=False),
    Column("changed_by", String(200), nullable=False),
    Column("operation", String(500), nullable=False, index=True),
    Column("from_mode", String(32), nullable=False),
    Column("to_mode", String(32), nullable=False),
    Column("why", Text, nullable=False),
)
REVISION = Table(
    "bridge_revision",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
)

STATE = Table(
    "bridge_state",
    METADATA,
    Column("kind", String(32), primary_key=True),
    Column("name", String(500), primary_key=True),
    Column("value", Text, nullable=False),  # JSON
    Column("changed_at", DateTime, nullable=False),
    Column("changed_by", String(200), nullable=False),
    Column("why", Text, nullable=False),
)
"""The kill switch, settings, groups, holds, ramps and budgets."""

AUDIT = Table(
    "bridge_audit",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("changed_at", DateTime, nullable=False, index=True),
    Column("changed_by", String(200), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("name", String(500), nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("why", Text, nullable=False),
)
"""Who changed what in `bridge_state`."""

EVIDENCE = Table(
    "bridge_evidence_sheet",
    METADATA,
    Column("span", Integer, primary_key=True, autoincrement=False),
    Column("bucket", BigInteger, primary_key=True, autoincrement=False),
    Column("worker", String(64), primary_key=True),
    Column("counts", Text, nullable=False),  # JSON
)
"""What each worker has counted, one row for each bucket of time. A worker writes its own rows whole, so
that writing twice counts once. Old buckets are deleted."""

EXAMPLES = Table(
    "bridge_example",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", DateTime, nullable=False),
    Column("operation", String(500), nullable=False, index=True),
    Column("trial", BigInteger, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("content", Text, nullable=False),  # JSON
)
"""Failed requests and different pairs, the newest of each operation."""

BREACHES = Table(
    "bridge_breach",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", DateTime, nullable=False),
    Column("name", String(500), nullable=False, index=True),
    Column("operation", String(500), nullable=False),
    Column("content", Text, nullable=False),  # JSON
)
"""Why something was rolled back: figures, budget and examples, as they were then."""

TRAFFIC = Table(
    "bridge_traffic",
    METADATA,
    Column("day", String(10), primary_key=True),
    Column("operation", String(500), primary_key=True),
    Column("stack", String(16), primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("errors", BigInteger, nullable=False),
)
"""Requests of clients by day, in UTC."""

SESSIONS = Table(
    "bridge_session",
    METADATA,
    Column("id", String(64), primary_key=True),  # a hash
    Column("name", String(200), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("until", Float, nullable=False),  # seconds since 1970
)
"""Who is logged in to the page. A log-out deletes the row."""

ATTEMPTS = Table(
    "bridge_attempt",
    METADATA,
    Column("address", String(100), primary_key=True),
    Column("minute", BigInteger, primary_key=True, autoincrement=False),
    Column("failures", Integer, nullable=False),
)
"""Wrong passwords at the control API, of this minute and the one before."""
