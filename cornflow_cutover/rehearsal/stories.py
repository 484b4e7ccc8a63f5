"""What users do in a rehearsal: together every operation of Cornflow, with rows that can be counted."""

import io
import itertools
import zipfile
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from cornflow_cutover.rehearsal.client import Client

WORKFLOW = "rehearsal"
PREFIX = "r-"
"""What the name of every counted row begins with."""

_ADMIN = 3
"""The id of the administrators' role, in both stacks."""

Story = Callable[[Client, str], Awaitable[None]]

_MPS = """NAME t
ROWS
 N  OBJ
 L  c1
COLUMNS
    x  OBJ  1  c1  1
RHS
    RHS  c1  4
BOUNDS
 UP BND x 4
ENDATA
"""
_names: Iterator[int] = itertools.count(1)


def new_name(user: str) -> str:
    return f"{PREFIX}{user}-{next(_names)}"


def workflow(idx: str) -> dict[str, Any]:
    kinds = ("instance", "solution", "config", "instance_checks", "solution_checks", "kpis")
    return {"id": idx, "description": "d", **{f"{kind}_schema": {} for kind in kinds}}


async def _named(client: Client, operation: str, name: str) -> Any:
    """The object of that name in a list, for a client that does not know whether it was made."""
    rows = await client(operation, query="?limit=100")
    return next((one for one in rows if one["name"] == name), None)


async def solve(client: Client, name: str) -> None:
    """An instance and its executions, from the first request to the last."""
    instance = await client.make(
        "instances", "POST /instance/", name,
        json={"name": name, "schema": WORKFLOW, "data": {"a": 1}},
        find=lambda: _named(client, "GET /instance/", name),
    )  # fmt: skip
    idx = instance["id"]
    await client("GET /instance/", query="?limit=5")
    await client("GET /instance/<string:idx>/", idx=idx)
    await client("PUT /instance/<string:idx>/", idx=idx, json={"description": "changed"})
    await client("GET /instance/<string:idx>/data/", idx=idx)
    await client("POST /data-check/instance/<string:idx>/", query="?run=0", idx=idx)
    await client("POST /data-check-kpis/instance/<string:idx>/", query="?run=0", idx=idx)
    await client("PUT /dag/instance/<string:idx>/", idx=idx, json={"checks": {"c": 1}})
    await client("GET /table/<string:table_name>/", table_name="instances", query="?limit=3")
    await client("GET /table/<string:table_name>/<string:idx>/", table_name="instances", idx=idx)
    body = {"name": name, "schema": WORKFLOW, "config": {}, "instance_id": idx}
    execution = await client.make(
        "executions", "POST /execution/", name, query="?run=0", json=body,
        find=lambda: _named(client, "GET /execution/", name),
    )  # fmt: skip
    run = execution["id"]
    await client("GET /execution/", query="?limit=5")
    await client("GET /execution/<string:idx>/", idx=run)
    await client("PUT /execution/<string:idx>/", idx=run, json={"description": "changed"})
    await client("GET /dag/<string:idx>/", idx=run)
    solved = {"state": 1, "log_text": "done", "data": {"x": 1}}
    await client("PUT /dag/<string:idx>/", idx=run, json=solved)
    for part in ("status", "data", "log"):
        await client(f"GET /execution/<string:idx>/{part}/", idx=run)
    await client("PUT /execution/<string:idx>/status/", idx=run, json={"status": 1})
    await client("POST /data-check/execution/<string:idx>/", query="?run=0", idx=run)
    await client("POST /data-check-kpis/execution/<string:idx>/", query="?run=0", idx=run)
    await client(
        "POST /execution/<string:idx>/relaunch/", query="?run=0", idx=run, json={"config": {}}
    )
    # it never ran, so there is nothing to stop
    await client("POST /execution/<string:idx>/", idx=run, good=(200, 400), json={})
    await client(
        "POST /execution/files/<string:idx>/", idx=run,
        files={"execution_file": ("a.zip", _archive(), "application/zip")},
        data={"execution_files_status": "1"}, good=(200, 201, 400),
    )  # fmt: skip
    await client("GET /execution/files/<string:idx>/", idx=run, good=(200, 400, 404))
    client.delete_later("DELETE /execution/<string:idx>/", row=("executions", name), idx=run)
    client.delete_later("DELETE /instance/<string:idx>/", row=("instances", name), idx=idx)


async def cases(client: Client, name: str) -> None:
    """A case and its twin: copied, compared, changed, made an instance, deleted."""
    body = {"name": name, "description": "d", "schema": WORKFLOW, "data": {"a": 1}}
    case = await client.make(
        "cases", "POST /case/", name, json=body, find=lambda: _named(client, "GET /case/", name)
    )
    idx = case["id"]
    await client("GET /case/", query="?limit=5")
    await client("GET /case/<int:idx>/", idx=idx)
    await client("PUT /case/<int:idx>/", idx=idx, json={"description": "changed"})
    await client("GET /case/<int:idx>/data/", idx=idx)
    patch = [{"op": "add", "path": "/b", "value": 1}]
    await client("PATCH /case/<int:idx>/data/", idx=idx, json={"data_patch": patch})
    await client("PUT /case/<int:idx>/data/", idx=idx, json={"name": name})
    twin = await client("POST /case/<int:idx>/copy/", idx=idx)
    await client("GET /case/<int:idx1>/<int:idx2>/", idx1=idx, idx2=twin["id"])
    await client("POST /data-check/case/<int:idx>/", query="?run=0", idx=idx)
    await client("POST /data-check-kpis/case/<int:idx>/", query="?run=0", idx=idx)
    await client("PUT /dag/case/<int:idx>/", idx=idx, json={"checks": {"c": 1}})
    instance = await client("POST /case/<int:idx>/instance/", idx=idx)
    from_it = new_name(client.user)
    made = {"name": from_it, "description": "d", "schema": WORKFLOW, "instance_id": instance["id"]}
    other = await client.make(
        "cases", "POST /case/instance/", from_it, json=made,
        find=lambda: _named(client, "GET /case/", from_it),
    )  # fmt: skip
    # no part of a case can be deleted: all of it goes
    client.delete_later("DELETE /case/<int:idx>/data/", row=("cases", from_it), idx=other["id"])
    client.delete_later("DELETE /case/<int:idx>/", row=("cases", name), idx=idx)


async def look_around(client: Client, name: str) -> None:
    """What a front end asks for before anything is done."""
    await client.log_in()
    for operation in ("/health/", "/token/", "/licences/", "/schema/", "/alarms/", "/main-alarms/"):
        await client(f"GET {operation}")
    await client("GET /schema/<string:dag_name>/", dag_name=WORKFLOW)
    # without Airflow there are no examples: a clear refusal by both
    await client("GET /example/<string:dag_name>/", dag_name=WORKFLOW, good=(400,))
    await client(
        "GET /example/<string:dag_name>/<string:example_name>/",
        dag_name=WORKFLOW, example_name="first", good=(400,),
    )  # fmt: skip
    await client("GET /user/<int:user_id>/", user_id=client.id)
    await client("PUT /user/<int:user_id>/", user_id=client.id, json={"first_name": "Ada"})
    # there is no mail server in a rehearsal
    missing = {"email": "nobody@example.org"}
    await client("PUT /user/recover-password/", json=missing, good=(200, 400, 404, 501))
    mps = {"file": (f"{name}.mps", _MPS.encode(), "application/octet-stream")}
    await client("POST /instancefile/", files=mps, data={"name": "a file", "description": "d"})


async def administer(client: Client, name: str) -> None:
    """Users, roles, permissions and alarms."""
    for operation in ("/user/", "/user/role/", "/roles/", "/permission/", "/action/", "/apiview/"):
        await client(f"GET {operation}")
    user = name.lower()
    sign_up = {"username": user, "email": f"{user}@example.org", "password": "Rehearsal-1!"}
    async with client.log.workflows:
        made = await client.make(
            "users", "POST /signup/", user, json=sign_up, find=lambda: _user(client, user)
        )
    idx = made["id"]
    role = await client.make(
        "roles", "POST /roles/", name, json={"name": name},
        find=lambda: _named(client, "GET /roles/", name),
    )  # fmt: skip
    await client("GET /roles/<int:idx>/", idx=role["id"])
    await client("PUT /roles/<int:idx>/", idx=role["id"], json={"name": name})
    # nobody may, in either stack
    await client("DELETE /roles/<int:idx>/", idx=role["id"], good=(200, 400, 501))
    await client("POST /user/role/", json={"user_id": idx, "role_id": role["id"]})
    await client("GET /user/role/<int:user_id>/<int:role_id>/", user_id=idx, role_id=role["id"])
    client.delete_later(
        "DELETE /user/role/<int:user_id>/<int:role_id>/", user_id=idx, role_id=role["id"]
    )
    await make_admin(client, idx)
    views = await client("GET /apiview/")
    wanted = {"action_id": 1, "api_view_id": views[0]["id"], "role_id": role["id"]}
    permission = await client("POST /permission/", json=wanted)
    await client("GET /permission/<int:idx>/", idx=permission["id"])
    await client("PUT /permission/<int:idx>/", idx=permission["id"], json={"action_id": 2})
    client.delete_later("DELETE /permission/<int:idx>/", idx=permission["id"])
    alarm = await client.make(
        "alarms", "POST /alarms/", name,
        json={"name": name, "criticality": 1, "description": "d"},
        find=lambda: _named(client, "GET /alarms/", name),
    )  # fmt: skip
    await client("GET /alarms/<int:idx>/", idx=alarm["id"])
    await client("PUT /alarms/<int:idx>/", idx=alarm["id"], json={"description": "changed"})
    raised = {"id_alarm": alarm["id"], "criticality": 1, "message": "raised"}
    await client("POST /main-alarms/", json=raised)
    client.delete_later("DELETE /user/<int:user_id>/", row=("users", user), user_id=idx)
    other = await client.make(
        "alarms", "POST /alarms/", f"{name}-x",
        json={"name": f"{name}-x", "criticality": 1, "description": "d"},
        find=lambda: _named(client, "GET /alarms/", f"{name}-x"),
    )  # fmt: skip
    client.delete_later("DELETE /alarms/<int:idx>/", row=("alarms", f"{name}-x"), idx=other["id"])


async def make_admin(client: Client, user: int) -> None:
    """Both stacks refuse the second time with 400, so after a cut the client looks first."""

    async def given() -> Any:
        rows = await client("GET /user/role/")
        return next(
            (one for one in rows if (one["user_id"], one["role_id"]) == (user, _ADMIN)), None
        )

    await client(
        "PUT /user/<int:user_id>/<int:make_admin>/", user_id=user, make_admin=1, find=given
    )


async def serve(client: Client, name: str) -> None:
    """What the workers of an orchestrator do."""
    await client("GET /dag/deployed/")
    kinds = ("instance_checks", "solution_checks", "kpis")
    change = {"description": "x", **{f"{kind}_schema": {} for kind in kinds}}
    async with client.log.workflows:
        # Deployed already: a new one changes what every sign-up writes, and that is a rare day.
        await client("POST /dag/deployed/", json=workflow(WORKFLOW), good=(400,))
        await client("PUT /dag/deployed/<string:idx>/", idx=WORKFLOW, json=change)
    instance = await client(
        "POST /instance/", json={"name": "for it", "schema": WORKFLOW, "data": {}},
        find=lambda: _named(client, "GET /instance/", "for it"),
    )  # fmt: skip
    await client(
        "POST /dag/",
        json={"name": "by hand", "schema": WORKFLOW, "config": {}, "instance_id": instance["id"]},
    )
    await client("DELETE /execution/files/cleanup/", good=(200, 400, 404))


async def _user(client: Client, name: str) -> Any:
    rows = await client("GET /user/")
    return next((one for one in rows if one["username"] == name), None)


def _archive() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a.txt", "a")
    return held.getvalue()


STORIES: tuple[Story, ...] = (look_around, solve, cases, administer, serve)
