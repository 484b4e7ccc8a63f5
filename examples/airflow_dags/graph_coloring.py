"""Airflow's DAGs of the graph colouring."""

from cornflow_workflows import checking, solving
from embedded_runner.applications.graph_coloring import GraphColoring

application = GraphColoring()
solve = solving(application)
check = checking(application)
