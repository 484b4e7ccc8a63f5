"""`python -m legacy_bridge.cli`, for where the command is not on the path."""

from legacy_bridge.cli.main import main

if __name__ == "__main__":
    main()
