"""The engine, its clock, and JSON columns kept as text."""
