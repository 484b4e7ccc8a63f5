"""The process that compares: `python -m legacy_bridge.compare_process`. Pairs come in, outcomes go out.

It ends when its standard input does, so it can't outlive the process that started it.
"""

import asyncio
import contextlib
import logging
import os
import pickle
import sys
from typing import Any, BinaryIO

from starlette.types import ASGIApp

from legacy_bridge import assembly
from legacy_bridge.operations.operation import Stack
from legacy_bridge.settings import IN_PROCESS, BridgeSettings, load_settings
from legacy_bridge.shadow.contract import ComparisonStage
from legacy_bridge.shadow.limits import Priority
from legacy_bridge.shadow.process.client import LENGTH
from legacy_bridge.shadow.process.packing import unpack
from legacy_bridge.shadow.verdict import Comparer, PairOutcome, PairVerdict, Reason
from legacy_bridge.stacks.edge import Lifespan

_NICE = 19

_log = logging.getLogger(__name__)


class _NoResults:
    """Outcomes go back to who asked; here nothing is counted."""

    def compared(self, *_: Any, **__: Any) -> None: ...

    def dropped(self, *_: Any) -> None: ...


async def serve(settings: BridgeSettings, source: BinaryIO, target: BinaryIO) -> None:
    made = assembly.load(settings.assembly)
    if made.comparer is None:
        raise SystemExit(f"the assembly {settings.assembly} has no comparer")
    comparer = made.comparer(settings.legacy == IN_PROCESS, settings.shadow_limits)
    legacy = assembly.legacy_of(made, settings)
    assert legacy is not None
    ported = Lifespan(made.ported)
    await legacy.startup()
    await ported.startup()
    apps: dict[Stack, ASGIApp] = {Stack.LEGACY: legacy, Stack.PORTED: made.ported}
    await comparer.startup(ComparisonStage(apps, ported.state, _NoResults()))
    target.write(b"!")
    target.flush()
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), source)
    working: set[asyncio.Task[None]] = set()
    try:
        while True:
            (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
            packed = await reader.readexactly(length)
            task = loop.create_task(_one(comparer, packed, target))
            working.add(task)
            task.add_done_callback(working.discard)
    except asyncio.IncompleteReadError:
        pass
    finally:
        await comparer.shutdown()
        await ported.shutdown()
        await legacy.shutdown()


async def _one(comparer: Comparer, packed: bytes, target: BinaryIO) -> None:
    number, exchange, recording = unpack(packed, comparer.tables())
    try:
        outcome = await comparer.compare(exchange, recording)
    except Exception:
        _log.exception("%s: the comparison failed", exchange.operation)
        outcome = PairOutcome(PairVerdict.INCONCLUSIVE, Reason.BROKEN)
    answer = pickle.dumps((number, outcome))
    target.write(LENGTH.pack(len(answer)) + answer)
    target.flush()


def step_back(priority: Priority) -> None:
    if priority is not Priority.NORMAL:
        os.nice(_NICE)
    if priority is Priority.IDLE:
        with contextlib.suppress(AttributeError, OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def main() -> None:
    settings = load_settings()
    step_back(settings.shadow_priority)
    # What a stack prints must not come between the outcomes.
    target = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    asyncio.run(serve(settings, sys.stdin.buffer, target))


if __name__ == "__main__":
    main()
