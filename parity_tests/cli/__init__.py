"""The `parity` command: `main`, and a file for each command."""
