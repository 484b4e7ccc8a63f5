"""Database rows as values: read and put back, on SQLite and on PostgreSQL."""
