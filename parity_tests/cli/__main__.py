"""`python -m parity_tests.cli`, for where the command is not on the path."""

from parity_tests.cli.main import main

if __name__ == "__main__":
    main()
