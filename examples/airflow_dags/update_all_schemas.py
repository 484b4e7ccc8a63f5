"""Airflow's DAG that stores the schemas and examples of all applications. Cornflow starts it by its name."""

from cornflow_workflows import internal, update_schemas

dag = internal(
    "update_all_schemas", "Stores schemas and examples of all applications", update_schemas
)
