"""Clients' requests on the real pair, shadowed, in a process of its own: `python -m … URL MODE`.

Prints one line of JSON, which the tests look at. The legacy can only be imported once, and reads the
environment while it is, so this is no fixture.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

import httpx

from legacy_bridge.comparison import Exchange, Stage
from legacy_bridge.cornflow import assemble
from legacy_bridge.cornflow.shadow import CornflowComparer
from legacy_bridge.operation import Mode, Operation, Stack
from legacy_bridge.shadow import Limits, Outcome, ShadowObserver
from legacy_bridge.shadow.recording import Recording
from legacy_bridge.shadow.verdict import Reason


class Gate:
    """A comparer that waits until it is opened: what is seen before and after is the shadow's work."""

    def __init__(self, comparer: CornflowComparer) -> None:
        self.inner = comparer
        self.open = asyncio.Event()
        self.open.set()

    async def startup(self, stage: Stage) -> None:
        await self.inner.startup(stage)

    async def shutdown(self) -> None:
        await self.inner.shutdown()

    def refuses(self, operation: Operation, compared: Stack, method: str) -> Reason | None:
        return self.inner.refuses(operation, compared, method)

    async def compare(self, exchange: Exchange, recording: Recording) -> Outcome:
        await self.open.wait()
        outcome = await self.inner.compare(exchange, recording)
        if outcome.detail:
            print(f"{exchange.operation}: {outcome.reason}: {outcome.detail}", file=sys.stderr)
        return outcome


class Told:
    """What the observer tells the bridge."""

    def __init__(self) -> None:
        self.examples: list[dict[str, Any]] = []
        self.dropped_why: list[str] = []

    def compared(self, exchange: Exchange, **told: Any) -> None:
        if told["different"]:
            self.examples.append(told["example"])

    def dropped(self, operation: Operation, trial: int, why: str) -> None:
        self.dropped_why.append(why)


class Drill:
    def __init__(self, client: httpx.AsyncClient, observer: ShadowObserver, told: Told) -> None:
        self.client, self.observer, self.told = client, observer, told
        self.headers: dict[str, str] = {}
        self.log: list[dict[str, Any]] = []

    async def ask(self, method: str, path: str, body: Any = None, note: str = "") -> Any:
        """One request, and what its shadow came to."""
        before = dict(self.observer.counters.counts)
        examples = len(self.told.examples)
        reply = await self.client.request(method, path, json=body, headers=self.headers)
        await self.observer.drained()
        after = self.observer.counters.counts
        new = [key for key, count in after.items() if count > before.get(key, 0)]
        verdict = "; ".join(f"{v}: {r}" if r else str(v) for _, v, r in new)
        self.log.append(
            {
                "request": f"{method} {path.split('?')[0]}",
                "note": note,
                "status": reply.status_code,
                "verdict": verdict,
                "differences": [
                    one
                    for example in self.told.examples[examples:]
                    for one in example["differences"]
                ],
            }
        )
        try:
            return reply.json()
        except ValueError:
            return None


def shadowed(
    wrap: Callable[[Any], Any], limits: Limits, environment: dict[str, str]
) -> tuple[Any, ShadowObserver, Gate, Told]:
    """A bridge whose ported operations are all in mode shadow; `wrap` may plant a bug in the port."""
    from legacy_bridge.bridge import create_bridge
    from legacy_bridge.legacy import InProcessLegacy

    made = assemble()
    assert made.database_url is not None
    comparer = CornflowComparer(made.database_url, environment=environment, legacy_in_process=True)
    gate = Gate(comparer)
    observer = ShadowObserver(gate, limits)
    told = Told()
    start = observer.startup

    async def with_results(stage: Stage) -> None:
        await start(Stage(stage.apps, stage.ported_state, told))

    observer.startup = with_results  # type: ignore[method-assign]
    bridge = create_bridge(
        ported=wrap(made.ported),
        legacy=InProcessLegacy(made.wsgi),  # type: ignore[arg-type]
        rules=made.rules,
        ported_operations=made.ported_operations,
        database_url=made.database_url,
        root=made.root,
        default_mode=Mode.SHADOW,
        observer=observer,
    )
    return bridge, observer, gate, told


def answer(value: Any) -> None:
    print("\nANSWER:" + json.dumps(value, default=str))
