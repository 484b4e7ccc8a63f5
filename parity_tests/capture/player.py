"""Sends batches of recorded exchanges to both stacks, and compares each pair."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from parity_core.compare.correspond import Correspondence
from parity_core.compare.diff import diff
from parity_core.compare.rules import Rules
from parity_core.model import Attribution, Difference, Exchange, Pair, Place, Reply, Request, Side
from parity_tests.capture.ids import Ids, decoded
from parity_tests.capture.request import NotReplayable, Requests
from parity_tests.capture.schedule import ScheduledBatch, ScheduledExchange
from parity_tests.capture.users import Unmapped, Users
from parity_tests.journeys.model import Journey
from parity_tests.operations import CensusMatcher
from parity_tests.run.replay import Replay
from parity_tests.stage.stage import Stage
from parity_tests.stage.world import World

NAME = "capture"
STRANGER = "nobody told who asked: --user u-…=NAME, or --as NAME for all of them (docs/capture.md)"


@dataclass
class Played:
    """A recorded exchange after its replay: a pair with its differences, or why there is none."""

    entry: ScheduledExchange | None
    """None for the rows of a whole batch."""
    pair: Pair | None = None
    differences: tuple[Difference, ...] = ()
    skipped: str = ""


class CapturePlayer:
    def __init__(
        self,
        stage: Stage,
        rules: Rules,
        matcher: CensusMatcher,
        ids: Ids,
        users: Users,
        correspondence: Correspondence,
        parallel: int,
    ) -> None:
        self._stage = stage
        self._rules = rules
        self._matcher = matcher
        self._ids = ids
        self._users = users
        self._requests = Requests(ids, users)
        self._correspondence = correspondence
        self._replay = Replay(Journey(NAME, Path(NAME), ()), stage, rules, matcher)
        self._lanes = ThreadPoolExecutor(parallel, "parity-lane")
        self._legacy = ThreadPoolExecutor(parallel, "parity-lane-legacy")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for threads in (self._lanes, self._legacy):
            threads.shutdown(cancel_futures=True)

    def play(self, batch: ScheduledBatch) -> Iterator[Played]:
        """In the recorded order. With one exchange in the batch its rows are its own."""
        if len(batch.lanes) == 1 and len(batch.lanes[0]) == 1:
            yield self._alone(batch.lanes[0][0])
        else:
            yield from self._together(batch)

    def _alone(self, entry: ScheduledExchange) -> Played:
        asked = self._composed(entry)
        if isinstance(asked, str):
            return Played(entry, skipped=asked)
        legacy, ported = self._stage.both(
            lambda world: self._replay.ask(world, asked[world.side], None)
        )
        self._replay.settle(legacy, ported)
        for world in (self._stage.legacy, self._stage.ported):
            world.forget()
        self._learn(entry, legacy, ported)
        return self._compared(entry, legacy, ported, self._stage.reads_rows)

    def _together(self, batch: ScheduledBatch) -> Iterator[Played]:
        worlds = (self._stage.legacy, self._stage.ported)
        for world in worlds:
            if world.reader:
                world.reader.start()
        started = time.time()
        answered: dict[int, tuple[Exchange, Exchange] | str] = {}
        for lane in [self._lanes.submit(self._lane, lane) for lane in batch.lanes]:
            answered |= lane.result()
        rows = [self._rows(world, len(answered), started) for world in worlds]
        self._replay.settle(rows[0], rows[1])
        for world in worlds:
            world.forget()
        for entry in batch.entries:
            asked = answered[entry.number]
            if isinstance(asked, str):
                yield Played(entry, skipped=asked)
            else:
                yield self._compared(entry, *asked, with_rows=False)
        if rows[0].rows or rows[1].rows or any(one.effects for one in rows):
            first, last = batch.entries[0].exchange, batch.entries[-1].exchange
            pair = self._pair(
                Attribution(f"{len(answered)} requests at once", Place.NOT_FOUND),
                f"{first.where} to {last.where}", batch.entries[-1].number, rows[0], rows[1], True,
            )  # fmt: skip
            yield Played(None, pair, tuple(diff(pair, self._rules, self._correspondence)))

    def _lane(
        self, lane: tuple[ScheduledExchange, ...]
    ) -> dict[int, tuple[Exchange, Exchange] | str]:
        answered: dict[int, tuple[Exchange, Exchange] | str] = {}
        for entry in lane:
            asked = self._composed(entry)
            if isinstance(asked, str):
                answered[entry.number] = asked
                continue
            other = self._legacy.submit(_send, self._stage.legacy, asked[Side.LEGACY])
            ported = _send(self._stage.ported, asked[Side.PORTED])
            legacy = other.result()
            self._learn(entry, legacy, ported)
            answered[entry.number] = (legacy, ported)
        return answered

    def _composed(self, entry: ScheduledExchange) -> dict[Side, Request] | str:
        exchange = entry.exchange
        operation = self._matcher.match(exchange.method, exchange.path).label
        try:
            return {side: self._requests.compose(exchange, operation, side) for side in Side}
        except NotReplayable as error:
            return str(error)
        except Unmapped:
            return STRANGER

    def _learn(self, entry: ScheduledExchange, legacy: Exchange, ported: Exchange) -> None:
        """Which new values stand where the recorded reply has a generated one."""
        recorded = entry.exchange
        before = decoded(recorded.reply_body.content)
        if before is None:
            return
        operation = self._matcher.match(recorded.method, recorded.path).label
        for exchange in (legacy, ported):
            # a reply of another kind has other things in its places
            if exchange.reply.status == recorded.status or recorded.status is None:
                now = decoded(exchange.reply.body)
                self._ids.learn(exchange.side, self._ids.met(operation, before, now))

    def _compared(
        self, entry: ScheduledExchange, legacy: Exchange, ported: Exchange, with_rows: bool
    ) -> Played:
        recorded = entry.exchange
        operation = self._matcher.match(legacy.request.method, legacy.request.path)
        pair = self._pair(operation, recorded.where, entry.number, legacy, ported, with_rows)
        pair.user = self._users.name(recorded)
        if recorded.status is not None and recorded.status != legacy.reply.status:
            pair.note = f"recorded with status {recorded.status}"
        return Played(entry, pair, tuple(diff(pair, self._rules, self._correspondence)))

    def _pair(
        self, operation: Attribution, where: str, number: int, legacy: Exchange, ported: Exchange,
        with_rows: bool,
    ) -> Pair:  # fmt: skip
        return Pair(NAME, number, where, operation, legacy, ported, rows_compared=with_rows)

    @staticmethod
    def _rows(world: World, count: int, started: float) -> Exchange:
        """What a batch did, as if it had been one exchange."""
        rows = world.reader.changes() if world.reader else []
        request, reply = Request("BATCH", f"/{count}-requests"), Reply(200)
        origin = world.stack.origin
        return Exchange(
            world.side, origin, request, reply, started, time.time(), rows, world.effects()
        )


def _send(world: World, request: Request) -> Exchange:
    started = time.time()
    reply = world.send(request)
    ended = time.time()
    return Exchange(world.side, world.stack.origin, request, reply, started, ended, replied=ended)
