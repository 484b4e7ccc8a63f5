"""The faults that can be played, each a function that lets it happen and mends it."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from cornflow_cutover.rehearsal.faults.place import PATIENCE, RUNNER_USER, DrillPlace, until
from cornflow_cutover.rehearsal.faults.processes import COMPARER, WORKER, descendants, is_there
from cornflow_cutover.rehearsal.faults.writers import KINDS, UPLOADS, WriteKind
from cornflow_cutover.rehearsal.stage import PASSWORD

_FULL_SECONDS = 8.0
_DOWN_SECONDS = 3.0
_BETWEEN = 4.0
_JUMPS = (7200, -3600)
"""Seconds from the true time, one after the other; then it is right again."""


class NotPlayedError(Exception):
    """It can't be played here; the text says why."""


@dataclass(frozen=True)
class DrillTimes:
    """Seconds that clients wait, and that the legacy hangs."""

    hang: float = 60.0


Act = Callable[[DrillPlace, DrillTimes, str], Awaitable[str]]
"""Place, times and the prefix of the names that are written. Returns how it was done, in words."""


@dataclass(frozen=True)
class Fault:
    """`group` names several at once. `prepare` comes before anybody writes."""

    name: str
    group: str
    about: str
    act: Act
    prepare: Callable[[DrillPlace], Awaitable[tuple[WriteKind, ...]]]
    pause: float = 0.0
    """Seconds between two writes of one client; 0: the usual."""


async def _plain(place: DrillPlace) -> tuple[WriteKind, ...]:
    await place.serve()
    return KINDS


async def _server(place: DrillPlace) -> tuple[WriteKind, ...]:
    if place.database is None:
        raise NotPlayedError("only a PostgreSQL that the drill starts itself can be stopped")
    return await _plain(place)


async def _upstream(place: DrillPlace) -> tuple[WriteKind, ...]:
    await place.serve(legacy=await place.start_upstream())
    return KINDS


async def _with_clock(place: DrillPlace) -> tuple[WriteKind, ...]:
    place.clock.jump(0)
    await place.serve(clock=True)
    return KINDS


async def _uploads(place: DrillPlace) -> tuple[WriteKind, ...]:
    await place.serve()
    return UPLOADS


async def _with_runner(place: DrillPlace) -> tuple[WriteKind, ...]:
    """Executions of an instance that the runner takes a second for."""
    await place.serve()
    await place.start_runner()
    async with httpx.AsyncClient(base_url=place.url, timeout=60, trust_env=False) as http:
        credentials = {"username": RUNNER_USER, "password": PASSWORD}
        token = (await http.post("/login/", json=credentials)).raise_for_status().json()["token"]
        http.headers["Authorization"] = f"Bearer {token}"
        deadline = time.monotonic() + PATIENCE
        while (await http.get("/schema/drill/")).status_code != httpx.codes.OK:
            if time.monotonic() > deadline:
                raise NotPlayedError("the runner did not register its application")
            await asyncio.sleep(1)
        body = {"name": "drill", "schema": "drill", "data": {"do": "solve", "seconds": 1}}
        instance = (await http.post("/instance/", json=body)).raise_for_status().json()["id"]
    more = {"schema": "drill", "config": {"solver": "drill"}, "instance_id": instance}
    return (WriteKind("executions", "/execution/", more=more),)


async def _disk(place: DrillPlace, times: DrillTimes, prefix: str) -> str:
    await asyncio.to_thread(place.disk.fill)
    await asyncio.sleep(_FULL_SECONDS)
    place.disk.free()
    ended = ""
    if place.database is not None:
        if not is_there(place.database_pid()):
            ended = "; PostgreSQL ended by that and was started again"
        await place.start_database()
    return f"{place.disk.how}, for {_FULL_SECONDS:.0f} s{ended}"


async def _database(place: DrillPlace, times: DrillTimes, prefix: str) -> str:
    for number in (signal.SIGINT, signal.SIGQUIT):
        pid = place.database_pid()
        os.kill(pid, number)
        await until(lambda pid=pid: not is_there(pid), PATIENCE, "PostgreSQL ends")  # type: ignore[misc]
        await asyncio.sleep(_DOWN_SECONDS)
        await place.start_database()
        await asyncio.sleep(_BETWEEN)
    return "PostgreSQL stopped twice (fast, then immediate, which is a crash) and started again"


async def _kill_worker(place: DrillPlace, times: DrillTimes, prefix: str) -> str:
    assert place.bridge is not None
    killed = 0
    for _ in range(3):
        workers = descendants(place.bridge.pid, WORKER)
        if workers:
            os.kill(workers[0], signal.SIGKILL)
            killed += 1
        await asyncio.sleep(_BETWEEN)
    return f"kill -9 of a worker, {killed} times; its parent starts another"


async def _kill_parent(place: DrillPlace, times: DrillTimes, prefix: str) -> str:
    assert place.bridge is not None
    workers = descendants(place.bridge.pid, WORKER)
    place.bridge.kill()
    place.bridge.wait()
    began = time.monotonic()
    await until(lambda: not any(map(is_there, workers)), PATIENCE, "the workers end themselves")
    took = time.monotonic() - began
    await place.serve()
    return f"kill -9 of the workers' parent; they ended themselves in {took:.0f} s; started again"


async def _kill_comparer(place: DrillPlace, times: DrillTimes, prefix: str) -> str:
    bridge = place.bridge
    assert bridge is not None
    await until(lambda: bool(descendants(bridge.pid, COMPARER)), PATIENCE, "something is compared")
    killed = 0
    for _ in range(3):
        for pid in descendants(bridge.pid, COMPARER):
            os.kill(pid, signal.SIGKILL)
            killed += 1
        await asyncio.sleep(_BETWEEN)
    return f"kill -9 of {killed} comparing processes"


async def _kill_runner(place: DrillPlace, times: DrillTimes, prefix: str) -> str:
    assert place.runner is not None
    for _ in range(2):
        below = descendants(place.runner.pid)
        place.runner.kill()
        place.runner.wait()
        for pid in below:
            await until(lambda pid=pid: not is_there(pid), PATIENCE, "solvers end")  # type: ignore[misc]
        await asyncio.sleep(_DOWN_SECONDS)
        await place.start_runner()
        await asyncio.sleep(_BETWEEN)
    return "kill -9 of the runner, twice, with executions at work; started again"


async def _hang(place: DrillPlace, times: DrillTimes, prefix: str) -> str:
    assert place.upstream is not None
    os.killpg(place.upstream.pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(times.hang)
    finally:
        os.killpg(place.upstream.pid, signal.SIGCONT)
    return f"SIGSTOP of the legacy's processes for {times.hang:g} s"


async def _clock(place: DrillPlace, times: DrillTimes, prefix: str) -> str:
    for jump in _JUMPS:
        place.clock.jump(jump)
        await asyncio.sleep(_FULL_SECONDS)
    place.clock.jump(0)
    ahead = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=_JUMPS[0] / 2)
    statement = "SELECT count(*) FROM cases WHERE name LIKE :names AND created_at > :ahead"
    (rows,) = await place.scalars(statement, names=f"{prefix}%", ahead=ahead)
    return f"{place.clock.how}: two hours on, one back, right again; {rows} cases of the future"


async def _upload(place: DrillPlace, times: DrillTimes, prefix: str) -> str:
    bridge = place.bridge
    assert bridge is not None
    bridge.terminate()
    began = time.monotonic()
    await until(lambda: bridge.poll() is not None, PATIENCE, "the bridge ends")
    took = time.monotonic() - began
    await place.serve()
    return (
        f"SIGTERM while uploads of four seconds are under way; ended in {took:.0f} s; started again"
    )


FAULTS = (
    Fault("disk", "disk", "the disk is full", _disk, _plain),
    Fault("database", "database", "PostgreSQL stops and starts, twice", _database, _server),
    Fault("kill-worker", "kill", "kill -9 of a worker", _kill_worker, _plain),
    Fault("kill-parent", "kill", "kill -9 of the workers' parent", _kill_parent, _plain),
    Fault("kill-comparer", "kill", "kill -9 of the comparing process", _kill_comparer, _plain),
    Fault("kill-runner", "kill", "kill -9 of the runner", _kill_runner, _with_runner, pause=2.0),
    Fault("hang", "hang", "the legacy, a process of its own, hangs", _hang, _upstream),
    Fault("clock", "clock", "the bridge's clock jumps", _clock, _with_clock),
    Fault("upload", "upload", "SIGTERM during uploads", _upload, _uploads),
)


def chosen(text: str) -> list[Fault]:
    """`all`, or names of faults and groups with commas between. Raises ValueError, with the names there are."""
    names = {one.strip() for one in text.split(",") if one.strip()}
    if names == {"all"}:
        return list(FAULTS)
    known = {one.name for one in FAULTS} | {one.group for one in FAULTS}
    if unknown := sorted(names - known):
        raise ValueError(f"no fault is called {', '.join(unknown)}: {', '.join(sorted(known))}")
    return [one for one in FAULTS if {one.name, one.group} & names]
