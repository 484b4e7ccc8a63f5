"""Makes the applications known to Cornflow, as Airflow's workflow update_dag_registry does."""

from __future__ import annotations

import logging

from embedded_runner.catalogue import Catalogue
from embedded_runner.cornflow import Cornflow, Unreachable
from embedded_runner.model import Application, Json

log = logging.getLogger(__name__)


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
    is_new: dict[str, bool] = {}
    for application in catalogue.applications:
        wanted = body(application)
        try:
            await cornflow.deploy(application.name, wanted, application.name in known)
        except Unreachable as error:
            # The legacy on PostgreSQL, past its published pins: it writes workflow and permissions, then
            # fails at a call that SQLAlchemy 2 has no more. What counts is what it has stored.
            stored = (await cornflow.deployed()).get(application.name, {})
            if any(stored.get(key) != value for key, value in wanted.items()):
                raise
            log.warning("%s is registered, although: %s", application.name, error)
        is_new[application.name] = application.name not in known
    return is_new
