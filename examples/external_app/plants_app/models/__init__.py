"""The tables, one noun per file."""
