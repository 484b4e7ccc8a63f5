"""Airflow's REST API, versions 1 and 2. Source: ``cornflow_client.airflow.api``.

Version 1 takes basic authentication, version 2 (Airflow 3) a token that it gives for the same name
and password. Which one it is, and the token, are found out once per process.
"""

import asyncio
import json
from contextlib import suppress
from enum import StrEnum
from typing import Any
from urllib.parse import quote

import httpx

from cornflow_f.constants import ExecutionState
from cornflow_f.errors import OrchestratorError
from cornflow_f.orchestrators.base import Listed, Orchestrator, Workflow
from cornflow_f.orchestrators.http import REFUSES, BadReply, HttpCaller, NoReply, refusal

_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
_STATES = {
    "success": ExecutionState.CORRECT,
    "running": ExecutionState.RUNNING,
    "failed": ExecutionState.ERROR,
    "queued": ExecutionState.QUEUED,
}
_PAGE = 100
_PLAIN_IN_SEGMENTS = "!$&'()*+,:;=@~"


class _Version(StrEnum):
    V1 = "v1"
    V2 = "v2"


_HEALTH = {_Version.V1: "/api/v1/health", _Version.V2: "/api/v2/monitor/health"}


class Airflow(Orchestrator):
    name = "Airflow"
    default_workflow = "solve_model_dag"
    can_stop = True
    account = "AIRFLOW_USER and AIRFLOW_PWD"

    def __init__(
        self,
        url: str | None,
        user: str | None,
        password: str | None,
        client: httpx.AsyncClient,
        timeout: float = 30.0,
    ) -> None:
        self._url = url
        self._user = user or ""
        self._password = password or ""
        self._caller = HttpCaller(self.name, client, timeout)
        self._known_version: _Version | None = None
        self._token: str | None = None
        self._token_lock = asyncio.Lock()

    async def is_alive(self) -> bool:
        """Whether both the database and the scheduler of Airflow say they are healthy."""
        if not self._url:
            return False
        try:
            state = self._caller.document(await self._health())
            parts = [state[part]["status"] for part in ("metadatabase", "scheduler")]
        except (NoReply, BadReply, KeyError, TypeError):
            return False
        return parts == ["healthy", "healthy"]

    async def is_usable(self) -> bool:
        if not await self.is_alive():
            return False
        if self.account_refused:
            # its health needs no account: once refused, the account is tried until it is taken again
            with suppress(OrchestratorError):
                await self._call("GET", "/dags?limit=1")
        return not self.account_refused

    async def workflow(self, workflow: str, *, checks: bool = False) -> Workflow:
        reply = await self._call("GET", f"/dags/{_dag(workflow, checks)}")
        document = self._caller.document(reply)
        return Workflow(bool(document["is_paused"]) if "is_paused" in document else None)

    async def run(
        self, workflow: str, execution_id: str, *, checks: bool = False, case_id: int | None = None
    ) -> str | None:
        conf: dict[str, Any] = {"exec_id": execution_id, "checks_and_kpis_only": checks}
        if case_id is not None:
            conf["case_id"] = case_id
        reply = await self._start(_dag(workflow, checks), conf)
        run_id = self._caller.document(reply).get("dag_run_id")
        return None if run_id is None else str(run_id)

    async def state_of(self, workflow: str, run_id: str, *, checks: bool = False) -> ExecutionState:
        reply = await self._call("GET", _run(workflow, checks, run_id))
        state = self._field(reply, "state")
        return _STATES.get(state if isinstance(state, str) else "", ExecutionState.UNKNOWN)

    async def stop(self, workflow: str, run_id: str | None, *, checks: bool = False) -> None:
        # The task that solves has the name of its DAG.
        dag = _dag(workflow, checks)
        change = {
            "include_downstream": True,
            "include_future": False,
            "include_past": False,
            "include_upstream": True,
            "new_state": "failed",
        }
        if await self._version() is _Version.V2:
            # parity: a run without an id is asked for by the name None
            task = f"{_run(workflow, checks, run_id or 'None')}/taskInstances/{dag}"
            await self._call("PATCH", task, change)
            return
        # parity: without an id, it is the list of runs that is asked for
        where = f"/dags/{dag}/dagRuns" if run_id is None else _run(workflow, checks, run_id)
        reply = await self._call("GET", where)
        if run_id is None:
            # legacy-5xx: the legacy misses the date of a run in the list (KeyError).
            raise OrchestratorError("The execution has no run that could be stopped")
        date = self._field(reply, "execution_date")
        change |= {
            "dry_run": False,
            "task_id": _name(workflow, checks),
            "execution_date": date,
        }
        await self._call("POST", f"/dags/{dag}/updateTaskInstancesState", change)

    async def variable(self, name: str) -> Any:
        """The value of a variable, which holds a JSON document as text."""
        reply = await self._call("GET", f"/variables/{_segment(name)}")
        try:
            return json.loads(self._field(reply, "value"))
        except (TypeError, ValueError) as error:
            raise self._caller.bad_reply(f"the variable {name} holds no JSON") from error

    async def get_one_schema(self, dag_name: str, schema: str) -> Any:
        """One JSON schema of a workflow, from the variable that has its name."""
        schemas = await self.variable(dag_name)
        if not isinstance(schemas, dict) or schema not in schemas:
            raise self._caller.bad_reply(f"the variable {dag_name} has no schema '{schema}'")
        return schemas[schema]

    async def model_workflows(self) -> list[Listed]:
        """Those that solve: all with the tag `model`, page by page."""
        workflows: list[Listed] = []
        while True:
            # parity: the legacy sees the first page only, so 100 of them
            page = f"/dags?tags=model&limit={_PAGE}&offset={len(workflows)}"
            dags = self._field(await self._call("GET", page), "dags")
            try:
                workflows += [Listed(str(dag["dag_id"]), dag.get("description")) for dag in dags]
            except (TypeError, KeyError, AttributeError) as error:
                raise self._caller.bad_reply("its list of DAGs can't be understood") from error
            if len(dags) < _PAGE:
                return workflows

    async def trigger(self, dag_name: str) -> None:
        """Starts one of the DAGs that keep Airflow's variables and the registry up to date."""
        await self._start(_segment(dag_name), {})

    async def _start(self, dag: str, conf: dict[str, Any]) -> httpx.Response:
        """A new run of a DAG, whose name is one segment of a path."""
        body: dict[str, Any] = {"conf": conf}
        if await self._version() is _Version.V2:
            # must be there; null lets Airflow choose
            body["logical_date"] = None
        return await self._call("POST", f"/dags/{dag}/dagRuns", body)

    async def _health(self) -> httpx.Response:
        """The health, asked of the version that answers; 404 means that it is the other one."""
        version = self._known_version or _Version.V1
        reply = await self._caller.send("GET", f"{self._url}{_HEALTH[version]}")
        if reply.status_code == 404:
            version = _Version.V2 if version is _Version.V1 else _Version.V1
            reply = await self._caller.send("GET", f"{self._url}{_HEALTH[version]}")
        if reply.status_code == 200:
            # only then: a proxy's error must not decide for the life of the process
            self._known_version = version
        return reply

    async def _version(self) -> _Version:
        if self._known_version is None:
            await self.is_alive()
        # Unknown while Airflow can't be reached: the call itself will say so.
        return self._known_version or _Version.V1

    async def _call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """A reply with status 200. Raises OrchestratorError, AccountRefused."""
        if not self._url:
            raise OrchestratorError("AIRFLOW_URL is not set: there is no Airflow to ask")
        version = await self._version()
        url = f"{self._url}/api/{version}{path}"
        options: dict[str, Any] = {} if body is None else {"json": body}
        if version is _Version.V1:
            auth = httpx.BasicAuth(self._user, self._password)
            reply = await self._caller.send(method, url, headers=_HEADERS, auth=auth, **options)
        else:
            reply = await self._call_with_token(method, url, options)
        self.account_refused = reply.status_code in REFUSES
        if reply.status_code != 200:
            raise refusal(reply, self.name, self.account)
        return reply

    async def _call_with_token(
        self, method: str, url: str, options: dict[str, Any]
    ) -> httpx.Response:
        token = await self._valid_token()
        reply = await self._caller.send(method, url, headers=_bearing(token), **options)
        if _is_token_refused(reply):
            # Refused, so nothing was done: once more with a new token.
            token = await self._valid_token(instead_of=token)
            reply = await self._caller.send(method, url, headers=_bearing(token), **options)
        return reply

    async def _valid_token(self, instead_of: str | None = None) -> str:
        async with self._token_lock:
            if self._token is None or self._token == instead_of:
                self._token = None
                reply = await self._caller.send(
                    "POST",
                    f"{self._url}/auth/token",
                    json={"username": self._user, "password": self._password},
                )
                if reply.status_code >= 300:
                    self.account_refused = reply.status_code in REFUSES
                    raise refusal(reply, self.name, self.account)
                self._token = str(self._field(reply, "access_token"))
            return self._token

    def _field(self, reply: httpx.Response, name: str) -> Any:
        document = self._caller.document(reply)
        if name not in document:
            raise self._caller.bad_reply(f"it has no '{name}'")
        return document[name]


def _name(workflow: str, checks: bool) -> str:
    return f"{workflow}_check_kpis" if checks else workflow


def _dag(workflow: str, checks: bool) -> str:
    return _segment(_name(workflow, checks))


def _run(workflow: str, checks: bool, run_id: str) -> str:
    return f"/dags/{_dag(workflow, checks)}/dagRuns/{_segment(run_id)}"


def _segment(name: str) -> str:
    """A name as one segment of a path: it can't reach another resource of the server."""
    return quote(name, safe=_PLAIN_IN_SEGMENTS)


def _is_token_refused(reply: httpx.Response) -> bool:
    """Airflow 3 says 403 to a token of another secret: a container that draws a new one at its start."""
    if reply.status_code == 401:
        return True
    return reply.status_code == 403 and "Invalid JWT token" in reply.text


def _bearing(token: str) -> dict[str, str]:
    return {**_HEADERS, "Authorization": f"Bearer {token}"}
