"""Airflow's DAG that makes all applications known to Cornflow. Cornflow starts it by its name."""

from cornflow_workflows import internal, update_registry

dag = internal(
    "update_dag_registry",
    "Registers all applications in Cornflow, or updates them",
    update_registry,
)
