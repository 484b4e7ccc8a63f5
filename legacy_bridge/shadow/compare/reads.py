"""Compares what any two stacks answer to requests that only read. Needs to know nothing of either."""

import asyncio
import os
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from sqlalchemy import Table

from legacy_bridge.operations.operation import SAFE_METHODS, Operation, Stack
from legacy_bridge.shadow.call import call
from legacy_bridge.shadow.compare.outcome import ComparedPair, outcome_of
from legacy_bridge.shadow.compare.side import PairSide, is_whole, live_reply, origin_of, request_of
from legacy_bridge.shadow.contract import ClientExchange, ComparisonStage
from legacy_bridge.shadow.limits import Limits
from legacy_bridge.shadow.rows import follow
from legacy_bridge.shadow.rows.recording import Recording
from legacy_bridge.shadow.verdict import Comparer, PairOutcome, PairVerdict, Reason
from parity_core.compare.live import Judge, same_reply, unwaived
from parity_core.files import rules_toml, waivers_toml

_ATTEMPTS = 3
"""To find a moment in which nobody writes between the two answers."""
_LARGE = 64 * 1024
"""Bytes of both replies whose comparison leaves the event loop."""


def judge_of(database_url: str | None, environment: Mapping[str, str], folder: Path) -> Judge:
    """By the rules and waivers of the folder that hold on the database. Raises ParityError."""
    is_sqlite = (database_url or "sqlite").startswith("sqlite")
    database = "sqlite" if is_sqlite else "postgresql"
    known = rules_toml.load(folder / "rules.toml", database)
    accepted = waivers_toml.load(folder / "waivers.toml")
    return Judge(known, accepted, database, environment)


def compare_reads(
    folder: Path,
    database_url: str | None,
    *,
    except_for: Collection[str] = (),
    environment: Mapping[str, str] = os.environ,
) -> Callable[[bool, Limits], Comparer]:
    """For `Assembly.comparer`: by `rules.toml` and `waivers.toml` of the folder, where there are any.

    ``except_for`` names operations of safe methods that write all the same. Raises ParityError when a
    file can't be read.
    """
    judge = judge_of(database_url, environment, folder)

    def made(_legacy_in_process: bool, limits: Limits) -> Comparer:
        return ReadComparer(judge, except_for=except_for, body_limit=limits.body)

    return made


class ReadComparer:
    """`shadow.verdict.Comparer` for requests that may be asked twice, in either direction.

    The stack that has not answered is asked the same. If it says something else, the one that has is asked
    again: only when that says the same as before is the difference one.
    """

    def __init__(
        self, judge: Judge, *, except_for: Collection[str] = (), body_limit: int = 1024 * 1024
    ) -> None:
        self._judge = judge
        self._except_for = frozenset(except_for)
        self._most = body_limit
        self._stage: ComparisonStage | None = None

    def watch(self) -> None:
        follow.install()

    def tables(self) -> Mapping[str, Table]:
        """None: no rows are compared."""
        return {}

    async def startup(self, stage: ComparisonStage) -> None:
        self.watch()
        self._stage = stage

    async def shutdown(self) -> None:
        """Nothing is held."""

    async def ready(self) -> None:
        """At once."""

    def refuses(self, operation: Operation, compared: Stack, method: str) -> Reason | None:
        return None if self.repeatable(operation, method) else Reason.WRITE

    def repeatable(self, operation: Operation, method: str) -> bool:
        return method in SAFE_METHODS and str(operation) not in self._except_for

    async def compare(self, exchange: ClientExchange, recording: Recording) -> PairOutcome:
        if not is_whole(exchange):
            return PairOutcome(PairVerdict.INCONCLUSIVE, Reason.CUT_SHORT)
        return await self.compare_whole(exchange, recording)

    async def compare_whole(self, exchange: ClientExchange, recording: Recording) -> PairOutcome:
        """Of a reply that the client got to its end."""
        if recording.wrote or recording.calls:
            # whatever its method says
            return PairOutcome(PairVerdict.NOT_COMPARABLE, Reason.WRITE)
        answered = PairSide(exchange.answer, exchange.started)
        for _ in range(_ATTEMPTS):
            other = await self.ask(exchange, exchange.compared)
            pair = await self.differences(exchange, answered, other)
            if not pair.differences:
                return outcome_of(exchange, pair)
            again = await self.ask(exchange, exchange.primary)
            if same_reply(live_reply(answered), live_reply(again), origin_of(exchange)):
                return outcome_of(exchange, pair)
            answered = again
        return PairOutcome(PairVerdict.INCONCLUSIVE, Reason.CHANGED)

    async def ask(self, exchange: ClientExchange, stack: Stack) -> PairSide:
        assert self._stage is not None
        started = time.time()
        state = self._stage.ported_state if stack is Stack.PORTED else {}
        answer = await call(self._stage.apps[stack], exchange, state=state, most=self._most)
        return PairSide(answer, started)

    async def differences(
        self,
        exchange: ClientExchange,
        answered: PairSide,
        other: PairSide,
        *,
        with_rows: bool = False,
    ) -> ComparedPair:
        """``answered`` is what the stack that a client was answered by has said."""
        legacy, ported = answered, other
        if exchange.compared is Stack.LEGACY:
            legacy, ported = other, answered
        size = len(legacy.answer.body or b"") + len(ported.answer.body or b"")
        if size > _LARGE:
            return await asyncio.to_thread(self._compared, exchange, legacy, ported, with_rows)
        return self._compared(exchange, legacy, ported, with_rows)

    def _compared(
        self, exchange: ClientExchange, legacy: PairSide, ported: PairSide, with_rows: bool
    ) -> ComparedPair:
        method = exchange.scope["method"]
        findings = self._judge.compare(
            f"{method} {exchange.operation.rule}",
            request_of(exchange),
            live_reply(legacy),
            live_reply(ported),
            origin=origin_of(exchange),
            rows=with_rows,
        )
        return ComparedPair(legacy, ported, unwaived(findings))
