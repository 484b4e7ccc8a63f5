"""Whether memory stays flat: every process of a bridge while all 88 operations are asked for, again and again.

    python -m benchmarks.leaks                          # 3,000 requests in each mode
    python -m benchmarks.leaks --requests 200000        # what a night shows
    python -m benchmarks.leaks --mode ported --plant    # a list of ours that grows: has to be found

One worker on SQLite serves the real pair, a few users play the stories of `cutover rehearse`. In `shadow`
the comparing process is stopped (SIGSTOP) as soon as it works, so that its queue fills. After the warm-up
(the first part of the requests) the slope of the resident memory is what half of all pairs of samples agree
on (Theil and Sen). A process leaks when that slope makes more than `--allowed` megabytes of all requests
after the warm-up: the figure under *sees* says which leak is too small for this number of requests.
Exits 1 when a process leaks. The picture is written as SVG.
"""

import asyncio
import contextlib
import itertools
import json
import os
import random
import signal
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import click
import httpx
from rich.console import Console
from rich.table import Table
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import create_async_engine
from starlette.types import ASGIApp, Receive, Scope, Send

from cornflow_cutover.rehearsal.client import Client, CutError, FailedError, RequestLog
from cornflow_cutover.rehearsal.faults.processes import COMPARER, descendants
from cornflow_cutover.rehearsal.ledger import RequestLedger
from cornflow_cutover.rehearsal.stage import PASSWORD, RehearsalStage, async_url, stage
from cornflow_cutover.rehearsal.stories import STORIES, WORKFLOW, new_name, workflow
from legacy_bridge.assembly import Assembly

MODES = ("ported", "shadow", "canary")
USERS = {f"user{number}": ("admin", "planner", "service") for number in range(1, 5)}
_MEGABYTE = 1024 * 1024
_PLANTED = 8192
"""Bytes that the planted leak keeps of each request to the port."""
_LIFE = 3.0
"""Seconds that rows live, so that lists do not grow with the number of requests."""
_PAIRS = 20_000
"""Of samples whose slopes are looked at, at most."""
_PRUNE_SECONDS, _OLD_SECONDS = 5.0, 60.0
"""How often rows are taken away, and how old they are then: older than any story takes."""
_GROWING = (
    "executions WHERE created_at < :old",
    "instances WHERE created_at < :old",
    "cases WHERE created_at < :old",
    "main_alarms WHERE created_at < :old",
    "alarms WHERE created_at < :old",
    "roles WHERE name LIKE 'r-%' AND created_at < :old",
    "users WHERE username LIKE 'r-%' AND created_at < :old",
    "permission_view WHERE role_id NOT IN (SELECT id FROM roles)",
    "permission_dag WHERE user_id NOT IN (SELECT id FROM users)",
    "user_role WHERE user_id NOT IN (SELECT id FROM users)",
    "user_role WHERE role_id NOT IN (SELECT id FROM roles)",
)
_REAL, _PLANT = "cornflow_cutover.assembly:assemble", "benchmarks.leaks:leaking"
_TOKEN = "token-of-the-benchmark"


@dataclass(frozen=True)
class MemorySample:
    requests: int
    megabytes: float


@dataclass
class MemoryRun:
    """One mode. `processes`: samples by what the process is."""

    mode: str
    requests: int = 0
    failed: int = 0
    operations: int = 0
    seconds: float = 0.0
    processes: dict[str, list[MemorySample]] = field(default_factory=dict)
    counted: dict[str, float] = field(default_factory=dict)
    """What the bridge's metrics say of its queues, and of what it dropped."""


@dataclass(frozen=True)
class MemoryVerdict:
    before: float
    """Megabytes at the end of the warm-up."""
    after: float
    slope: float
    """Bytes for each request."""
    requests: int
    """After the warm-up."""
    allowed: float
    """Megabytes."""

    @property
    def growth(self) -> float:
        """Megabytes that the slope makes of all requests after the warm-up."""
        return self.slope * self.requests / _MEGABYTE

    @property
    def leaks(self) -> bool:
        return self.growth > self.allowed

    @property
    def sees(self) -> float:
        """Bytes for each request that would just be found."""
        return self.allowed * _MEGABYTE / max(self.requests, 1)


def judge(samples: Sequence[MemorySample], warm_up: float, allowed: float) -> MemoryVerdict:
    """`warm_up`: the share of the requests that is not looked at. Needs two samples after it."""
    first = samples[-1].requests * warm_up
    looked_at = [one for one in samples if one.requests >= first]
    pairs = [
        (one, other)
        for one, other in itertools.combinations(looked_at, 2)
        if other.requests > one.requests
    ]
    if len(pairs) > _PAIRS:
        pairs = random.Random(0).sample(pairs, _PAIRS)
    slopes = [
        (other.megabytes - one.megabytes) / (other.requests - one.requests) for one, other in pairs
    ]
    slope = statistics.median(slopes) * _MEGABYTE if slopes else 0.0
    requests = looked_at[-1].requests - looked_at[0].requests
    return MemoryVerdict(looked_at[0].megabytes, looked_at[-1].megabytes, slope, requests, allowed)


def leaking() -> Assembly:
    """The pair with a port that keeps something of every request. The plant."""
    from cornflow_cutover.assembly import assemble

    made = assemble()
    kept: list[bytes] = []
    port: ASGIApp = made.ported

    async def growing(scope: Scope, receive: Receive, send: Send) -> None:
        kept.append(os.urandom(_PLANTED))
        await port(scope, receive, send)

    return replace(made, ported=growing)


def resident(pid: int) -> float | None:
    """Megabytes; None when it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return None


async def play(made: RehearsalStage, mode: str, requests: int, users: int) -> MemoryRun:
    made.start(0)
    await made.ready(0)
    run, log = MemoryRun(mode), RequestLog()
    pid = made.workers[0].pid
    began = time.monotonic()
    async with httpx.AsyncClient(timeout=120, trust_env=False) as http:
        clients = [
            Client(name, PASSWORD, made.addresses[:1], http, RequestLedger(), log)
            for name in list(USERS)[:users]
        ]
        for client in clients:
            await client.log_in()
        with contextlib.suppress(FailedError):
            await clients[0]("POST /dag/deployed/", json=workflow(WORKFLOW))
        if mode == "canary":
            body = {"operation": "all-ported", "mode": "canary 50%", "by": "benchmark"}
            await _operate(http, made.addresses[0], body)
        lives = [
            asyncio.create_task(_live(client, number, log, requests))
            for number, client in enumerate(clients)
        ]
        watching = asyncio.create_task(_watch(run, log, pid, requests))
        pruning = asyncio.create_task(_prune(made.environment["DATABASE_URL"]))
        await asyncio.gather(*lives)
        watching.cancel()
        pruning.cancel()
        await asyncio.gather(watching, pruning, return_exceptions=True)
        headers = {"Authorization": f"Bearer {_TOKEN}"}
        metrics = await http.get(made.addresses[0] + "/_cutover/metrics", headers=headers)
        run.counted = _queues(metrics.text)
    run.seconds = time.monotonic() - began
    run.requests = len(log.asked)
    run.failed = sum(not one.good for one in log.asked)
    run.operations = len({one.operation for one in log.asked})
    return run


async def _prune(url: str) -> None:
    """Takes away what no user can delete, so that lists do not grow with the number of requests."""
    engine = create_async_engine(async_url(url))
    try:
        while True:
            await asyncio.sleep(_PRUNE_SECONDS)
            old = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=_OLD_SECONDS)
            # busy: the next time
            with contextlib.suppress(OperationalError):
                async with engine.begin() as connection:
                    for statement in _GROWING:
                        values = {"old": str(old)} if ":old" in statement else {}
                        await connection.execute(text(f"DELETE FROM {statement}"), values)
    finally:
        await engine.dispose()


async def _operate(http: httpx.AsyncClient, address: str, body: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {_TOKEN}"}
    reply = await http.put(f"{address}/_cutover/mode", json=body, headers=headers)
    reply.raise_for_status()
    # until the worker has it
    await asyncio.sleep(3)


async def _live(client: Client, number: int, log: RequestLog, requests: int) -> None:
    turn = number
    while len(log.asked) < requests:
        story = STORIES[turn % len(STORIES)]
        turn += 1
        with contextlib.suppress(FailedError, CutError):
            await story(client, new_name(client.user))
            await client.delete_due(_LIFE)


async def _watch(run: MemoryRun, log: RequestLog, pid: int, requests: int) -> None:
    """A sample for every half per cent of the requests."""
    step, last = max(requests // 200, 1), -1
    while True:
        done = len(log.asked)
        comparers = descendants(pid, COMPARER) if run.mode == "shadow" else []
        if done // step > last:
            last = done // step
            for name, one in (("worker", pid), *(("comparing process", one) for one in comparers)):
                if (megabytes := resident(one)) is not None:
                    run.processes.setdefault(name, []).append(MemorySample(done, megabytes))
            # it has to be up before it is stopped: a tenth of the requests is enough
            if done > requests / 10:
                for one in comparers:
                    os.kill(one, signal.SIGSTOP)
        await asyncio.sleep(0.1)


def _queues(page: str) -> dict[str, float]:
    """What waits, and what was dropped, over all operations."""
    counted: dict[str, float] = {}
    for line in page.splitlines():
        name, _, value = line.rpartition(" ")
        is_dropped = name.startswith("cutover_comparisons_total") and 'result="dropped"' in name
        if is_dropped or name.startswith(("cutover_comparisons_waiting", "cutover_spool_bytes")):
            reason = name.partition('reason="')[2].partition('"')[0]
            key = f"dropped: {reason}" if is_dropped else name.partition("{")[0]
            counted[key] = counted.get(key, 0.0) + float(value)
    return counted


def picture(runs: Sequence[MemoryRun], warm_up: float) -> str:
    """SVG text: a panel for each mode, a line for each process."""
    width, left, height, gap = 1000, 70, 150, 70
    colours = ("#2a9d8f", "#b07aa1", "#f2b134")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {len(runs) * (height + gap) + 30}"'
        ' font-family="system-ui, sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for number, run in enumerate(runs):
        top = 45 + number * (height + gap)
        bottom = top + height
        most = max((one.megabytes for line in run.processes.values() for one in line), default=1)
        most *= 1.15
        scale = (width - left - 20) / max(run.requests, 1)
        title = f"{run.mode}: {run.requests:,} requests of {run.operations} operations, resident MB"
        parts.append(f'<text x="{left}" y="{top - 12}" font-weight="600">{escape(title)}</text>')
        warm = left + run.requests * warm_up * scale
        parts.append(f'<rect x="{left}" y="{top}" width="{warm - left:.1f}" height="{height}" fill="#f3f3f3"/>')  # fmt: skip
        parts.append(f'<text x="{left + 6}" y="{bottom - 6}" fill="#777">warm-up</text>')
        for place, (name, samples) in enumerate(run.processes.items()):
            points = " ".join(
                f"{left + one.requests * scale:.1f},{bottom - one.megabytes / most * height:.1f}"
                for one in samples
            )
            colour = colours[place % len(colours)]
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')  # fmt: skip
            label = width - 20 - 170 * (len(run.processes) - place)
            parts.append(f'<text x="{label}" y="{top - 12}" fill="{colour}">{escape(name)}</text>')
        parts.append(f'<line x1="{left}" y1="{bottom}" x2="{width - 20}" y2="{bottom}" stroke="#333"/>')  # fmt: skip
        for share in (0.0, 0.5, 1.0):
            y, x = bottom - share * height, left + share * run.requests * scale
            parts.append(f'<text x="{left - 8}" y="{y + 4:.0f}" text-anchor="end">{most * share:.0f}</text>')  # fmt: skip
            parts.append(f'<text x="{x:.0f}" y="{bottom + 17}" text-anchor="middle">{run.requests * share:,.0f}</text>')  # fmt: skip
    return "\n".join([*parts, "</svg>", ""])


def run_mode(mode: str, requests: int, users: int, *, plant: bool) -> MemoryRun:
    with stage("sqlite", USERS) as made:
        made.environment |= {
            "CUTOVER_DEFAULT_MODE": "legacy" if mode == "canary" else mode,
            "CUTOVER_ASSEMBLY": _PLANT if plant else _REAL,
            "CUTOVER_TOKEN": _TOKEN,
            # a stopped process is not replaced by one that works
            "CUTOVER_SHADOW_SECONDS": "1000000",
            # else it never comes up on a busy machine
            "CUTOVER_SHADOW_PRIORITY": "normal",
        }
        return asyncio.run(play(made, mode, requests, users))


@click.command()
@click.option("--requests", default=3000, show_default=True, type=click.IntRange(100))
@click.option("--mode", "modes", multiple=True, type=click.Choice(MODES), help="Default: all.")
@click.option("--users", default=4, show_default=True, type=click.IntRange(1, len(USERS)))
@click.option("--warm-up", default=0.4, show_default=True, help="Share that is not looked at.")
@click.option("--allowed", default=4.0, show_default=True, help="Megabytes after the warm-up.")
@click.option("--plant", is_flag=True, help="A list in the port that grows with each request.")
@click.option("--picture", "picture_file", type=click.Path(path_type=Path), default=Path("leaks.svg"))  # fmt: skip
@click.option("--json", "json_file", type=click.Path(path_type=Path))
def main(
    requests: int,
    modes: tuple[str, ...],
    users: int,
    warm_up: float,
    allowed: float,
    plant: bool,
    picture_file: Path,
    json_file: Path | None,
) -> None:
    runs = []
    for mode in modes or MODES:
        click.echo(f"{mode}: {requests} requests …")
        runs.append(run_mode(mode, requests, users, plant=plant))
    table = Table("mode", "process", "requests", "MB after warm-up", "MB at the end", "bytes/request", "sees", "")  # fmt: skip
    results, leaks = [], False
    for run in runs:
        for name, samples in run.processes.items():
            verdict = judge(samples, warm_up, allowed)
            leaks |= verdict.leaks
            table.add_row(
                run.mode, name, f"{run.requests:,}", f"{verdict.before:.0f}", f"{verdict.after:.0f}",
                f"{verdict.slope:.0f}", f"{verdict.sees:.0f}", "LEAKS" if verdict.leaks else "flat",
            )  # fmt: skip
            results.append({
                "mode": run.mode, "process": name, "requests": run.requests, "seconds": run.seconds,
                "operations": run.operations, "failed": run.failed, "megabytes": [verdict.before, verdict.after],
                "bytes_per_request": verdict.slope, "sees": verdict.sees, "leaks": verdict.leaks,
                "counted": run.counted,
            })  # fmt: skip
    console = Console()
    console.print(table)
    for run in runs:
        counts = ", ".join(f"{name} {value:.0f}" for name, value in sorted(run.counted.items()))
        click.echo(f"{run.mode}: {run.operations} operations, {run.failed} failed; {counts}")
    picture_file.write_text(picture(runs, warm_up), encoding="utf-8")
    if json_file is not None:
        json_file.write_text(json.dumps(results, indent=1))
    sys.exit(1 if leaks else 0)


if __name__ == "__main__":
    main()
