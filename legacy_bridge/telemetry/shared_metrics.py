"""Workers of one machine show each other what they have counted: a file for each, in one folder.

A worker that died has left its last file, so that sums never go down.
"""

import asyncio
import contextlib
import json
import os
from pathlib import Path
from secrets import token_hex
from typing import Any

from legacy_bridge.telemetry.metrics import Metrics
from parity_core import private

PERIOD = 1.0
"""Seconds that others' counts may be old."""


class SharedMetrics:
    """This worker's counts, and those of the others when there is a folder."""

    def __init__(self, own: Metrics, folder: Path | None) -> None:
        self.own = own
        self._folder = folder
        self._name = f"{os.getpid()}-{token_hex(4)}.json"
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self._folder is not None:
            self._task = asyncio.create_task(self._run(), name="bridge metrics")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            await asyncio.to_thread(self.write)

    def write(self) -> None:
        """Whole or not at all: others may read meanwhile. A folder that is gone is no fault of ours."""
        if self._folder is None:
            return
        draft = self._folder / f"{self._name}.unfinished"
        with contextlib.suppress(OSError):
            private.write_text(draft, json.dumps(self.own.as_json()))
            draft.replace(self._folder / self._name)

    def sum(self) -> Metrics:
        return Metrics.sum([self.own.as_json(), *self._others()])

    def _others(self) -> list[dict[str, Any]]:
        if self._folder is None:
            return []
        states = []
        for file in sorted(self._folder.glob("*.json")):
            if file.name != self._name:
                with contextlib.suppress(OSError, ValueError):
                    state = json.loads(file.read_text())
                    states.append(state if _is_there(file) else _without_gauges(state))
        return states

    async def _run(self) -> None:
        while True:
            await asyncio.to_thread(self.write)
            await asyncio.sleep(PERIOD)


def _is_there(file: Path) -> bool:
    """Whether the worker that wrote it still runs."""
    try:
        os.kill(int(file.name.partition("-")[0]), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _without_gauges(state: dict[str, Any]) -> dict[str, Any]:
    """What a worker has counted outlives it; what waited in it does not."""
    spool = {name: count for name, count in state.get("spool", {}).items() if name != "held"}
    return {**state, "spool": spool, "waiting": {}}
