"""The REST API as Cornflow's own client asks it, and as nobody should."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from embedded_runner.model import RunnerError
from embedded_runner.server import only_one
from embedded_runner.settings import Account, parse_connection
from parity_tests.stage.process import free_port
from tests.runner.world import ROOT, Server

USER, PASSWORD = "airflow", "s3cret"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    data, port = tmp_path_factory.mktemp("data"), free_port()
    # nobody listens where it looks for Cornflow: nothing below needs one
    options = ["--port", str(port), "--data", str(data), "--cornflow-url", "http://127.0.0.1:9"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "AIRFLOW_USER": USER,
        "AIRFLOW_PWD": PASSWORD,
        "CORNFLOW_SERVICE_PWD": "x",
    }
    command = [sys.executable, "-m", "embedded_runner", "serve", "--workers", "1", *options]
    server = Server(command, port, "/api/v1/health", environment, data)
    try:
        server.start()
        with httpx.Client(base_url=server.url, auth=(USER, PASSWORD), trust_env=False) as client:
            yield client
    finally:
        server.close()


def start(client: httpx.Client, workflow: str = "graph_coloring", **body: Any) -> dict[str, Any]:
    reply = client.post(f"/api/v1/dags/{workflow}/dagRuns", json={"conf": {"exec_id": "x"}, **body})
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


def test_health_needs_no_password(client: httpx.Client) -> None:
    reply = client.get("/api/v1/health", auth=("nobody", "x"))
    assert reply.json() == {
        "metadatabase": {"status": "healthy"},
        "scheduler": {"status": "healthy"},
    }


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic %%%",
        "Basic YWlyZmxvdw==",
        "Bearer x",
        "Basic YWlyZmxvdzpzM2NyZXQx",
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/dags", "/api/v1/variables/graph_coloring", "/status"])
def test_everything_else_does(client: httpx.Client, header: str, path: str) -> None:
    reply = client.get(path, headers={"Authorization": header}, auth=None)
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"] == "Basic"


def test_model_workflows_are_what_cornflow_registers(client: httpx.Client) -> None:
    names = [dag["dag_id"] for dag in client.get("/api/v1/dags?tags=model").json()["dags"]]
    assert names == ["solve_model_dag", "graph_coloring"]
    internal = client.get("/api/v1/dags?tags=internal").json()["dags"]
    assert {dag["dag_id"] for dag in internal} == {"update_all_schemas", "update_dag_registry"}
    assert client.get("/api/v1/dags").json()["total_entries"] == 6
    assert len(client.get("/api/v1/dags?limit=2&offset=5").json()["dags"]) == 1
    for name in names:
        assert client.get(f"/api/v1/dags/{name}_check_kpis").json()["is_paused"] is False


def test_schemas_and_examples_are_variables(client: httpx.Client) -> None:
    reply = client.get("/api/v1/variables/graph_coloring").json()
    assert set(json.loads(reply["value"])) == {
        "instance",
        "solution",
        "config",
        "instance_checks",
        "solution_checks",
        "kpis",
    }
    examples = json.loads(client.get("/api/v1/variables/z_graph_coloring_examples").json()["value"])
    assert [example["name"] for example in examples] == ["Petersen", "Grid", "Too few colors"]
    assert client.get("/api/v1/variables/nothing").status_code == 404
    assert client.get("/api/v1/variables").json()["total_entries"] == 4


def test_a_run_is_told_as_airflow_tells_it(client: httpx.Client) -> None:
    run = start(client)
    assert run["state"] == "queued"
    assert run["dag_run_id"] == f"manual__{run['execution_date']}"
    assert run["conf"] == {"exec_id": "x"}
    url = f"/api/v1/dags/graph_coloring/dagRuns/{run['dag_run_id']}"
    assert client.get(url).json()["dag_run_id"] == run["dag_run_id"]
    stop = {
        "dry_run": True,
        "task_id": "graph_coloring",
        "execution_date": run["execution_date"],
        "new_state": "failed",
    }
    path = "/api/v1/dags/graph_coloring/updateTaskInstancesState"
    assert (
        client.post(path, json=stop).json()["task_instances"][0]["dag_run_id"] == run["dag_run_id"]
    )
    assert client.get(url).json()["state"] != "failed", "a dry run stops nothing"
    assert client.post(path, json={**stop, "task_id": "other"}).status_code == 404
    assert client.post(path, json={**stop, "execution_date": "2001-01-01"}).status_code == 404
    assert client.post(path, json={**stop, "new_state": "success"}).status_code == 400
    assert client.post(path, json={**stop, "dry_run": False}).status_code == 200
    assert client.get(url).json()["state"] == "failed"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"x"',
        b"\xff",
        b"{}",
        b'{"conf": []}',
        b'{"conf": {"exec_id": ""}}',
        b'{"conf": {"exec_id": "x"}, "dag_run_id": "a/b"}',
        b'{"conf": {"exec_id": "x"}, "dag_run_id": 5}',
        b'{"conf": {"exec_id": "x"}, "logical_date": "soon"}',
    ],
)
def test_what_is_no_run_is_refused(client: httpx.Client, body: bytes) -> None:
    reply = client.post("/api/v1/dags/graph_coloring/dagRuns", content=body)
    assert reply.status_code == 400, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["status"] == 400


def test_what_is_not_there(client: httpx.Client) -> None:
    conf = {"conf": {"exec_id": "x"}}
    assert client.post("/api/v1/dags/nothing/dagRuns", json=conf).status_code == 404
    assert client.get("/api/v1/dags/nothing").status_code == 404
    assert client.get("/api/v1/dags/graph_coloring/dagRuns/nothing").status_code == 404
    assert client.get("/api/v2/monitor/health").status_code == 404
    assert client.delete("/api/v1/dags").status_code == 405
    start(client, dag_run_id="twice")
    again = client.post("/api/v1/dags/graph_coloring/dagRuns", json={**conf, "dag_run_id": "twice"})
    assert again.status_code == 409
    huge = b'{"conf": "' + b"x" * 1_100_000 + b'"}'
    assert client.post("/api/v1/dags/graph_coloring/dagRuns", content=huge).status_code == 413


def test_a_folder_has_one_runner(tmp_path: Path) -> None:
    with (
        only_one(tmp_path),
        pytest.raises(RunnerError, match="already"),
        only_one(tmp_path),
    ):
        pass


def test_the_command_line_says_what_is_missing(tmp_path: Path) -> None:

    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    for words, told in (
        (["serve"], "CORNFLOW_SERVICE_PWD"),
        (["serve", "--password", "x"], "AIRFLOW_USER and AIRFLOW_PWD"),
        (["status", "--airflow-user", "a", "--airflow-password", "b", "--url", "http://127.0.0.1:9"], "cornflow-runner serve"),
        (["register", "--password", "x", "--cornflow-url", "http://127.0.0.1:9"], "does not answer"),
    ):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "embedded_runner", *words],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 2, done
        assert told in done.stderr
        assert "Traceback" not in done.stderr


def test_the_connection_of_airflows_workers() -> None:
    account = parse_connection("cornflow://service_user:p%40ss@127.0.0.1:5000")
    assert account == Account("http://127.0.0.1:5000", "service_user", "p@ss")
    assert (
        parse_connection("https://a:b@cornflow.example/app").url == "https://cornflow.example/app"
    )
    assert "p%40ss" not in repr(account)
    assert "p@ss" not in repr(account)
    for wrong in ("", "cornflow://host", "cornflow://user@host", "cornflow://a:b@host:port"):
        with pytest.raises(RunnerError, match="AIRFLOW_CONN_CF_URI"):
            parse_connection(wrong)


def test_the_server_imports_no_solver() -> None:
    """The process that serves stays small: what applications need is imported by workers only."""

    code = (
        "import sys, embedded_runner.cli;"
        "print([m for m in ('cornflow_client', 'pulp', 'ortools', 'pandas', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_port_in_use(tmp_path: Path) -> None:

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [
            sys.executable,
            "-m",
            "embedded_runner",
            "serve",
            "--port",
            str(taken.getsockname()[1]),
        ]
        done = subprocess.run(
            [*command, "--data", str(tmp_path), "--password", "x", "--airflow-user", "a", "--airflow-password", "b"],
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
    assert done.returncode not in (0, None)
    assert "address already in use" in done.stderr
