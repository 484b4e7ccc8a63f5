"""What the files of this folder share: an application of Cornflow as Airflow's workflows.

Names that Cornflow relies on: the workflow is called as its application, the one that only checks ends in
`_check_kpis`, the task of each is called as its workflow (to be stopped by that name), and `model` is the
tag of those that Cornflow registers.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

from airflow import DAG
from airflow.models import DagBag, Variable
from airflow.operators.python import PythonOperator
from airflow.secrets.environment_variables import EnvironmentVariablesBackend
from cornflow_client import CornFlowApiError
from cornflow_client.airflow.dag_utilities import (
    cf_check_generate_kpis_app,
    cf_solve_app,
    connect_to_cornflow,
    default_args,
    get_workflow_name_check_kpis,
)

from embedded_runner.describe import example

log = logging.getLogger(__name__)
"""Airflow puts what is logged here into the log of the task."""

MODEL, CHECKS, INTERNAL = "model", "checks", "internal"


def solving(application: Any) -> DAG:
    """The workflow that solves an execution. Assign it to a global of the application's file."""
    return _workflow(
        application.name,
        application.description,
        MODEL,
        cf_solve_app,
        application,
        application.default_args,
        application.extra_args,
    )


def checking(application: Any) -> DAG:
    """The workflow that checks instance and solution and computes KPIs, without solving."""
    return _workflow(
        get_workflow_name_check_kpis(application.name),
        f"Checks data of {application.name} and computes its KPIs",
        CHECKS,
        cf_check_generate_kpis_app,
        application,
        application.default_args_checks_kpis,
        application.extra_args_checks_kpis,
    )


def internal(name: str, description: str, work: Callable[[], Any]) -> DAG:
    with _dag(name, description, INTERNAL) as dag:
        PythonOperator(task_id=name, python_callable=work)
    return dag


def _workflow(
    name: str,
    description: str | None,
    tag: str,
    work: Callable[..., str],
    application: Any,
    arguments: dict[str, Any] | None,
    extra: dict[str, Any] | None,
) -> DAG:
    with _dag(name, description, tag, arguments, extra) as dag:
        PythonOperator(
            task_id=name,
            python_callable=work,
            # a worker finds Cornflow, and who it is there, in AIRFLOW_CONN_CF_URI
            op_kwargs={"app": application, "secrets": EnvironmentVariablesBackend()},
        )
    return dag


def _dag(
    name: str,
    description: str | None,
    tag: str,
    arguments: dict[str, Any] | None = None,
    extra: dict[str, Any] | None = None,
) -> DAG:
    settings: dict[str, Any] = {
        "description": description,
        "default_args": arguments or default_args,
        "schedule": None,
        "catchup": False,
        # a paused one is refused by Cornflow
        "is_paused_upon_creation": False,
        "tags": [tag],
    }
    return DAG(name, **{**settings, **(extra or {})})


def applications() -> Iterator[Any]:
    """Every application of the DAG folder: what its solving workflow was made from."""
    bag = DagBag(include_examples=False)
    if bag.import_errors:
        log.warning("left out, they can't be imported: %s", bag.import_errors)
    for dag in bag.dags.values():
        if MODEL in dag.tags:
            yield dag.get_task(dag.dag_id).op_kwargs["app"]


def update_schemas() -> None:
    """Schemas and examples become variables of Airflow, where Cornflow reads them."""
    for application in applications():
        Variable.set(application.name, application.get_schemas(), serialize_json=True)
        examples = [example(n, case) for n, case in enumerate(application.test_cases, 1)]
        Variable.set(f"z_{application.name}_examples", examples, serialize_json=True)
        log.info("%s: schemas and %d examples are stored", application.name, len(examples))


def update_registry() -> None:
    """Every application becomes known to Cornflow, or its schemas there are brought up to date."""
    client = connect_to_cornflow(EnvironmentVariablesBackend())
    known = {one["id"]: one for one in client.get_deployed_dags()}
    for application in applications():
        wanted = registered(application)
        before = known.get(application.name)
        if before is not None and holds(before, wanted):
            log.info("%s is known as it is", application.name)
            continue
        try:
            if before is None:
                client.create_deployed_dag(name=application.name, **wanted)
            else:
                client.put_deployed_dag(application.name, wanted)
        except CornFlowApiError as error:
            # Cornflow 1.3.9 on PostgreSQL, past its published pins: it stores the workflow, then fails.
            # What counts is what it has stored.
            stored = {one["id"]: one for one in client.get_deployed_dags()}
            if not holds(stored.get(application.name, {}), wanted):
                raise
            log.warning("%s is registered, although: %s", application.name, error)
            continue
        log.info("%s is %s", application.name, "updated" if before else "registered")


def registered(application: Any) -> dict[str, Any]:
    schemas = application.get_schemas()
    kinds = (
        "instance",
        "solution",
        "config",
        "instance_checks",
        "solution_checks",
        "kpis",
    )
    return {
        "description": application.description,
        **{f"{kind}_schema": schemas[kind] for kind in kinds},
    }


def holds(stored: dict[str, Any], wanted: dict[str, Any]) -> bool:
    # as JSON tells them apart, which is how they were sent
    return all(stored.get(key) == json.loads(json.dumps(value)) for key, value in wanted.items())
