"""A real Airflow, solving for both stacks. Not part of `tox -e check`: see tox.ini."""
