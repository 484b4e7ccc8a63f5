"""Alembic migrations of the port."""
