"""One request to every operation of the port, and some that are refused: what it answers to each."""

from dataclasses import dataclass
from typing import Any

from tests.port.conftest import PASSWORD, Port

NO_SUCCESS = {"DELETE /roles/<int:idx>/"}
"""What the API has and never does."""

_SCHEMAS = ("instance", "solution", "instance_checks", "solution_checks", "kpis", "config")
_MPS = b"""NAME          x
ROWS
 N  cost
 L  limit
COLUMNS
    a         cost                1   limit               1
RHS
    RHS       limit               4
ENDATA
"""


@dataclass(frozen=True)
class Reply:
    operation: str
    status: int
    body: Any


class _Tour:
    def __init__(self, port: Port) -> None:
        self._port = port
        self.replies: list[Reply] = []

    async def ask(
        self,
        operation: str,
        *ids: object,
        as_: str | None = "admin",
        query: str = "",
        **options: Any,
    ) -> Any:
        method, rule = operation.split(" ", 1)
        parts = iter(ids)
        path = "/".join(str(next(parts)) if p.startswith("<") else p for p in rule.split("/"))
        reply = await self._port.call(method, path + query, as_=as_, **options)
        self.replies.append(Reply(operation, reply.status_code, reply.json()))
        return self.replies[-1].body


async def tour(port: Port) -> list[Reply]:
    trip = _Tour(port)
    await _access(trip)
    await _workflows(trip)
    instance, execution = await _runs(trip)
    await _cases(trip, instance, execution)
    await _alarms(trip)
    await _last(trip, instance, execution)
    return trip.replies


async def _access(trip: _Tour) -> None:
    ask = trip.ask
    for path in ("action", "apiview", "permission", "roles", "licences", "user", "user/role"):
        await ask(f"GET /{path}/")
        await ask(f"GET /{path}/", as_=None)
    await ask("GET /user/", as_="viewer")
    await ask("GET /health/", as_=None)
    await ask("GET /token/")
    await ask("POST /login/", as_=None, json={"username": "admin", "password": PASSWORD})
    await ask("POST /login/", as_=None, json={"username": "admin", "password": "x"})
    await ask("POST /login/", as_=None, content=b"{", headers={"Content-Type": "application/json"})
    new = {"username": "new", "email": "new@cornflow.org", "password": PASSWORD}
    idx = (await ask("POST /signup/", json=new))["id"]
    await ask("POST /signup/", json=new)
    await ask("PUT /user/recover-password/", as_=None, json={"email": "nobody@cornflow.org"})
    await ask("GET /user/<int:user_id>/", idx)
    await ask("GET /user/<int:user_id>/", 777)
    await ask("PUT /user/<int:user_id>/", idx, json={"first_name": "N"})
    await ask("PUT /user/<int:user_id>/<int:make_admin>/", idx, 1)
    await ask("POST /user/role/", json={"user_id": idx, "role_id": 1})
    await ask("POST /user/role/", json={"user_id": idx, "role_id": 1})
    await ask("GET /user/role/<int:user_id>/<int:role_id>/", idx, 1)
    await ask("DELETE /user/role/<int:user_id>/<int:role_id>/", idx, 1)
    await ask("DELETE /user/<int:user_id>/", idx)
    role = (await ask("POST /roles/", json={"name": "tester"}))["id"]
    await ask("GET /roles/<int:idx>/", role)
    await ask("PUT /roles/<int:idx>/", role, json={"name": "taster"})
    await ask("DELETE /roles/<int:idx>/", role)
    granted = {"role_id": role, "action_id": 1, "api_view_id": 1}
    permission = (await ask("POST /permission/", json=granted))["id"]
    await ask("GET /permission/<int:idx>/", permission)
    await ask("PUT /permission/<int:idx>/", permission, json={**granted, "action_id": 2})
    await ask("DELETE /permission/<int:idx>/", permission)


async def _workflows(trip: _Tour) -> None:
    ask = trip.ask
    schemas: dict[str, Any] = {f"{name}_schema": {} for name in _SCHEMAS}
    schemas["instance_schema"] = {"type": "object", "properties": {"a": {"type": "integer"}}}
    workflow = {"id": "solve", "description": "x", **schemas}
    await ask("POST /dag/deployed/", as_="service_user", json=workflow)
    await ask("GET /dag/deployed/", as_="service_user")
    edit: dict[str, Any] = {
        f"{name}_schema": {} for name in ("instance_checks", "solution_checks", "kpis")
    }
    await ask("PUT /dag/deployed/<string:idx>/", "solve", as_="service_user", json=edit)
    await ask("GET /schema/")
    await ask("GET /schema/<string:dag_name>/", "solve")
    await ask("GET /schema/<string:dag_name>/", "nothing")
    await ask("GET /example/<string:dag_name>/", "solve")
    await ask("GET /example/<string:dag_name>/<string:example_name>/", "solve", "x")


async def _runs(trip: _Tour) -> tuple[str, str]:
    ask = trip.ask
    body = {"name": "x", "schema": "solve", "data": {"a": 1}}
    instance = (await ask("POST /instance/", json=body))["id"]
    await ask("POST /instance/", json={**body, "data": {"a": "text"}})
    await ask("GET /instance/")
    await ask("GET /instance/", query="?limit=x")
    await ask("GET /instance/<string:idx>/", instance)
    await ask("GET /instance/<string:idx>/data/", instance)
    await ask("PUT /instance/<string:idx>/", instance, json={"name": "y"})
    file = {"file": ("x.mps", _MPS)}
    form = {"name": "file", "description": "d"}
    await ask("POST /instancefile/", data=form, files=file)
    asked = {"name": "x", "schema": "solve", "instance_id": instance, "config": {}}
    execution = (await ask("POST /execution/", query="?run=0", json=asked))["id"]
    await ask("POST /execution/", json=asked)
    await ask("GET /execution/")
    for part in ("", "status/", "data/", "log/"):
        await ask(f"GET /execution/<string:idx>/{part}", execution)
        await ask(f"GET /execution/<string:idx>/{part}", "nothing")
    await ask("PUT /execution/<string:idx>/", execution, json={"name": "y"})
    await ask("PUT /execution/<string:idx>/status/", execution, json={"status": 1})
    relaunch = "POST /execution/<string:idx>/relaunch/"
    await ask(relaunch, execution, query="?run=0", json={"config": {}})
    await ask("POST /execution/<string:idx>/", execution)
    worker = {"as_": "service_user"}
    await ask("GET /dag/<string:idx>/", execution, **worker)
    solved = {"data": {"b": 2}, "state": 1, "log_text": "log", "log_json": {"status": "Optimal"}}
    await ask(
        "PUT /dag/<string:idx>/", execution, json={**solved, "solution_schema": "solve"}, **worker
    )
    await ask("GET /execution/<string:idx>/data/", execution)
    await ask("GET /execution/<string:idx>/log/", execution)
    manual = {
        "name": "m",
        "schema": "solve",
        "instance_id": instance,
        "config": {},
        "data": {"b": 1},
    }
    await ask("POST /dag/", json=manual)
    await ask("PUT /dag/instance/<string:idx>/", instance, json={"checks": {}}, **worker)
    for kind in ("data-check", "data-check-kpis"):
        await ask(f"POST /{kind}/instance/<string:idx>/", instance, query="?run=0")
        await ask(f"POST /{kind}/execution/<string:idx>/", execution, query="?run=0")
        await ask(f"POST /{kind}/instance/<string:idx>/", instance)
    await ask("GET /execution/files/<string:idx>/", execution, **worker)
    await ask(
        "POST /execution/files/<string:idx>/",
        execution,
        data={"execution_files_status": "1"},
        **worker,
    )
    await ask("DELETE /execution/files/cleanup/", **worker)
    return instance, execution


async def _cases(trip: _Tour, instance: str, execution: str) -> None:
    ask = trip.ask
    body = {"name": "x", "schema": "solve", "data": {"a": 1}, "solution": {"b": 1}}
    first = (await ask("POST /case/", json=body))["id"]
    copied = (await ask("POST /case/<int:idx>/copy/", first))["id"]
    await ask(
        "POST /case/instance/", json={"name": "z", "instance_id": instance, "schema": "solve"}
    )
    await ask("GET /case/")
    await ask("GET /case/<int:idx>/", first)
    await ask("GET /case/<int:idx>/", 777)
    await ask("GET /case/<int:idx>/", "x")
    await ask("GET /case/<int:idx>/data/", first)
    await ask("PUT /case/<int:idx>/", first, json={"name": "y", "description": "d"})
    await ask("PUT /case/<int:idx>/data/", first, json={"name": "z"})
    patch = {"data_patch": [{"op": "replace", "path": "/a", "value": 2}]}
    await ask("PATCH /case/<int:idx>/data/", first, json=patch)
    await ask("POST /case/<int:idx>/instance/", first)
    await ask("GET /case/<int:idx1>/<int:idx2>/", first, copied)
    await ask("PUT /dag/case/<int:idx>/", first, as_="service_user", json={"checks": {}})
    for kind in ("data-check", "data-check-kpis"):
        await ask(f"POST /{kind}/case/<int:idx>/", first, query="?run=0")
    await ask("DELETE /case/<int:idx>/data/", copied)
    await ask("DELETE /case/<int:idx>/", first)


async def _alarms(trip: _Tour) -> None:
    ask = trip.ask
    body = {"name": "a", "criticality": 1.5, "description": "d"}
    alarm = (await ask("POST /alarms/", json=body))["id"]
    await ask("GET /alarms/")
    await ask("GET /alarms/<int:idx>/", alarm)
    await ask("PUT /alarms/<int:idx>/", alarm, json={"name": "b"})
    await ask("POST /main-alarms/", json={"id_alarm": alarm, "criticality": 1, "message": "m"})
    await ask("GET /main-alarms/")
    await ask("DELETE /alarms/<int:idx>/", alarm)


async def _last(trip: _Tour, instance: str, execution: str) -> None:
    ask = trip.ask
    for table in ("instances", "executions", "users", "roles"):
        await ask("GET /table/<string:table_name>/", table, as_="service_user")
    one = "GET /table/<string:table_name>/<string:idx>/"
    await ask(one, "instances", instance, as_="service_user")
    await ask(one, "nothing", instance, as_="service_user")
    await ask("DELETE /execution/<string:idx>/", execution)
    await ask("DELETE /instance/<string:idx>/", instance)
    await ask("DELETE /instance/<string:idx>/", instance)
