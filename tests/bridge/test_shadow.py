"""The machinery of comparisons, without any application: queue, counters, masking, following rows."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from legacy_bridge.operations.operation import Mode, Operation, Stack
from legacy_bridge.settings import shares
from legacy_bridge.shadow import Limits, PairOutcome, PairVerdict, ShadowObserver
from legacy_bridge.shadow import observer as observer_module
from legacy_bridge.shadow.call import call, run_queue_seconds
from legacy_bridge.shadow.compare import masking
from legacy_bridge.shadow.compare.outcome import ComparedPair, outcome_of
from legacy_bridge.shadow.compare.side import PairSide
from legacy_bridge.shadow.contract import Answer, ClientExchange, ComparisonStage
from legacy_bridge.shadow.rows import follow
from legacy_bridge.shadow.rows.recording import UNTOLD, Did, Recording, Touch, recorded
from legacy_bridge.shadow.rows.sandbox import SqliteSandbox
from legacy_bridge.shadow.rows.undo import ChangedMeanwhileError, take_back, together
from legacy_bridge.shadow.verdict import Reason
from parity_core.model import Difference

OPERATION = Operation("GET", "/thing/")


class Comparer:
    """Says what it is told to, once it may."""

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.outcome: PairOutcome | Exception = PairOutcome(PairVerdict.SAME, status=200)
        self.bodies: list[bytes | None] = []

    def watch(self) -> None: ...

    def tables(self) -> dict[str, sa.Table]:
        return {}

    async def startup(self, stage: ComparisonStage) -> None: ...
    async def shutdown(self) -> None: ...

    async def ready(self) -> None: ...

    def refuses(self, operation: Operation, compared: Stack, method: str) -> Reason | None:
        return Reason.WRITE if method == "POST" else None

    def repeatable(self, operation: Operation, method: str) -> bool:
        return method == "GET"

    async def compare(self, exchange: ClientExchange, recording: Recording) -> PairOutcome:
        self.bodies.append(exchange.body)
        await self.may.wait()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class Clock:
    """What the observer takes for the time: it stands still, however long a test takes."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(observer_module, "time", made)
    return made


class Results:
    def __init__(self) -> None:
        self.told: list[Any] = []

    def compared(self, exchange: ClientExchange, **told: Any) -> None:
        self.told.append(told["different"])

    def dropped(self, operation: Operation, trial: int, why: str) -> None:
        self.told.append(why)


async def started(limits: Limits, **options: Any) -> tuple[ShadowObserver, Comparer, Results]:
    comparer, results = Comparer(), Results()
    observer = ShadowObserver(comparer, limits, **options)
    await observer.startup(ComparisonStage({}, {}, results))
    return observer, comparer, results


def seen(observer: ShadowObserver, body: bytes | None = b"", reply: bytes | None = b"{}") -> bool:
    """One request, as the dispatcher tells of it."""
    scope = {"type": "http", "method": "GET", "path": "/thing/", "headers": []}
    if not observer.wants(OPERATION, Mode.SHADOW, Stack.PORTED, scope):
        return False
    answer = Answer(200, [], reply, 0.01)
    observer.take(
        ClientExchange(
            operation=OPERATION, mode=Mode.SHADOW, trial=1, scope=scope, body=body,
            primary=Stack.LEGACY, compared=Stack.PORTED, answer=answer, started=0.0, request_id="x",
        )
    )  # fmt: skip
    return True


def test_what_does_not_fit_is_dropped_and_counted() -> None:
    async def play() -> None:
        observer, comparer, results = await started(Limits(items=3))
        wanted = [seen(observer) for _ in range(5)]
        assert wanted == [True, True, True, False, False]
        assert observer.counters.of(OPERATION) == {"dropped: queue full": 2}
        comparer.may.set()
        await observer.drained()
        assert observer.counters.of(OPERATION) == {"dropped: queue full": 2, "same": 3}
        assert results.told == [False] * 3
        await observer.shutdown()

    asyncio.run(play())


def test_the_newest_is_compared_first_and_what_waits_too_long_is_dropped(clock: Clock) -> None:
    async def play() -> None:
        observer, comparer, results = await started(Limits(age=20))
        for number in range(3):
            seen(observer, body=bytes([number]))
            # the first is in the worker's hands already
            await asyncio.sleep(0.01)
        comparer.may.set()
        await observer.drained()
        assert comparer.bodies == [b"\0", b"\2", b"\1"]
        comparer.may.clear()
        seen(observer)
        await asyncio.sleep(0.01)
        seen(observer)
        clock.seconds += 21
        assert seen(observer)
        assert observer.queued[0] == 1
        comparer.may.set()
        await observer.drained()
        assert observer.counters.of(OPERATION) == {"same": 5, "dropped: too late": 1}
        assert results.told.count(Reason.TOO_LATE) == 1
        await observer.shutdown()

    asyncio.run(play())


def test_bytes_that_wait_are_bounded_and_long_bodies_are_not_kept() -> None:
    async def play() -> None:
        observer, comparer, results = await started(Limits(bytes=3000))
        seen(observer, body=b"x" * 2000)
        seen(observer, body=b"x" * 2000)
        seen(observer, reply=None)
        assert results.told == [Reason.BYTES_FULL, Reason.BODY_TOO_LONG]
        comparer.may.set()
        await observer.drained()
        assert observer.queued == (0, 0)
        await observer.shutdown()

    asyncio.run(play())


def test_rows_that_were_noted_count_as_bytes_that_wait() -> None:
    recording = Recording(touches=[Touch(Owner.__table__, (1,), Did.DELETE, {"name": "x" * 500})])  # type: ignore[arg-type]
    assert recording.size == 500
    recording.reads["owners", (1,)] = {"id": 1, "name": "y" * 70}
    assert recording.size == 570


def test_a_sample_is_taken_of_each_operation() -> None:
    async def play() -> None:
        chances = iter([0.05, 0.5] * 10)
        limits = Limits(share=0.9, shares={str(OPERATION): 0.1})
        observer, comparer, _ = await started(limits, chance=lambda: next(chances))
        comparer.may.set()
        assert [seen(observer) for _ in range(4)] == [True, False, True, False]
        await observer.shutdown()

    asyncio.run(play())


def test_a_busy_operation_is_compared_at_a_rate(clock: Clock) -> None:
    async def play() -> None:
        observer, comparer, _ = await started(Limits(rate=20.0, burst=2))
        comparer.may.set()
        assert [seen(observer) for _ in range(4)] == [True, True, False, False]
        clock.seconds += 0.04
        assert not seen(observer)
        clock.seconds += 0.02
        assert seen(observer)
        await observer.drained()
        assert observer.counters.counts.total() == 3, "what is above the rate is not wanted"
        await observer.shutdown()

    asyncio.run(play())


def test_a_failing_and_a_slow_comparison_say_nothing_of_the_port() -> None:
    async def play() -> None:
        observer, comparer, results = await started(Limits(seconds=0.05))
        seen(observer)
        await observer.drained()
        observer.limits = Limits(seconds=60)
        comparer.outcome = RuntimeError("broken")
        comparer.may.set()
        seen(observer)
        await observer.drained()
        assert results.told == [Reason.TIMEOUT, Reason.BROKEN]
        comparer.outcome = PairOutcome(PairVerdict.DIFFERENT, status=200, example={})
        seen(observer)
        await observer.drained()
        assert results.told[2:] == [True], "the worker lives on"
        await observer.shutdown()

    asyncio.run(play())


def test_what_waits_when_the_bridge_stops_is_counted_too() -> None:
    async def play() -> None:
        observer, _, _ = await started(Limits())
        for _ in range(3):
            seen(observer)
        await asyncio.sleep(0)
        await observer.shutdown()
        assert observer.counters.of(OPERATION) == {"dropped: bridge stopped": 3}

    asyncio.run(play())


def test_secrets_are_hidden_wherever_they_are() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbmEifQ.c2lnbmF0dXJl"
    body = b'{"password": "Ana-pw1!", "pwd_last_change": "2026", "deep": [{"token": "%s"}]}'
    told = masking.body(body % token.encode())
    assert told == {
        "password": masking.HIDDEN,
        "pwd_last_change": "2026",
        "deep": [{"token": masking.HIDDEN}],
    }
    headers = masking.headers([(b"Authorization", b"Bearer x"), (b"Accept", b"*/*")])
    assert headers == {"authorization": masking.HIDDEN, "accept": "*/*"}
    assert masking.query(b"a=1&token=abc") == f"a=1&token={masking.HIDDEN}"
    assert token not in masking.text(f"refused: {token}")
    assert "secret" not in str(masking.value({"text": "<big><b>secret</b></big>"}))
    assert "$2b$" not in str(masking.value({"hash": "$2b$12$" + "a" * 53}))


def test_examples_stay_short() -> None:
    document = {"rows": [{"text": "x" * 900}] * 40}
    assert len(str(masking.short(masking.value(document)))) < 9_000
    assert masking.short({"a": 1}) == {"a": 1}


def test_shares_are_read_and_refused() -> None:
    assert shares("POST /case/=0.1; GET /case/ = 1") == {"POST /case/": 0.1, "GET /case/": 1.0}
    for wrong in ("POST /case/=2", "case=0.1", "0.3"):
        with pytest.raises(ValueError, match=r"\S"):
            shares(wrong)


def test_waiting_for_a_processor_is_not_the_applications_time() -> None:
    before = run_queue_seconds()
    assert before >= 0
    assert run_queue_seconds() >= before


# --- rows: what was written is followed, and taken back ------------------------------------------------


class Base(DeclarativeBase):
    pass


class Owner(Base):
    __tablename__ = "owners"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class Thing(Base):
    __tablename__ = "things"
    id: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(sa.ForeignKey("owners.id"))
    data: Mapped[Any] = mapped_column(sa.JSON)
    count: Mapped[int] = mapped_column(default=0)
    made_at: Mapped[datetime] = mapped_column(sa.DateTime)


def thing_of(session: Session, key: str) -> Thing:
    """`session.get_one`, which SQLAlchemy has since 2.0.22."""
    thing = session.get(Thing, key)
    assert thing is not None
    return thing


def dump(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return [
            *connection.execute(sa.select(Owner.__table__).order_by("id")),
            *connection.execute(
                sa.text("SELECT id, owner_id, data, count, made_at FROM things ORDER BY id")
            ),
        ]


@pytest.fixture
def engine(tmp_path: Path) -> sa.Engine:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'rows.db'}")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Owner(id=1, name="first"))
        session.flush()
        now = datetime(2026, 1, 2, 3, 4, 5)
        for name in ("a", "b", "c"):
            session.add(Thing(id=name, owner_id=1, data={"x": 1.5, "n": None}, made_at=now))
        session.commit()
    follow.install()
    return engine


def aio(engine: sa.Engine) -> AsyncEngine:
    return create_async_engine(f"sqlite+aiosqlite:///{engine.url.database}")


async def taken_back(engine: sa.Engine, recording: Recording) -> None:
    target = aio(engine)
    async with target.begin() as connection:
        await take_back(connection, together(recording.touches))
    await target.dispose()


def test_all_ways_to_write_are_followed_and_taken_back(engine: sa.Engine) -> None:
    before = dump(engine)
    recording = Recording()
    with recorded(recording), Session(engine) as session:
        owner = Owner(name="second")
        session.add(owner)
        session.commit()
        moment = datetime.now(UTC)
        session.add(Thing(id="new", owner_id=owner.id, data=[None], made_at=moment))
        session.commit()
        thing_of(session, "a").data = {"y": None}
        session.commit()
        session.execute(sa.update(Thing).where(Thing.id != "c").values(count=Thing.count + 1))
        session.commit()
        session.delete(thing_of(session, "b"))
        session.commit()
        session.query(Thing).filter(Thing.id == "c").delete(synchronize_session=False)
        session.commit()
        session.bulk_save_objects([Owner(name="in bulk")])
        session.commit()
        gone = Owner(name="came and went")
        session.add(gone)
        session.commit()
        session.delete(gone)
        session.commit()
    assert recording.problems == []
    touches = together(recording.touches)
    found = {(touch.table.name, touch.key): touch.did for touch in touches}
    assert [touch.written for touch in touches if touch.key[0] == UNTOLD] == [{"name": "in bulk"}]
    assert {key: did for key, did in found.items() if key[1][0] != UNTOLD} == {
        ("owners", (2,)): Did.INSERT,
        ("things", ("new",)): Did.INSERT,
        ("things", ("a",)): Did.UPDATE,
        ("things", ("b",)): Did.DELETE,
        ("things", ("c",)): Did.DELETE,
    }
    assert dump(engine) != before
    asyncio.run(taken_back(engine, recording))
    assert dump(engine) == before


def test_what_was_rolled_back_was_not_written(engine: sa.Engine) -> None:
    recording = Recording()
    with recorded(recording), Session(engine) as session:
        thing_of(session, "a").count = 5
        session.flush()
        session.rollback()
    assert recording.touches == []


def test_what_can_not_be_followed_is_said_and_hurts_nobody(engine: sa.Engine) -> None:
    recording = Recording()
    with recorded(recording), Session(engine) as session:
        session.execute(sa.text("UPDATE things SET count = 7"))
        session.commit()
    assert len(recording.problems) == 1
    with Session(engine) as session:
        assert thing_of(session, "a").count == 7


def test_a_row_that_somebody_has_written_since_is_left_alone(engine: sa.Engine) -> None:
    recording = Recording()
    with recorded(recording), Session(engine) as session:
        thing_of(session, "a").count = 5
        session.commit()
    with Session(engine) as session:
        thing_of(session, "a").count = 6
        session.commit()
    with pytest.raises(ChangedMeanwhileError, match="count"):
        asyncio.run(taken_back(engine, recording))


def test_sqlite_is_copied_again_only_after_a_change(engine: sa.Engine) -> None:
    file = Path(str(engine.url.database))

    def make(url: str) -> AsyncEngine:
        return create_async_engine(url.replace("sqlite:", "sqlite+aiosqlite:"))

    async def play() -> None:
        sandbox = SqliteSandbox(file, make)
        for _ in range(2):
            async with sandbox.open() as room:
                await room.connection.execute(sa.delete(Thing))
                count = sa.select(sa.func.count()).select_from(Thing)
                assert await room.connection.scalar(count) == 0
            async with sandbox.open() as room:
                assert await room.connection.scalar(count) == 3, "rolled back in the copy too"
        async with sandbox.open(reading=True) as room:
            with pytest.raises(sa.exc.OperationalError):
                await room.connection.execute(sa.delete(Thing))
        with Session(engine) as session:
            session.delete(thing_of(session, "a"))
            session.commit()
        async with sandbox.open() as room:
            assert await room.connection.scalar(count) == 2, "the copy follows the file"
        await sandbox.close()

    asyncio.run(play())
    with Session(engine) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Thing)) == 2


def test_a_stack_without_its_database_says_nothing_of_a_pair() -> None:
    exchange = ClientExchange(
        operation=OPERATION, mode=Mode.SHADOW, trial=1, scope={"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []},
        body=b"", primary=Stack.LEGACY, compared=Stack.PORTED, answer=Answer(400, [], b"{}", 0.01), started=0.0, request_id="x",
    )  # fmt: skip

    async def away(scope: Any, receive: Any, send: Any) -> None:
        start = {"type": "http.response.start", "status": 503, "headers": []}
        await send({**start, "unavailable": "database"})
        await send({"type": "http.response.body", "body": b"{}"})

    answer = asyncio.run(call(away, exchange, state={}, most=1000))
    assert (answer.status, answer.unavailable) == (503, True)
    differences = [Difference("status", 400, 503)]
    for ported, verdict in (
        (answer, PairVerdict.INCONCLUSIVE),
        (replace(answer, unavailable=False), PairVerdict.DIFFERENT),
    ):
        pair = ComparedPair(PairSide(exchange.answer), PairSide(ported), differences)
        assert outcome_of(exchange, pair).verdict is verdict
