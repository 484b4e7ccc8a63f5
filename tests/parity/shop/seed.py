"""Creates the shop's tables and its two users, in the database of `DATABASE_URL`."""

import os

import sqlalchemy as sa

KEY = (
    "INTEGER PRIMARY KEY"
    if os.environ["DATABASE_URL"].startswith("sqlite")
    else "SERIAL PRIMARY KEY"
)
SCRIPT = (
    f"CREATE TABLE users (id {KEY}, name TEXT NOT NULL UNIQUE, password TEXT NOT NULL)",
    f"CREATE TABLE items (id {KEY}, name TEXT NOT NULL UNIQUE, price DOUBLE PRECISION NOT NULL,"
    " note TEXT, options JSON, owner_id INTEGER NOT NULL REFERENCES users (id),"
    " created_at TEXT NOT NULL, updated_at TEXT NOT NULL)",
    # no primary key: the same row may be there twice
    "CREATE TABLE audit (item_id INTEGER NOT NULL, what TEXT NOT NULL)",
    "INSERT INTO users (name, password) VALUES ('admin', 'admin-pw'), ('guest', 'guest-pw')",
    "INSERT INTO items (name, price, note, options, owner_id, created_at, updated_at) VALUES"
    " ('chair', 12.5, NULL, '{\"colour\": \"red\"}', 1, '2026-01-01T10:00:00', '2026-01-01T10:00:00')",
)

if __name__ == "__main__":
    with sa.create_engine(
        os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg2:")
    ).begin() as c:
        for statement in SCRIPT:
            c.exec_driver_sql(statement)
