"""Comparisons in a process of their own, so that they share neither interpreter nor priority with clients.

The process loads the same assembly with the same settings, runs at the lowest priority and ends with
this one. If it dies or hangs it is replaced; the pairs it had are inconclusive.
"""

import asyncio
import contextlib
import logging
import os
import pickle
import struct
import sys
from collections.abc import Mapping

from sqlalchemy import Table

from legacy_bridge.operations.operation import Operation, Stack
from legacy_bridge.shadow.contract import ClientExchange, ComparisonStage
from legacy_bridge.shadow.process.packing import pack
from legacy_bridge.shadow.rows.recording import Recording
from legacy_bridge.shadow.verdict import Comparer, PairOutcome, PairVerdict, Reason

LENGTH = struct.Struct("!Q")
_MODULE = "legacy_bridge.compare_process"
_START_SECONDS = 120.0
_PAUSE = 2.0
"""Seconds between the end of a process and the start of the next."""
_LONGEST_PAUSE = 60.0
"""When one after the other does not come up."""

_log = logging.getLogger(__name__)


class ComparerProcess:
    """Hands pairs to another process. `inner` notes what happens in this one, and compares nothing.

    ``environment``: the settings as variables, over those of this process, which know nothing of the
    command line.
    """

    def __init__(self, inner: Comparer, environment: Mapping[str, str]) -> None:
        self._inner = inner
        self._environment = environment
        self.process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._needed = asyncio.Event()
        self._ready = asyncio.Event()
        self._waiting: dict[int, asyncio.Future[PairOutcome]] = {}
        self._number = 0
        self.starts = 0
        self._came_up = False

    def watch(self) -> None:
        self._inner.watch()

    def tables(self) -> Mapping[str, Table]:
        return self._inner.tables()

    async def startup(self, stage: ComparisonStage) -> None:
        self._keeper = asyncio.create_task(self._keep(), name="shadow-process")

    async def shutdown(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    async def ready(self) -> None:
        """The process is started for the first pair: a bridge that compares nothing has none."""
        self._needed.set()
        async with asyncio.timeout(_START_SECONDS):
            await self._ready.wait()

    def refuses(self, operation: Operation, compared: Stack, method: str) -> Reason | None:
        return self._inner.refuses(operation, compared, method)

    def repeatable(self, operation: Operation, method: str) -> bool:
        return self._inner.repeatable(operation, method)

    async def compare(self, exchange: ClientExchange, recording: Recording) -> PairOutcome:
        try:
            process = self.process
            if process is None or process.stdin is None:
                raise _GoneError("the process that compares is not there")
            self._number += 1
            packed = pack(self._number, exchange, recording)
            answer: asyncio.Future[PairOutcome] = asyncio.get_running_loop().create_future()
            self._waiting[self._number] = answer
            process.stdin.write(LENGTH.pack(len(packed)) + packed)
            await process.stdin.drain()
            return await answer
        except asyncio.CancelledError:
            # Too slow, or the end: whatever it is at, it is not waited for.
            if self._ready.is_set() and self.process is not None:
                with contextlib.suppress(ProcessLookupError):
                    self.process.kill()
            raise
        except (OSError, _GoneError) as error:
            return PairOutcome(PairVerdict.INCONCLUSIVE, Reason.BROKEN, detail=str(error))
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            return PairOutcome(PairVerdict.NOT_COMPARABLE, Reason.UNFOLLOWED, detail=str(error))

    async def _keep(self) -> None:
        await self._needed.wait()
        pause = _PAUSE
        while True:
            try:
                await self._run()
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                _log.warning("the process that compares has ended, another is started: %r", error)
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(_GoneError("the process that compares has ended"))
            self._waiting.clear()
            await asyncio.sleep(pause)
            pause = _PAUSE if self._came_up else min(2 * pause, _LONGEST_PAUSE)

    async def _run(self) -> None:
        self.starts += 1
        self._came_up = False
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            _MODULE,
            stdin=pipe,
            stdout=pipe,
            start_new_session=True,
            env={**os.environ, **self._environment},
        )
        self.process = process
        assert process.stdout is not None
        try:
            async with asyncio.timeout(_START_SECONDS):
                await process.stdout.readexactly(1)
            self._came_up = True
            self._ready.set()
            while True:
                (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
                number, outcome = pickle.loads(await process.stdout.readexactly(length))
                answer = self._waiting.pop(number, None)
                if answer is not None and not answer.done():
                    answer.set_result(outcome)
        finally:
            self._ready.clear()
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


class _GoneError(Exception):
    """The process ended before it answered."""
