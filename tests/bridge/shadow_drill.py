"""Clients' requests on the real pair, compared, in a process of its own: `python -m … DATABASE_URL`.

Prints what came of them as one line of JSON, which `test_shadow_cornflow` looks at. The legacy reads the
environment while it is imported, so this is no fixture.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cornflow_cutover.assembly import assemble
from cornflow_cutover.shadow.comparer import CornflowComparer
from legacy_bridge.operations.operation import Mode, Operation, Stack
from legacy_bridge.shadow import Comparer, Limits, PairOutcome, ShadowObserver
from legacy_bridge.shadow.contract import ClientExchange, ComparisonStage
from legacy_bridge.shadow.process.client import ComparerProcess
from legacy_bridge.shadow.rows.recording import Recording
from legacy_bridge.shadow.verdict import Reason


class Gate:
    """A comparer that waits until it is opened: what is seen before and after is the shadow's work."""

    def __init__(self, comparer: Comparer) -> None:
        self.inner = comparer
        self.open = asyncio.Event()
        self.open.set()

    def watch(self) -> None:
        self.inner.watch()

    def tables(self) -> Any:
        return self.inner.tables()

    async def startup(self, stage: ComparisonStage) -> None:
        await self.inner.startup(stage)

    async def shutdown(self) -> None:
        await self.inner.shutdown()

    async def ready(self) -> None:
        await self.inner.ready()

    def refuses(self, operation: Operation, compared: Stack, method: str) -> Reason | None:
        return self.inner.refuses(operation, compared, method)

    def repeatable(self, operation: Operation, method: str) -> bool:
        return self.inner.repeatable(operation, method)

    async def compare(self, exchange: ClientExchange, recording: Recording) -> PairOutcome:
        await self.open.wait()
        outcome = await self.inner.compare(exchange, recording)
        if outcome.detail:
            sys.stderr.write(f"{exchange.operation}: {outcome.reason}: {outcome.detail}\n")
        return outcome


class Told:
    """What the observer tells the bridge."""

    def __init__(self) -> None:
        self.examples: list[dict[str, Any]] = []
        self.dropped_why: list[str] = []

    def compared(self, exchange: ClientExchange, **told: Any) -> None:
        if told["different"]:
            self.examples.append(told["example"])

    def dropped(self, operation: Operation, trial: int, why: str) -> None:
        self.dropped_why.append(why)


class Faulty:
    """The port, with a bug when one is planted."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.reply: tuple[bytes, bytes] | None = None
        self.seconds = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def changed(message: Message) -> None:
            if self.reply is not None and message["type"] == "http.response.body":
                message = {**message, "body": message["body"].replace(*self.reply)}
            await send(message)

        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await asyncio.sleep(self.seconds)
        await self.app(scope, receive, changed)


class Drill:
    def __init__(self, parts: "Parts", client: httpx.AsyncClient) -> None:
        self.client, self.parts = client, parts
        self.observer, self.told = parts.observer, parts.told
        self.headers: dict[str, str] = {}
        self.log: dict[str, dict[str, Any]] = {}

    async def ask(
        self, method: str, path: str, body: Any = None, name: str = "", *, still: bool = False
    ) -> Any:
        """One request, and what its shadow came to. `still`: did the shadow leave the database alone?"""
        before = dict(self.observer.counters.counts)
        examples = len(self.told.examples)
        if still:
            self.parts.gate.open.clear()
        reply = await self.client.request(method, path, json=body, headers=self.headers)
        dumped = dump() if still else None
        self.parts.gate.open.set()
        await self.observer.drained()
        after = self.observer.counters.counts
        new = [key for key, count in after.items() if count > before.get(key, 0)]
        verdict = "; ".join(f"{v}: {r}" if r else str(v) for _, v, r in new)
        self.log[name or f"{method} {path}"] = {
            "status": reply.status_code,
            "verdict": verdict,
            "still": None if dumped is None else dumped == dump(),
            "examples": self.told.examples[examples:],
        }
        try:
            return reply.json()
        except ValueError:
            return None


class Parts:
    """A bridge over the real pair, all ported operations in mode shadow."""

    def __init__(self) -> None:
        from legacy_bridge.bridge import BridgeOptions, Stacks, create_bridge
        from legacy_bridge.stacks.in_process import InProcessLegacy

        made = assemble()
        assert made.database_url is not None
        comparer = CornflowComparer(
            made.database_url, environment=dict(os.environ), legacy_in_process=True
        )
        self.gate = Gate(comparer)
        self.observer = ShadowObserver(self.gate)
        self.told = Told()
        self.port = Faulty(made.ported)
        start = self.observer.startup

        self.stage: ComparisonStage | None = None

        async def with_results(stage: ComparisonStage) -> None:
            self.stage = ComparisonStage(stage.apps, stage.ported_state, self.told)
            await start(self.stage)

        self.observer.startup = with_results  # type: ignore[method-assign]
        stacks = Stacks(
            ported=self.port,
            legacy=InProcessLegacy(made.wsgi),  # type: ignore[arg-type]
            rules=made.rules,
            ported_operations=made.ported_operations,
            root=made.root,
        )
        options = BridgeOptions(default_mode=Mode.SHADOW, observer=self.observer)
        self.bridge: Any = create_bridge(stacks, made.database_url, options)


def dump() -> list[str]:
    """Every row of every table of Cornflow, and where its counters stand."""
    import sqlalchemy as sa

    from parity_tests.stage.databases import sync_url

    engine = sa.create_engine(sync_url(os.environ["DATABASE_URL"]))
    told = []
    with engine.connect() as connection:
        for table in sorted(sa.inspect(connection).get_table_names()):
            if not table.startswith("bridge_"):
                rows = connection.exec_driver_sql(f'SELECT * FROM "{table}"').fetchall()
                told += sorted(f"{table} {row!r}" for row in rows)
        if engine.dialect.name == "postgresql":
            counters = "SELECT sequencename, last_value FROM pg_sequences"
            rows = connection.exec_driver_sql(counters).fetchall()
            told += sorted(f"{row!r}" for row in rows if not row[0].startswith("bridge_"))
    engine.dispose()
    return told


SCHEMA = {"type": "object", "properties": {}}
WORKFLOW = "solve_model_dag"


async def log_in(drill: Drill, name: str, password: str) -> Any:
    drill.headers = {}
    body = {"username": name, "password": password}
    told = await drill.ask("POST", "/login/", body, f"log in as {name}")
    drill.headers = {"Authorization": f"Bearer {told['token']}"}
    return told


async def writes(drill: Drill) -> Any:
    """What every client does, each with a dump of the database before and after its shadow."""
    ask = drill.ask
    await log_in(drill, "service_user", "Service-pw1!")
    names = ("instance", "solution", "config", "instance_checks", "solution_checks", "kpis")
    schemas = {f"{name}_schema": SCHEMA for name in names}
    await ask(
        "POST",
        "/dag/deployed/",
        {"id": WORKFLOW, "description": "", **schemas},
        "deploy",
        still=True,
    )
    drill.headers = {}
    ana = {"username": "ana", "email": "ana@cornflow.org", "password": "Ana-pw1!x"}
    await ask("POST", "/signup/", ana, "sign up", still=True)
    await ask("POST", "/signup/", ana, "sign up again", still=True)
    user = await log_in(drill, "ana", ana["password"])
    told = {"name": "one", "data": {"a": [1, 2.5, None]}, "schema": WORKFLOW}
    instance = await ask("POST", "/instance/", told, "post instance", still=True)
    path = f"/instance/{instance['id']}/"
    await ask("GET", "/instance/", name="list instances", still=True)
    await ask("PUT", path, {"name": "two"}, "put instance", still=True)
    await ask("POST", "/instance/", {"name": 1}, "refused instance", still=True)
    case = await ask("POST", "/case/", told, "post case", still=True)
    await ask("PUT", f"/case/{case['id']}/", {"name": "two"}, "put case", still=True)
    asked = {"name": "e", "instance_id": instance["id"], "schema": WORKFLOW, "config": {}}
    execution = await ask("POST", "/execution/", asked, "run execution", still=True)
    status = f"/execution/{execution['id']}/status/"
    await ask("GET", status, name="status of execution", still=True)
    await ask("DELETE", f"/case/{case['id']}/", name="delete case", still=True)
    await ask("DELETE", path, name="delete instance", still=True)
    headers, drill.headers = drill.headers, {}
    recovery = {"email": ana["email"]}
    await ask("PUT", "/user/recover-password/", recovery, "recover password", still=True)
    drill.headers = headers
    return user


async def planted(drill: Drill) -> None:
    """Bugs in the port's reply and in the row it would write."""
    from sqlalchemy import event

    from cornflow_f.models import Case

    port = drill.parts.port
    told = {"name": "c", "description": "kept", "data": {}, "schema": WORKFLOW}
    await log_in(drill, "admin", "Admin-pw1!")
    case = await drill.ask("POST", "/case/", told, "sound case")
    port.reply = b'"name":"c"', b'"name":"C"'
    await drill.ask("GET", f"/case/{case['id']}/", name="bug in a reply")
    port.reply = None

    def forget(_mapper: Any, _connection: Any, row: Any) -> None:
        row.description = None

    event.listen(Case, "before_insert", forget)
    await drill.ask("POST", "/case/", told, "bug in a row", still=True)
    event.remove(Case, "before_insert", forget)


async def meanwhile(drill: Drill) -> dict[str, Any]:
    """Somebody else writes between a request and its shadow."""
    told = {"name": "m", "data": {}, "schema": WORKFLOW}
    case = await drill.ask("POST", "/case/", told, "another case")
    path = f"/case/{case['id']}/"
    gate, client = drill.parts.gate, drill.client
    found: dict[str, Any] = {}
    for name, method, asked, body in (
        ("write", "PUT", path, {"name": "first"}),
        ("read", "GET", path, None),
        ("write that read it", "POST", f"{path}copy/", None),
    ):
        gate.open.clear()
        before = dict(drill.observer.counters.counts)
        await client.request(method, asked, json=body, headers=drill.headers)
        await client.put(path, json={"name": f"second {name}"}, headers=drill.headers)
        gate.open.set()
        await drill.observer.drained()
        after = drill.observer.counters.counts
        new = {key: n - before.get(key, 0) for key, n in after.items() if n != before.get(key, 0)}
        found[name] = sorted(f"{op.split()[0]} {v}: {r}" for op, v, r in new for _ in (0,))
    return found


async def in_the_way(drill: Drill) -> dict[str, Any]:
    """A shadow holds a row that a client wants to write."""
    told = {"name": "w", "data": {}, "schema": WORKFLOW}
    case = await drill.ask("POST", "/case/", told, "wanted case")
    path = f"/case/{case['id']}/"
    drill.parts.port.seconds = 5.0
    await drill.client.put(path, json={"name": "shadowed"}, headers=drill.headers)
    await asyncio.sleep(0.3)
    started = time.perf_counter()
    reply = await drill.client.put(path, json={"name": "client"}, headers=drill.headers)
    seconds = time.perf_counter() - started
    drill.parts.port.seconds = 0.0
    await drill.observer.drained()
    return {"status": reply.status_code, "seconds": seconds}


async def burst(drill: Drill) -> dict[str, Any]:
    """More than the queue takes."""
    observer = drill.observer
    before = sum(observer.counters.counts.values())
    observer.limits = Limits(items=5)
    drill.parts.gate.open.clear()
    # one is in the worker's hands, five wait
    await asyncio.gather(*(drill.client.get("/user/", headers=drill.headers) for _ in range(20)))
    queued = observer.queued[0]
    drill.parts.gate.open.set()
    await observer.drained()
    observer.limits = Limits()
    told = observer.counters.of("GET /user/")
    return {"queued": queued, "all": sum(observer.counters.counts.values()) - before, "told": told}


async def mirrored(drill: Drill) -> None:
    """The port answers, the legacy is compared."""
    ownership = drill.parts.bridge.ownership
    await ownership.change("all-ported", Mode.MIRROR, who="drill", why="mirror")
    await drill.ask("GET", "/user/", name="mirrored read", still=True)
    told = {"name": "n", "data": {}, "schema": WORKFLOW}
    await drill.ask("POST", "/case/", told, "mirrored write")
    drill.parts.port.reply = b'"username":"ana"', b'"username":"eva"'
    await drill.ask("GET", "/user/", name="mirrored bug")
    drill.parts.port.reply = None


async def apart(drill: Drill) -> dict[str, Any]:
    """The same by a process of its own, which is killed in between."""
    parts = drill.parts
    assert parts.stage is not None
    comparer = ComparerProcess(parts.gate.inner, {})
    drill.observer.limits = Limits(seconds=60)
    await parts.bridge.ownership.change("all-ported", Mode.SHADOW, who="drill", why="apart")
    await comparer.startup(parts.stage)
    parts.gate.inner, inside = comparer, parts.gate.inner
    eva = {"username": "eva", "email": "eva@cornflow.org", "password": "Eva-pw1!x"}
    headers, drill.headers = drill.headers, {}
    await drill.ask("POST", "/signup/", eva, "sign up, apart", still=True)
    await drill.ask("PUT", "/user/recover-password/", {"email": eva["email"]}, "mail, apart")
    drill.headers = headers
    await drill.ask("GET", "/user/", name="read, apart")
    process = comparer.process
    assert process is not None
    process.kill()
    await process.wait()
    await drill.ask("GET", "/user/", name="read after a kill, apart")
    await comparer.shutdown()
    parts.gate.inner = inside
    return {"starts": comparer.starts}


async def main() -> dict[str, Any]:
    from parity_tests.config import ServiceConfig
    from parity_tests.stage.services.mail import MailServer
    from parity_tests.stage.services.servers.airflow import Airflow
    from parity_tests.stage.services.servers.standin import PASSWORD, USER

    airflow = Airflow()
    folder = Path(tempfile.mkdtemp())
    mail = MailServer(ServiceConfig(), {}, folder)
    os.environ |= {
        "AIRFLOW_URL": airflow.url,
        "AIRFLOW_USER": USER,
        "AIRFLOW_PWD": PASSWORD,
        "SERVICE_EMAIL_SERVER": "127.0.0.1",
        "SERVICE_EMAIL_PORT": str(mail._controller.port),
        "SERVICE_EMAIL_ADDRESS": "service@cornflow.org",
        "SERVICE_EMAIL_PASSWORD": "service-password",
    }
    parts = Parts()
    async with parts.bridge.router.lifespan_context(parts.bridge):
        transport = httpx.ASGITransport(parts.bridge)
        address = "http://cornflow.test"
        async with httpx.AsyncClient(transport=transport, base_url=address, timeout=60) as client:
            drill = Drill(parts, client)
            await writes(drill)
            told: dict[str, Any] = {
                "runs": [c.path for c in airflow.calls if c.method == "POST"],
                "mails": mail.sent(),
            }
            await planted(drill)
            told["meanwhile"] = await meanwhile(drill)
            told["in the way"] = await in_the_way(drill)
            told["burst"] = await burst(drill)
            await mirrored(drill)
            told["apart"] = await apart(drill)
            told["mails at the end"] = len(mail.sent())
    airflow.stop()
    mail.stop()
    return {"log": drill.log, **told}


if __name__ == "__main__":
    sys.stdout.write("\nANSWER:" + json.dumps(asyncio.run(main()), default=str))
