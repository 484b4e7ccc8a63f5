"""Shows the port the doubles that a suite puts in the place of the legacy's orchestrator clients.

A suite replaces `cornflow.endpoints.execution.Airflow`, or methods of the class in `cornflow_client`.
While it does, the port's own client asks the same double, with the legacy's words; otherwise, and for
whatever is not replaced, it calls the server as ever.
"""

import importlib
import json
import sys
from collections.abc import Callable
from typing import Any, cast
from unittest.mock import NonCallableMock

from fastapi import FastAPI

from cornflow_f.constants import ExecutionState
from cornflow_f.errors import OrchestratorError
from cornflow_f.orchestrators.airflow import Airflow
from cornflow_f.orchestrators.base import Workflow
from cornflow_f.orchestrators.databricks import Databricks

_OWNERS = (
    "cornflow.endpoints.execution",
    "cornflow.endpoints.data_check",
    "cornflow.endpoints.example_data",
    "cornflow.endpoints.health",
    "cornflow.models.dag",
)
"""Modules of the legacy that know a client by its class's name."""


def show_doubles(app: FastAPI, flask_app: Any) -> None:
    """Gives the port's application clients that look for doubles first."""
    state = app.state
    airflow = _DoubledAirflow(state.airflow, flask_app)
    is_airflow = state.orchestrator is state.airflow
    state.airflow = airflow
    state.orchestrator = (
        airflow if is_airflow else _DoubledDatabricks(state.orchestrator, flask_app)
    )


class _Doubled:
    """Before a client of the port. It shares the client's state, so that it can stand in for it."""

    name: str
    _RUN_ID: str

    def __init__(self, real: Any, flask_app: Any) -> None:
        self.__dict__.update(real.__dict__)
        self._flask_app = flask_app

    def _double(self, method: str) -> Callable[..., Any] | None:
        for owner in _OWNERS:
            client: Any = getattr(sys.modules.get(owner), self.name, None)
            if _is_double(client) or _is_double(getattr(client, "from_config", None)):
                client = client.from_config(self._flask_app.config)
            if _is_double(attribute := getattr(client, method, None)):
                return cast(Callable[..., Any], attribute)
        return None

    async def is_alive(self) -> bool:
        if double := self._double("is_alive"):
            return bool(_ask(double, config=self._flask_app.config))
        return await super().is_alive()  # type: ignore[misc,no-any-return]

    async def workflow(self, workflow: str, *, checks: bool = False) -> Workflow:
        if double := self._double("get_workflow_info"):
            name = f"{workflow}_checks_and_kpis" if checks else workflow
            return Workflow(_paused(_ask(double, workflow_name=name)))
        return await super().workflow(workflow, checks=checks)  # type: ignore[misc,no-any-return]

    async def run(
        self, workflow: str, execution_id: str, *, checks: bool = False, case_id: int | None = None
    ) -> str | None:
        if double := self._double("run_workflow"):
            options: dict[str, Any] = {"checks_and_kpis_only": True} if checks else {}
            if case_id is not None:
                options["case_id"] = case_id
            reply = _ask(double, execution_id, workflow_name=workflow, **options).json()
            run_id = reply.get(self._RUN_ID) if checks else reply[self._RUN_ID]
            return None if run_id is None else str(run_id)
        return await super().run(  # type: ignore[misc,no-any-return]
            workflow, execution_id, checks=checks, case_id=case_id
        )

    async def state_of(self, workflow: str, run_id: str, *, checks: bool = False) -> ExecutionState:
        if double := self._double("get_run_status"):
            options = {"checks_and_kpis_workflow": True} if checks else {}
            return self._state(_ask(double, workflow, run_id, **options))
        return await super().state_of(workflow, run_id, checks=checks)  # type: ignore[misc,no-any-return]

    async def stop(self, workflow: str, run_id: str | None, *, checks: bool = False) -> None:
        if double := self._double("set_dag_run_to_fail"):
            _ask(double, dag_name=workflow, run_id=run_id, checks_and_kpis_workflow=checks)
            return
        await super().stop(workflow, run_id, checks=checks)  # type: ignore[misc]

    def _state(self, answer: Any) -> ExecutionState:
        raise NotImplementedError


class _DoubledAirflow(_Doubled, Airflow):
    _RUN_ID = "dag_run_id"

    def _state(self, answer: Any) -> ExecutionState:
        return _mapped("AIRFLOW_TO_STATE_MAP", answer.json()["state"])

    async def variable(self, name: str) -> Any:
        if double := self._double("get_one_variable"):
            return json.loads(_ask(double, name)["value"])
        return await super().variable(name)

    async def get_one_schema(self, dag_name: str, schema: str) -> Any:
        if double := self._double("get_one_schema"):
            return _ask(double, dag_name, schema)
        return await super().get_one_schema(dag_name, schema)


class _DoubledDatabricks(_Doubled, Databricks):
    _RUN_ID = "run_id"

    def _state(self, answer: Any) -> ExecutionState:
        return _mapped("DATABRICKS_TO_STATE_MAP", answer)


def _is_double(value: Any) -> bool:
    return isinstance(value, NonCallableMock)


def _ask(double: Callable[..., Any], *words: Any, **options: Any) -> Any:
    """What the double says; an error of the legacy's clients is the port's own."""
    try:
        return double(*words, **options)
    except Exception as error:
        errors: Any = importlib.import_module("cornflow_client.constants")
        if not isinstance(error, errors.OrchError):
            raise
        raise OrchestratorError(str(error.error), status=error.status_code) from error


def _paused(reply: Any) -> bool | None:
    try:
        return bool(reply.json()["is_paused"])
    except (KeyError, TypeError):
        return None


def _mapped(table: str, state: Any) -> ExecutionState:
    constants: Any = importlib.import_module("cornflow.shared.const")
    return ExecutionState(getattr(constants, table).get(state, constants.EXEC_STATE_UNKNOWN))
