"""Compares Cornflow and its port, pair by pair, while clients use them."""

import asyncio
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import Table

from cornflow_cutover.shadow import outbound
from cornflow_cutover.shadow.concurrent_writes import changed_since, written_since
from cornflow_cutover.shadow.isolation import (
    IsolatedCall,
    WriteRefusedError,
    answer_isolated,
    mark_logs,
)
from cornflow_cutover.shadow.place import create_sandbox, services_of
from legacy_bridge.operations.operation import SAFE_METHODS, Operation, Stack
from legacy_bridge.shadow.compare.outcome import ComparedPair, if_quiet_only, outcome_of
from legacy_bridge.shadow.compare.reads import ReadComparer, judge_of
from legacy_bridge.shadow.compare.side import PairSide, live_reply, origin_of
from legacy_bridge.shadow.contract import ClientExchange, ComparisonStage
from legacy_bridge.shadow.rows.recording import Recording
from legacy_bridge.shadow.rows.sandbox import (
    CopyTooLargeError,
    GaveWayError,
    Sandbox,
)
from legacy_bridge.shadow.rows.undo import ChangedMeanwhileError, together
from legacy_bridge.shadow.verdict import PairOutcome, PairVerdict, Reason
from parity_core.compare.live import same_reply
from parity_core.model import ParityError

READS_THAT_WRITE = frozenset(("GET /execution/", "GET /execution/<string:idx>/status/"))
"""They ask the orchestrator for states and store them, in both stacks: not to be asked twice."""

_ATTEMPTS = 3
_PAUSE = 0.1
"""Seconds before an attempt that follows one that gave way."""


def rules_folder() -> Path:
    """Where the comparison keeps Cornflow's rules and waivers. They are data: nothing of it is imported."""
    spec = find_spec("parity_tests")
    if spec is None or spec.origin is None:
        raise ParityError("live comparison needs the package parity_tests, where the rules are")
    return Path(spec.origin).parent / "cornflow"


class CornflowComparer(ReadComparer):
    """Compares writes too, which the port does in a transaction that is rolled back."""

    def __init__(
        self,
        database_url: str,
        *,
        environment: Mapping[str, str],
        legacy_in_process: bool,
        body_limit: int = 1024 * 1024,
    ) -> None:
        judge = judge_of(database_url, environment, rules_folder())
        super().__init__(judge, except_for=READS_THAT_WRITE, body_limit=body_limit)
        self._url = database_url
        self._in_process = legacy_in_process
        self._services = services_of(environment)
        self._sandbox: Sandbox | None = None

    def watch(self) -> None:
        super().watch()
        outbound.install()

    def tables(self) -> Mapping[str, Table]:
        if not self._in_process:
            return {}
        from cornflow.shared import db

        tables: Mapping[str, Table] = db.metadata.tables
        return tables

    async def startup(self, stage: ComparisonStage) -> None:
        await super().startup(stage)
        mark_logs()
        self._sandbox = create_sandbox(self._url)

    async def shutdown(self) -> None:
        if self._sandbox is not None:
            await self._sandbox.close()

    def refuses(self, operation: Operation, compared: Stack, method: str) -> Reason | None:
        if compared is Stack.PORTED and self._in_process:
            return None
        # What the legacy would do, or has done elsewhere, can't be taken back from here.
        return super().refuses(operation, compared, method)

    async def compare_whole(self, exchange: ClientExchange, recording: Recording) -> PairOutcome:
        if exchange.compared is Stack.LEGACY:
            return await super().compare_whole(exchange, recording)
        if recording.problems:
            detail = "; ".join(recording.problems[:3])
            return PairOutcome(PairVerdict.NOT_COMPARABLE, Reason.UNFOLLOWED, detail=detail)
        for attempt in range(_ATTEMPTS):
            try:
                return await self._shadow(exchange, recording)
            except ChangedMeanwhileError as error:
                return PairOutcome(PairVerdict.INCONCLUSIVE, Reason.CHANGED, detail=str(error))
            except CopyTooLargeError as error:
                return PairOutcome(PairVerdict.NOT_COMPARABLE, Reason.TOO_LARGE, detail=str(error))
            except GaveWayError as error:
                detail = str(error)
            await asyncio.sleep(_PAUSE * (attempt + 1))
        return PairOutcome(PairVerdict.INCONCLUSIVE, Reason.BUSY, detail=detail)

    async def _shadow(self, exchange: ClientExchange, recording: Recording) -> PairOutcome:
        trial = await self._trial(exchange, recording)
        if trial.outside or trial.problems:
            reason = Reason.OUTSIDE if trial.outside else Reason.UNFOLLOWED
            detail = "; ".join([*trial.outside, *trial.problems][:3])
            return PairOutcome(PairVerdict.NOT_COMPARABLE, reason, detail=detail)
        legacy = PairSide(
            exchange.answer,
            exchange.started,
            trial.legacy,
            recording.mails,
            outbound.effects(recording.calls, self._services),
        )
        pair = await self.differences(exchange, legacy, trial.ported, with_rows=self._in_process)
        if pair.differences and trial.unknown:
            detail = "; ".join(trial.unknown[:3])
            return PairOutcome(PairVerdict.INCONCLUSIVE, Reason.UNKNOWN_ANSWER, detail=detail)
        if pair.differences and recording.reads:
            assert self._sandbox is not None
            changed = await changed_since(self._sandbox, recording, self.tables())
            if changed is not None:
                return PairOutcome(PairVerdict.INCONCLUSIVE, Reason.CHANGED, detail=changed)
        if pair.differences and not recording.touches:
            confirmed = await self._confirmed(exchange, recording, pair)
            if confirmed is None:
                return PairOutcome(PairVerdict.INCONCLUSIVE, Reason.CHANGED)
            pair = confirmed
        return outcome_of(exchange, pair)

    async def _trial(self, exchange: ClientExchange, recording: Recording) -> IsolatedCall:
        assert self._stage is not None
        assert self._sandbox is not None
        rows = together(recording.touches)
        reading = exchange.scope["method"] in SAFE_METHODS and not rows
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
        self, exchange: ClientExchange, recording: Recording, pair: ComparedPair
    ) -> ComparedPair | None:
        """The same finding, once it is sure that nobody wrote between the two answers; else None.

        A safe request is asked of the legacy again: equal answers before and after the port's.
        """
        again = self.repeatable(exchange.operation, exchange.scope["method"])
        if not again:
            assert self._sandbox is not None
            written = await written_since(self._sandbox, exchange, recording, self.tables())
            return None if written else if_quiet_only(pair)
        if recording.calls:
            return if_quiet_only(pair)
        for _ in range(_ATTEMPTS):
            legacy = await self.ask(exchange, Stack.LEGACY)
            if same_reply(live_reply(pair.legacy), live_reply(legacy), origin_of(exchange)):
                return pair
            trial = await self._trial(exchange, recording)
            pair = await self.differences(
                exchange, legacy, trial.ported, with_rows=self._in_process
            )
            if not pair.differences:
                return None
        return None
