"""The part of Airflow's REST API version 1 that Cornflow uses, and the runner's own status page.

Source for Cornflow's calls: cornflow_client.airflow.api; for replies: Airflow 2.9's REST reference.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import datetime

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Lifespan

from embedded_runner import replies
from embedded_runner.auth import BasicAuth
from embedded_runner.model import INTERNAL, Json, Phase, Run, RunKind, RunState, Workflow
from embedded_runner.runner import Runner
from embedded_runner.store import DuplicateRun, QueueFull

_BODY_LIMIT = 1024 * 1024
_PAGE = 100
_STOP_PATIENCE = 2.0
"""Seconds. Short: a Cornflow with one thread cannot take the log while it waits for us."""


class _Problem(HTTPException):
    """Answered as a problem document."""


def create_app(runner: Runner, lifespan: Lifespan[Starlette] | None = None) -> Starlette:
    api = _Api(runner)
    guard = BasicAuth(runner.settings.airflow_user, runner.settings.airflow_password)

    def route(path: str, handler: Callable[[Request], Awaitable[Response]], *methods: str) -> Route:
        return Route(path, guard(handler), methods=list(methods or ("GET",)))

    v1, one = "/api/v1", "/api/v1/dags/{dag_id}"
    run = f"{one}/dagRuns/{{run_id}}"
    return Starlette(
        routes=[
            # Airflow answers this one to everybody, and Cornflow asks it without a password
            Route(f"{v1}/health", api.health),
            route(f"{v1}/dags", api.dags),
            route(one, api.dag),
            route(one, api.edit_dag, "PATCH"),
            route(f"{one}/dagRuns", api.dag_runs),
            route(f"{one}/dagRuns", api.start, "POST"),
            route(run, api.dag_run),
            route(run, api.edit_dag_run, "PATCH"),
            route(f"{run}/taskInstances", api.task_instances),
            route(f"{run}/taskInstances/{{task_id}}", api.task_instance),
            route(f"{run}/taskInstances/{{task_id}}/logs/{{number:int}}", api.logs),
            route(f"{one}/updateTaskInstancesState", api.set_task_state, "POST"),
            route(f"{v1}/variables", api.variables),
            route(f"{v1}/variables/{{key}}", api.variable),
            route("/status", api.status),
        ],
        exception_handlers={HTTPException: _as_problem},
        lifespan=lifespan,
    )


async def _as_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    titles = {404: "Not Found", 405: "Method Not Allowed"}
    title = error.detail if isinstance(error, _Problem) else titles.get(error.status_code, "Error")
    return replies.problem(error.status_code, title, error.detail, error.headers)


class _Api:
    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._store = runner.store

    async def health(self, request: Request) -> Response:
        state = "healthy" if self._runner.healthy else "unhealthy"
        return JSONResponse({"metadatabase": {"status": "healthy"}, "scheduler": {"status": state}})

    async def dags(self, request: Request) -> Response:
        wanted = set(request.query_params.getlist("tags"))
        paused = self._store.paused()
        matches = [w for w in self._workflows.values() if not wanted or w.tag in wanted]
        limit, offset = _page(request)
        page = [replies.dag(w, w.id in paused) for w in matches[offset : offset + limit]]
        return JSONResponse({"dags": page, "total_entries": len(matches)})

    async def dag(self, request: Request) -> Response:
        workflow = self._workflow(request)
        return JSONResponse(replies.dag(workflow, workflow.id in self._store.paused()))

    async def edit_dag(self, request: Request) -> Response:
        workflow = self._workflow(request)
        paused = (await _body(request)).get("is_paused")
        if not isinstance(paused, bool):
            raise _Problem(400, "`is_paused` must be true or false")
        self._store.pause(workflow.id, paused)
        return JSONResponse(replies.dag(workflow, paused))

    async def dag_runs(self, request: Request) -> Response:
        workflow = self._workflow(request)
        limit, offset = _page(request)
        page = [replies.dag_run(r) for r in self._store.runs_of(workflow.id, limit, offset)]
        total = self._store.count(workflow=workflow.id)
        return JSONResponse({"dag_runs": page, "total_entries": total})

    async def start(self, request: Request) -> Response:
        workflow = self._workflow(request)
        body = await _body(request)
        conf = body.get("conf") or {}
        run_id = body.get("dag_run_id")
        if not isinstance(conf, dict) or not (run_id is None or _is_name(run_id)):
            raise _Problem(400, "`conf` must be an object, `dag_run_id` a text without `/`")
        if workflow.kind is not RunKind.INTERNAL and not conf.get("exec_id"):
            raise _Problem(400, "`conf` must hold the execution's id as `exec_id`")
        moment = _date(body.get("logical_date") or body.get("execution_date"))
        try:
            run = self._store.add(
                workflow.id, conf, self._runner.settings.queue_size, run_id, moment
            )
        except QueueFull as error:
            return replies.problem(429, "Too Many Requests", str(error), {"Retry-After": "10"})
        except DuplicateRun as error:
            return replies.problem(409, "Conflict", str(error))
        self._runner.wake()
        return JSONResponse(replies.dag_run(run))

    async def dag_run(self, request: Request) -> Response:
        return JSONResponse(replies.dag_run(self._run(request)))

    async def edit_dag_run(self, request: Request) -> Response:
        run = self._run(request)
        if (await _body(request)).get("state") != RunState.FAILED:
            raise _Problem(400, "only the state `failed` can be set: it stops the run")
        self._runner.stop(run)
        return JSONResponse(replies.dag_run(self._store.get(run.number)))

    async def set_task_state(self, request: Request) -> Response:
        """How Cornflow stops an execution: the run's task, named as its workflow, is to be failed."""
        workflow = self._workflow(request)
        body = await _body(request)
        name, date = body.get("dag_run_id"), body.get("execution_date")
        run = self._store.by_name(workflow.id, str(name)) if name else None
        if run is None and date:
            run = self._store.by_date(workflow.id, str(date))
        if run is None:
            raise _Problem(404, f"{workflow.id} has no run of that `execution_date`")
        if body.get("task_id") != workflow.id:
            raise _Problem(404, f"the one task of {workflow.id} has the workflow's name")
        if body.get("new_state") != RunState.FAILED:
            raise _Problem(400, "only the state `failed` can be set: it stops the run")
        if not body.get("dry_run", True):
            self._runner.stop(run)
            # so that its log is there when Cornflow tells its user that it was stopped
            await self._runner.ended(run, _STOP_PATIENCE)
        task = {
            "dag_id": run.workflow,
            "dag_run_id": run.run_id,
            "execution_date": run.execution_date,
            "task_id": run.workflow,
        }
        return JSONResponse({"task_instances": [task]})

    async def task_instances(self, request: Request) -> Response:
        task = self._task(self._run(request))
        return JSONResponse({"task_instances": [task], "total_entries": 1})

    async def task_instance(self, request: Request) -> Response:
        return JSONResponse(self._task(self._task_run(request)))

    async def logs(self, request: Request) -> Response:
        run = self._task_run(request)
        return PlainTextResponse(self._runner.folder(run).output_tail())

    async def variables(self, request: Request) -> Response:
        listed = [_variable(*item) for item in self._runner.catalogue.variables.items()]
        limit, offset = _page(request)
        page = listed[offset : offset + limit]
        return JSONResponse({"variables": page, "total_entries": len(listed)})

    async def variable(self, request: Request) -> Response:
        key = request.path_params["key"]
        variables = self._runner.catalogue.variables
        if key not in variables:
            raise _Problem(404, f"there is no variable {key}")
        return JSONResponse(_variable(key, variables[key]))

    async def status(self, request: Request) -> Response:
        """What `cornflow-runner status` shows."""
        settings = self._runner.settings
        counts = {phase.value: self._store.count(phase) for phase in Phase if phase != Phase.DONE}
        return JSONResponse(
            {
                "healthy": self._runner.healthy,
                "cornflow": settings.cornflow.url,
                "workers": {"busy": self._runner.solving(), "all": settings.workers},
                "queue": {"waiting": counts["waiting"], "size": settings.queue_size},
                "phases": counts,
                "applications": [
                    {"name": a.name, "target": a.target}
                    for a in self._runner.catalogue.applications
                ],
                "problems": list(self._runner.catalogue.problems),
                "runs": [_line(run) for run in self._store.latest(20)],
            }
        )

    @property
    def _workflows(self) -> dict[str, Workflow]:
        return dict(self._runner.catalogue.workflows)

    def _workflow(self, request: Request) -> Workflow:
        name = request.path_params["dag_id"]
        if name not in self._workflows:
            raise _Problem(
                404, f"there is no workflow {name}; `cornflow-runner applications` lists them"
            )
        return self._workflows[name]

    def _run(self, request: Request) -> Run:
        # not by `_workflow`: a run outlives the application it was made for
        dag_id, run_id = request.path_params["dag_id"], request.path_params["run_id"]
        run = self._store.by_name(dag_id, run_id)
        if run is None:
            raise _Problem(404, f"{dag_id} has no run {run_id}")
        return run

    def _task_run(self, request: Request) -> Run:
        run = self._run(request)
        if request.path_params["task_id"] != run.workflow:
            raise _Problem(404, f"the one task of {run.workflow} has the workflow's name")
        return run

    def _task(self, run: Run) -> Json:
        return replies.task_instance(run, self._workflows.get(run.workflow))


def _variable(key: str, value: Json) -> Json:
    about = "Examples" if key.startswith("z_") and key.endswith("_examples") else "Schemas"
    return {"key": key, "value": json.dumps(value), "description": about}


def _line(run: Run) -> Json:
    return {
        "workflow": run.workflow,
        "run": run.run_id,
        "execution": None if run.workflow in INTERNAL else run.execution,
        "state": run.state.value,
        "phase": run.phase.value,
        "created": replies.moment(run.created),
        "started": replies.moment(run.started),
        "ended": replies.moment(run.ended),
        "reason": run.reason or None,
    }


def _page(request: Request) -> tuple[int, int]:
    try:
        limit = int(request.query_params.get("limit", _PAGE))
        offset = int(request.query_params.get("offset", 0))
    except ValueError:
        raise _Problem(400, "`limit` and `offset` must be whole numbers") from None
    if limit < 0 or offset < 0:
        raise _Problem(400, "`limit` and `offset` must not be negative")
    return min(limit or _PAGE, _PAGE), offset


def _is_name(value: Json) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 250 and "/" not in value


def _date(value: Json) -> datetime | None:
    if value is None:
        return None
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        raise _Problem(400, f"`{value}` is no date") from None


async def _body(request: Request) -> dict[str, Json]:
    raw = b""
    async for part in request.stream():
        raw += part
        if len(raw) > _BODY_LIMIT:
            raise _Problem(413, "the request is too large")
    try:
        body = json.loads(raw or b"{}")
    except ValueError:
        raise _Problem(400, "the body is no JSON") from None
    if not isinstance(body, dict):
        raise _Problem(400, "the body must be an object")
    return body
