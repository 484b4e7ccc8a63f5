"""Compares Cornflow and its port, pair by pair, while clients use them."""

import asyncio
import logging
from collections.abc import Mapping

from sqlalchemy import Table

from legacy_bridge.comparison import Exchange, Stage
from legacy_bridge.cornflow import shadow_outbound
from legacy_bridge.cornflow.compare import (
    Side,
    is_whole,
    origin_of,
    request_of,
    seen,
)
from legacy_bridge.cornflow.shadow_found import Found, if_quiet_only, outcome_of
from legacy_bridge.cornflow.shadow_isolation import (
    Trial,
    WriteRefusedError,
    answer_isolated,
    mark_logs,
)
from legacy_bridge.cornflow.shadow_meanwhile import changed_since, written_since
from legacy_bridge.cornflow.shadow_place import create_sandbox, services_of
from legacy_bridge.operation import Operation, Stack
from legacy_bridge.shadow import rows as row_hooks
from legacy_bridge.shadow.call import call
from legacy_bridge.shadow.recording import Recording
from legacy_bridge.shadow.sandbox import (
    CopyTooLargeError,
    GaveWayError,
    Sandbox,
)
from legacy_bridge.shadow.undo import ChangedMeanwhileError, together
from legacy_bridge.shadow.verdict import Outcome, Reason, Verdict
from parity_tests.live import Judge, same_reply, unwaived

SAFE = frozenset(("GET", "HEAD", "OPTIONS"))

READS_THAT_WRITE = frozenset(("GET /execution/", "GET /execution/<string:idx>/status/"))
"""They ask the orchestrator for states and store them, in both stacks: not to be asked twice."""

_ATTEMPTS = 3
_PAUSE = 0.1
"""Seconds before an attempt that follows one that gave way."""
_LARGE = 64 * 1024
"""Bytes of both replies whose comparison leaves the event loop."""

_log = logging.getLogger(__name__)


class CornflowComparer:
    """`shadow.verdict.Comparer` for this pair of applications."""

    def __init__(
        self,
        database_url: str,
        *,
        environment: Mapping[str, str],
        legacy_in_process: bool,
        body_limit: int = 1024 * 1024,
    ) -> None:
        self._url = database_url
        self._in_process = legacy_in_process
        self._most = body_limit
        self._services = services_of(environment)
        database = "sqlite" if database_url.startswith("sqlite") else "postgresql"
        self._judge = Judge.load(database, environment)
        self._stage: Stage | None = None
        self._sandbox: Sandbox | None = None

    def watch(self) -> None:
        row_hooks.install()
        shadow_outbound.install()

    def tables(self) -> Mapping[str, Table]:
        if not self._in_process:
            return {}
        from cornflow.shared import db

        found: Mapping[str, Table] = db.metadata.tables
        return found

    async def startup(self, stage: Stage) -> None:
        self.watch()
        mark_logs()
        self._stage = stage
        self._sandbox = create_sandbox(self._url)

    async def shutdown(self) -> None:
        if self._sandbox is not None:
            await self._sandbox.close()

    async def ready(self) -> None:
        """At once."""

    def refuses(self, operation: Operation, compared: Stack, method: str) -> Reason | None:
        if compared is Stack.PORTED and self._in_process:
            return None
        # What the legacy would do, or has done elsewhere, can't be taken back from here.
        if method not in SAFE or str(operation) in READS_THAT_WRITE:
            return Reason.WRITE
        return None

    def repeatable(self, operation: Operation, method: str) -> bool:
        return method in SAFE and str(operation) not in READS_THAT_WRITE

    async def compare(self, exchange: Exchange, recording: Recording) -> Outcome:
        if not is_whole(exchange):
            return Outcome(Verdict.INCONCLUSIVE, Reason.CUT_SHORT)
        if exchange.compared is Stack.LEGACY:
            return await self._mirror(exchange, recording)
        if recording.problems:
            detail = "; ".join(recording.problems[:3])
            return Outcome(Verdict.NOT_COMPARABLE, Reason.UNFOLLOWED, detail=detail)
        for attempt in range(_ATTEMPTS):
            try:
                return await self._shadow(exchange, recording)
            except ChangedMeanwhileError as error:
                return Outcome(Verdict.INCONCLUSIVE, Reason.CHANGED, detail=str(error))
            except CopyTooLargeError as error:
                return Outcome(Verdict.NOT_COMPARABLE, Reason.TOO_LARGE, detail=str(error))
            except GaveWayError as error:
                detail = str(error)
            await asyncio.sleep(_PAUSE * (attempt + 1))
        return Outcome(Verdict.INCONCLUSIVE, Reason.BUSY, detail=detail)

    async def _shadow(self, exchange: Exchange, recording: Recording) -> Outcome:
        trial = await self._trial(exchange, recording)
        if trial.outside or trial.problems:
            reason = Reason.OUTSIDE if trial.outside else Reason.UNFOLLOWED
            detail = "; ".join([*trial.outside, *trial.problems][:3])
            return Outcome(Verdict.NOT_COMPARABLE, reason, detail=detail)
        legacy = Side(
            exchange.answer,
            exchange.started,
            trial.legacy,
            recording.mails,
            shadow_outbound.effects(recording.calls, self._services),
        )
        found = await self._differences(exchange, legacy, trial.ported)
        if found.differences and trial.unknown:
            detail = "; ".join(trial.unknown[:3])
            return Outcome(Verdict.INCONCLUSIVE, Reason.UNKNOWN_ANSWER, detail=detail)
        if found.differences and recording.reads:
            assert self._sandbox is not None
            changed = await changed_since(self._sandbox, recording, self.tables())
            if changed is not None:
                return Outcome(Verdict.INCONCLUSIVE, Reason.CHANGED, detail=changed)
        if found.differences and not recording.touches:
            confirmed = await self._confirmed(exchange, recording, found)
            if confirmed is None:
                return Outcome(Verdict.INCONCLUSIVE, Reason.CHANGED)
            found = confirmed
        return outcome_of(exchange, found)

    async def _trial(self, exchange: Exchange, recording: Recording) -> Trial:
        assert self._stage is not None
        assert self._sandbox is not None
        rows = together(recording.touches)
        reading = exchange.scope["method"] in SAFE and not rows
        while True:
            try:
                return await answer_isolated(
                    self._stage.apps[Stack.PORTED],
                    exchange,
                    recording,
                    rows,
                    self._sandbox,
                    self._services,
                    state=self._stage.ported_state,
                    most=self._most,
                    reading=reading,
                )
            except WriteRefusedError:
                reading = False

    async def _confirmed(
        self, exchange: Exchange, recording: Recording, found: Found
    ) -> Found | None:
        """The same finding, once it is sure that nobody wrote between the two answers; else None.

        A safe request is asked of the legacy again: equal answers before and after the port's.
        """
        again = self.repeatable(exchange.operation, exchange.scope["method"])
        if not again:
            assert self._sandbox is not None
            written = await written_since(self._sandbox, exchange, recording, self.tables())
            return None if written else if_quiet_only(found)
        if recording.calls:
            return if_quiet_only(found)
        for _ in range(_ATTEMPTS):
            legacy = await self._ask(exchange, Stack.LEGACY)
            if same_reply(seen(found.legacy), seen(legacy), origin_of(exchange)):
                return found
            trial = await self._trial(exchange, recording)
            found = await self._differences(exchange, legacy, trial.ported)
            if not found.differences:
                return None
        return None

    async def _mirror(self, exchange: Exchange, recording: Recording) -> Outcome:
        """The port has answered; the legacy is asked. Only for what changes nothing."""
        if recording.wrote or recording.calls:
            return Outcome(Verdict.NOT_COMPARABLE, Reason.WRITE)
        ported = Side(exchange.answer, exchange.started)
        for _ in range(_ATTEMPTS):
            legacy = await self._ask(exchange, Stack.LEGACY)
            found = await self._differences(exchange, legacy, ported)
            if not found.differences:
                return outcome_of(exchange, found)
            again = await self._ask(exchange, Stack.PORTED)
            if same_reply(seen(ported), seen(again), origin_of(exchange)):
                return outcome_of(exchange, found)
            ported = again
        return Outcome(Verdict.INCONCLUSIVE, Reason.CHANGED)

    async def _ask(self, exchange: Exchange, stack: Stack) -> Side:
        assert self._stage is not None
        side = Side(exchange.answer)
        app = self._stage.apps[stack]
        state = self._stage.ported_state if stack is Stack.PORTED else {}
        side.answer = await call(app, exchange, state=state, most=self._most)
        return side

    async def _differences(self, exchange: Exchange, legacy: Side, ported: Side) -> Found:
        size = len(legacy.answer.body or b"") + len(ported.answer.body or b"")
        compare = self._compared
        if size > _LARGE:
            return await asyncio.to_thread(compare, exchange, legacy, ported)
        return compare(exchange, legacy, ported)

    def _compared(self, exchange: Exchange, legacy: Side, ported: Side) -> Found:
        method = exchange.scope["method"]
        label = f"{method} {exchange.operation.rule}"
        findings = self._judge.compare(
            label,
            request_of(exchange),
            seen(legacy),
            seen(ported),
            origin=origin_of(exchange),
            rows=self._in_process and exchange.compared is Stack.PORTED,
        )
        return Found(legacy, ported, unwaived(findings))
