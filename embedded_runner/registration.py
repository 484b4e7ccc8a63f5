"""Makes the applications known to Cornflow, as Airflow's workflow update_dag_registry does."""

from __future__ import annotations

from embedded_runner.catalogue import Catalogue
from embedded_runner.cornflow import Cornflow
from embedded_runner.model import Application, Json


def body(application: Application) -> dict[str, Json]:
    schemas = application.schemas
    return {
        "description": application.description,
        "instance_schema": schemas["instance"],
        "solution_schema": schemas["solution"],
        "config_schema": schemas["config"],
        "instance_checks_schema": schemas["instance_checks"],
        "solution_checks_schema": schemas["solution_checks"],
        "kpis_schema": schemas["kpis"],
    }


async def register(cornflow: Cornflow, catalogue: Catalogue) -> dict[str, bool]:
    """Name of every application -> whether it is new there. Raises Unreachable or Refused."""
    known = await cornflow.deployed()
    told: dict[str, bool] = {}
    for application in catalogue.applications:
        await cornflow.deploy(application.name, body(application), application.name in known)
        told[application.name] = application.name not in known
    return told
