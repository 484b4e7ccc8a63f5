"""`python -m embedded_runner` is `cornflow-runner`."""

from embedded_runner.cli import main

main()
