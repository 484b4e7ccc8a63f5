"""Airflow's DAGs of the drill, an application that fails or takes its time on request. For tests only."""

from cornflow_workflows import checking, solving
from embedded_runner.applications.drill import Drill

application = Drill()
solve = solving(application)
check = checking(application)
