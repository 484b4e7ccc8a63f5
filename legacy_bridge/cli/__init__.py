"""The `cutover` command: `main`, and a file for each family of commands."""
