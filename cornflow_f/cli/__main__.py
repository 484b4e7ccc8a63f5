"""`python -m cornflow_f.cli`."""

from cornflow_f.cli import main

main(prog_name="cornflow-f")
