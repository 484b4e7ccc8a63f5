"""What `cutover up --check` asks of the bridge it serves: an answer of each stack, and a solved instance."""

import asyncio
import time
from typing import Any

import httpx

from cornflow_cutover.up.data_folder import DataFolder
from cornflow_cutover.up.steps import UpError, run
from legacy_bridge.operations.census import Census
from legacy_bridge.operations.operation import Stack

CHECKER = "check_of_up"
_APPLICATION = "solve_model_dag"
_SOLVER = {"solver": "PULP_CBC_CMD", "timeLimit": 30}
_PATIENCE = 120.0
_UNDER_WAY = {0, -7}
"""Cornflow's states of an execution that is running, or queued."""
_CORRECT = 1


async def log_in(bridge: httpx.AsyncClient, user: str, password: str) -> httpx.Response:
    """The reply; the client is this user from now on."""
    reply = await bridge.post("login/", json={"username": user, "password": password})
    token = reply.json().get("token") if reply.status_code == httpx.codes.OK else None
    if not token:
        raise UpError(f"POST /login/ as {user}: {reply.status_code} {reply.text[:200]}")
    bridge.headers["Authorization"] = f"Bearer {token}"
    return reply


async def log_in_as_planner(bridge: httpx.AsyncClient, folder: DataFolder) -> None:
    """As the user of the checks, made on the first one: nobody else's password is known here.

    To be done before the runner registers its applications, which opens them to every user there is.
    """
    password = folder.secrets().check_password
    try:
        await log_in(bridge, CHECKER, password)
    except UpError:
        user = ("-u", CHECKER, "-e", f"{CHECKER}@cornflow.org", "--password-stdin")
        words = ("users", "create", "planner", *user)
        await asyncio.to_thread(
            run,
            "cornflow_f.cli",
            *words,
            environment=folder.environment(),
            stdin=f"{password}\n",
        )
        await log_in(bridge, CHECKER, password)


async def ask_both(bridge: httpx.AsyncClient, login: httpx.Response, census: Census) -> list[str]:
    """One request answered by each stack; UpError when the wrong one answers."""
    # Any will do that reads a list; once nothing is left to the legacy, what only its router does:
    # an address without its last slash.
    lists = [
        str(entry.operation.rule)
        for entry in census.entries
        if entry.operation.method == "GET" and not entry.ported and "<" not in entry.operation.rule
    ]
    other = await bridge.get(lists[0].lstrip("/") if lists else "health")
    lines = []
    for reply, stack in ((login, Stack.PORTED), (other, Stack.LEGACY)):
        served_by = reply.headers.get("x-served-by")
        request = f"{reply.request.method} {reply.request.url.path}"
        if served_by != stack or reply.is_server_error:
            raise UpError(f"{request}: {reply.status_code} by {served_by}, expected {stack}")
        lines.append(f"{request}: {reply.status_code}, X-Served-By: {served_by}")
    return lines


async def solve_example(bridge: httpx.AsyncClient) -> list[str]:
    """Sends the first example, has it solved, and tells how it went; UpError when it did not."""
    examples = await _json(bridge, "GET", f"example/{_APPLICATION}/")
    name = examples[0]["name"]
    example = await _json(bridge, "GET", f"example/{_APPLICATION}/{name}/")
    common = {"name": f"check: {name}", "schema": _APPLICATION}
    instance = await _json(bridge, "POST", "instance/", {**common, "data": example["instance"]})
    asked = {**common, "instance_id": instance["id"], "config": _SOLVER}
    started = time.monotonic()
    execution = await _json(bridge, "POST", "execution/", asked)
    path = f"execution/{execution['id']}"
    while (state := (await _json(bridge, "GET", f"{path}/status/"))["state"]) in _UNDER_WAY:
        if time.monotonic() - started > _PATIENCE:
            raise UpError(f"{name} is not solved after {_PATIENCE:.0f} s (state {state})")
        await asyncio.sleep(0.5)
    took = time.monotonic() - started
    log = (await _json(bridge, "GET", f"{path}/log/")).get("log_text") or ""
    solution = (await _json(bridge, "GET", f"{path}/data/")).get("data")
    first = next((line.strip() for line in log.splitlines() if line.strip()), "(empty)")
    if state != _CORRECT or not solution:
        raise UpError(f"{name} ended in state {state}, without a solution; its log:\n{log[-2000:]}")
    return [
        f"{_APPLICATION}, {name}: state {state} (solved) after {took:.1f} s",
        f"log: {first}",
    ]


async def _json(bridge: httpx.AsyncClient, method: str, path: str, body: Any = None) -> Any:
    reply = await bridge.request(method, path, json=body)
    if not reply.is_success:
        raise UpError(f"{method} /{path}: {reply.status_code} {reply.text[:300]}")
    return reply.json()
