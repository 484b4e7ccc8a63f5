"""The supervisor: takes runs from the queue, solves each in a process, sees each to its end.

A run goes waiting -> solving -> delivering -> done, or by way of closing when it failed or was
stopped. The phase is written before each part begins, and the parts of a run that touch Cornflow
can be repeated, so a restart knows what is left to do for every run.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable

from embedded_runner import catalogue, registration
from embedded_runner.catalogue import Catalogue
from embedded_runner.cornflow import Cornflow, Refused, Unreachable
from embedded_runner.deliver import closing_log, deliver
from embedded_runner.folder import Folder, Task
from embedded_runner.model import (
    UPDATE_SCHEMAS,
    ExecutionState,
    Phase,
    Run,
    RunKind,
    RunState,
)
from embedded_runner.process import Worker, describe_exit, end_orphan
from embedded_runner.settings import Settings
from embedded_runner.store import RunStore

log = logging.getLogger(__name__)

_KEEP = 1000
"""Runs that are remembered after their end."""
_LONGEST_PAUSE = 15.0
_HEAD_START = 0.5
"""Seconds that Cornflow has to write down a run it has just been told about."""
_TELL_FIRST = 20.0
"""Seconds to tell Cornflow of a failure before the API shows it all the same."""
_GIVE_UP = 24 * 3600.0
"""Seconds after which a result that Cornflow never took is given up."""


class Runner:
    def __init__(self, settings: Settings, store: RunStore, cornflow: Cornflow) -> None:
        self.settings = settings
        self.store = store
        self.catalogue = Catalogue()
        self._cornflow = cornflow
        self._wake = asyncio.Event()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._stopped: dict[int, asyncio.Event] = {}
        self._solving: set[int] = set()
        self._main: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.catalogue = await catalogue.read_async(self.settings.applications)
        self._recover()
        self._main = asyncio.create_task(self._loop(), name="runner")

    @property
    def healthy(self) -> bool:
        return self._main is not None and not self._main.done()

    async def close(self) -> None:
        """Ends all workers; what they were solving is told to Cornflow, now or after a restart."""
        if self._main:
            self._main.cancel()
        unfinished = self.store.unfinished()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()
        for run in unfinished:
            self._resume(run)
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=3)
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def wake(self) -> None:
        self._wake.set()

    def solving(self) -> int:
        return len(self._solving)

    def folder(self, run: Run) -> Folder:
        return Folder(self.settings.data / "runs" / str(run.number))

    def stop(self, run: Run) -> None:
        """Ends a run before its time; one that has ended stays as it was."""
        run = self.store.get(run.number)
        if run.phase is Phase.WAITING:
            self._begin(
                self._close(run, "stopped by request before it began", ExecutionState.STOPPED)
            )
        elif run.phase is Phase.SOLVING and run.number in self._stopped:
            self.store.update(run, state=RunState.FAILED)
            self._stopped[run.number].set()
        elif run.phase is Phase.DELIVERING:
            if task := self._tasks.get(run.number):
                task.cancel()
            self._begin(
                self._close(
                    run, "stopped by request, its result not yet delivered", ExecutionState.STOPPED
                )
            )

    async def ended(self, run: Run, patience: float) -> None:
        """Waits, for so many seconds at most, until nothing is left to do for the run."""
        deadline = time.monotonic() + patience
        while (task := self._tasks.get(run.number)) and (left := deadline - time.monotonic()) > 0:
            await asyncio.wait({task}, timeout=left)

    # what the queue does

    async def _loop(self) -> None:
        while True:
            self._wake.clear()
            self._take()
            await self._wake.wait()

    def _take(self) -> None:
        busy = {run.execution for run in self.store.unfinished() if run.phase is Phase.SOLVING} - {
            ""
        }
        for run in self.store.waiting():
            if len(self._solving) >= self.settings.workers:
                return
            # never two processes for one execution: a stopped one may still be ending
            if run.execution in busy:
                continue
            busy |= {run.execution} - {""}
            run = self.store.update(
                run, phase=Phase.SOLVING, state=RunState.RUNNING, started=time.time()
            )
            self._solving.add(run.number)
            self._stopped[run.number] = asyncio.Event()
            self._begin(run, self._solve)

    def _recover(self) -> None:
        """What an earlier process of the runner left: its results are delivered, the rest is told."""
        for run in self.store.unfinished():
            self._resume(run)

    def _resume(self, run: Run) -> None:
        run = self.store.get(run.number)
        if run.phase is Phase.SOLVING:
            if run.pid is not None and end_orphan(run.pid, self.folder(run)):
                log.warning("run %s: ended a worker that outlived its runner", run.run_id)
            outcome = self.folder(run).outcome()
            if run.state is RunState.FAILED:
                run = self._close(run, "stopped by request", ExecutionState.STOPPED)
            elif outcome is not None and outcome.solved:
                run = self.store.update(run, phase=Phase.DELIVERING)
            else:
                reason = outcome.error if outcome else "the runner was stopped while it was solved"
                run = self._close(run, f"{reason}; start it again", ExecutionState.ERROR)
        if run.phase is not Phase.DONE:
            self._begin(run)

    def _begin(self, run: Run, work: Callable[[Run], Awaitable[None]] | None = None) -> None:
        """Starts a run's next part as a task; without `work`, its way to Cornflow."""

        async def guarded() -> None:
            try:
                await (work or self._finish)(run)
            except Exception:
                log.exception("run %s failed in the runner itself", run.run_id)
                now = self.store.get(run.number)
                if now.phase is Phase.SOLVING:
                    self._begin(self._close(now, "the runner failed; its log says why"))
            finally:
                if self._tasks.get(run.number) is asyncio.current_task():
                    del self._tasks[run.number]
                self.wake()

        self._tasks[run.number] = asyncio.create_task(guarded(), name=f"run-{run.number}")

    # what becomes of one run

    async def _solve(self, run: Run) -> None:
        try:
            after = await self._solved_or_stopped(run, self._stopped[run.number])
        finally:
            self._solving.discard(run.number)
            del self._stopped[run.number]
        self._begin(after)

    async def _solved_or_stopped(self, run: Run, stopped: asyncio.Event) -> Run:
        work = asyncio.create_task(self._work(run))
        waiting = asyncio.create_task(stopped.wait())
        try:
            await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            if not work.done():
                work.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await work
        if stopped.is_set():
            return self._close(run, "stopped by request", ExecutionState.STOPPED)
        return work.result()

    async def _work(self, run: Run) -> Run:
        """The run, delivering or closing; or done when there is nothing to tell."""
        workflow = self.catalogue.workflows.get(run.workflow)
        if workflow is None:
            return self._close(run, f"the workflow {run.workflow} is not offered any more")
        if workflow.kind is RunKind.INTERNAL:
            return await self._internal(run)
        assert workflow.application is not None
        folder = self.folder(run)
        case = run.conf.get("case_id")
        folder.create(
            Task(
                workflow.application.target,
                workflow.kind,
                self.settings.time_limit,
                None if case is None else str(case),
            )
        )
        # Cornflow notes the run's name and "queued" after our reply; what is earlier is overwritten
        await asyncio.sleep(run.created + _HEAD_START - time.time())
        try:
            await self._persist(self._read_data(run, workflow.kind), self.settings.patience)
        except Refused as error:
            if error.gone:
                return self._done(run, "the execution is not there (any more)")
            return self._close(run, f"its data could not be read. {error}")
        except Unreachable as error:
            return self._close(run, f"its data could not be read. {error}")
        worker = await Worker.start(folder)
        self.store.update(run, pid=worker.pid)
        try:
            code = await worker.wait(self.settings.time_limit)
        finally:
            # shielded: a run that is stopped, or a runner that ends, waits for its worker's end
            await asyncio.shield(worker.end())
        outcome = folder.outcome()
        if outcome is not None and outcome.solved:
            return self.store.update(run, phase=Phase.DELIVERING)
        if outcome is not None:
            return self._close(run, outcome.error)
        if code is None:
            limit = self.settings.time_limit
            return self._close(run, f"it took longer than the {limit:.0f} s this runner allows")
        return self._close(run, describe_exit(code))

    def _read_data(self, run: Run, kind: RunKind) -> Callable[[], Awaitable[None]]:
        async def read() -> None:
            await self._cornflow.fetch(run.execution, self.folder(run).input)
            if kind is RunKind.SOLVE:
                await self._cornflow.set_status(run.execution, ExecutionState.RUNNING)

        return read

    async def _internal(self, run: Run) -> Run:
        try:
            self.catalogue = await catalogue.read_async(self.settings.applications)
            if run.workflow != UPDATE_SCHEMAS:
                await registration.register(self._cornflow, self.catalogue)
        except Exception as error:
            log.exception("%s failed", run.workflow)
            return self._done(run, str(error))
        return self._done(run)

    async def _finish(self, run: Run) -> None:
        """Delivers or closes, for as long as it takes Cornflow to be there."""
        if run.phase is Phase.DELIVERING:
            run = await self._deliver(run)
        if run.phase is Phase.CLOSING:
            await self._report(run)

    async def _deliver(self, run: Run) -> Run:
        try:
            await self._persist(lambda: deliver(self._cornflow, run, self.folder(run)), _GIVE_UP)
        except Refused as error:
            if error.gone:
                return self._done(run, "the execution is not there any more")
            reason = f"it was solved, but its result could not be saved. {error}"
            return self._close(run, reason, ExecutionState.SAVING)
        except Unreachable as error:
            return self._done(run, f"its result could not be delivered. {error}")
        return self._done(run)

    async def _report(self, run: Run) -> None:
        verdict = ExecutionState(run.verdict if run.verdict is not None else ExecutionState.ERROR)
        text = closing_log(run, self.folder(run))

        async def write() -> None:
            # an execution that was started again since belongs to its newer run
            if run.execution and not self.store.overtaken(run):
                await self._cornflow.write_verdict(run.execution, verdict, text)

        reason = run.reason
        try:
            try:
                await self._persist(write, _TELL_FIRST)
            except Unreachable:
                run = self.store.update(run, state=RunState.FAILED)
                await self._persist(write, _GIVE_UP)
        except (Refused, Unreachable) as error:
            reason = f"{reason} (Cornflow could not be told: {error})"
        self._done(run, reason)

    async def _persist(self, work: Callable[[], Awaitable[None]], patience: float) -> None:
        """Repeats while Cornflow is out of reach; raises Unreachable when patience (seconds) ends."""
        deadline = time.monotonic() + patience
        pause = 0.2
        while True:
            try:
                return await work()
            except Unreachable as error:
                if time.monotonic() + pause > deadline:
                    raise
                log.warning("%s; next attempt in %.1f s", error, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 1.7, _LONGEST_PAUSE)

    def _close(self, run: Run, reason: str, verdict: ExecutionState = ExecutionState.ERROR) -> Run:
        """Failed or stopped; Cornflow is told as soon as it can be.

        A failure shows in the API once Cornflow has its log, so that who sees the state sees the log.
        """
        log.info("run %s of %s: %s", run.run_id, run.workflow, reason)
        state = RunState.FAILED if verdict is ExecutionState.STOPPED else RunState.RUNNING
        return self.store.update(
            run,
            phase=Phase.CLOSING,
            state=state,
            reason=reason,
            verdict=int(verdict),
            ended=time.time(),
            pid=None,
        )

    def _done(self, run: Run, failure: str = "") -> Run:
        self.folder(run).keep_log_only()
        done = self.store.update(
            run,
            phase=Phase.DONE,
            state=RunState.FAILED if failure else RunState.SUCCESS,
            reason=failure,
            ended=run.ended or time.time(),
            pid=None,
        )
        for number in self.store.prune(_KEEP):
            Folder(self.settings.data / "runs" / str(number)).remove()
        return done
