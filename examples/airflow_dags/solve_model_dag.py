"""Airflow's DAGs of the PuLP model."""

from cornflow_workflows import checking, solving
from embedded_runner.applications.pulp_model import PulpModel

application = PulpModel()
solve = solving(application)
check = checking(application)
