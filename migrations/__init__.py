"""Alembic migrations of the port; run by ``cornflow-f migrations``."""
