"""One request: which operation, which stack, what was seen of it, and who steps in when the port fails."""

import logging
import time
from collections.abc import Coroutine, Mapping
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from legacy_bridge.evidence.recorder import Recorder
from legacy_bridge.guards.gate import Gate
from legacy_bridge.modes.decisions import Decision, Decisions
from legacy_bridge.modes.ownership import Ownership
from legacy_bridge.operations.match import Match, Matcher
from legacy_bridge.operations.operation import Mode, Operation, Stack
from legacy_bridge.request.counting import Counting
from legacy_bridge.request.marked_reply import BY_BRIDGE, BY_LEGACY, BY_PORTED, MarkedReply
from legacy_bridge.request.watched_exchange import WatchedExchange
from legacy_bridge.shadow.contract import ComparisonStage, Observer, Results
from legacy_bridge.stacks.edge import Fields, Lifespan, path_info, put_right
from legacy_bridge.stacks.replies import send_error
from legacy_bridge.telemetry.metrics import Metrics
from legacy_bridge.telemetry.per_request import Telemetry

_log = logging.getLogger(__name__)

# A member of an enumeration is looked up each time it is named.
_LEGACY, _PORTED = Stack.LEGACY, Stack.PORTED
MATCHED_RULE = "matched_rule"
"""In a ported request's scope: the rule its path has, as Flask writes it. A port need not look again."""
_READING_METHODS = frozenset({"GET", "HEAD"})
"""Of the safe methods those whose reply shows data: only for these the legacy may stand in for the port."""


class Dispatcher:
    """Decides for each request which stack answers it, and says so on the reply."""

    def __init__(
        self,
        *,
        ported: ASGIApp,
        legacy: ASGIApp | None,
        matcher: Matcher,
        ownership: Ownership,
        recorder: Recorder,
        allow_force: bool,
        observer: Observer | None = None,
        metrics: Metrics | None = None,
        telemetry: Telemetry | None = None,
        gate: Gate | None = None,
    ) -> None:
        telemetry = telemetry or Telemetry()
        self.counting = Counting(recorder, metrics or Metrics())
        self._telemetry = telemetry if telemetry.per_request else None
        stacks = {Stack.PORTED: ported} | ({} if legacy is None else {Stack.LEGACY: legacy})
        self._apps: Mapping[Stack, ASGIApp] = {
            stack: telemetry.around(app, stack) for stack, app in stacks.items()
        }
        self._ported, self._legacy = self._apps[_PORTED], self._apps.get(_LEGACY)
        self._match = matcher.match
        self._ownership = ownership
        self._allow_force = allow_force
        self._observer = observer
        self._gate = gate
        self.ported_lifespan = Lifespan(ported)

    def stage(self, results: Results) -> ComparisonStage:
        """For an observer, once both stacks run."""
        return ComparisonStage(self._apps, self.ported_lifespan.state, results)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        # Deciding waits for nothing, so it is done here and not in one more coroutine, through which
        # whatever the stack waits for would have to go.
        fields = put_right(scope["headers"])
        scope["headers"] = fields.headers
        match = self._match(scope["method"], path_info(scope))
        decisions = self._ownership.decisions
        decision = decisions.decide(match, fields.headers, scope)
        reply = MarkedReply(send, fields.request_id)
        if self._allow_force and fields.force is not None:
            try:
                decision = self._forced(fields.force, match, decisions)
            except _ForceError as error:
                return reply.refuse(400, str(error))
        if decision.compared is None and self._telemetry is None:
            return self._answer(decision, scope, receive, reply, fields)
        return self._watched(decision, scope, receive, reply, fields)

    async def _watched(
        self,
        decision: Decision,
        scope: Scope,
        receive: Receive,
        reply: MarkedReply,
        fields: Fields,
    ) -> None:
        """An answer that more is told of than its counts."""
        end = None
        if self._telemetry is not None:
            end = self._telemetry.begin(scope, decision, reply.request_id)
        watched = self._see(decision, scope, fields.request_id)
        if watched is not None:
            receive, reply.watched = watched.receive(receive), watched
        try:
            await self._answer(decision, scope, receive, reply, fields)
        finally:
            if end is not None:
                end(reply.status if reply.started else 0, reply.served_by[1].decode())
            # What a guard refuses no stack has answered: there is nothing to compare.
            is_answered = reply.served_by is not BY_BRIDGE and not (
                reply.failed or reply.unavailable
            )
            if watched is not None and self._observer is not None and is_answered:
                self._observer.take(watched.exchange())

    def _forced(self, force: bytes, match: Match, decisions: Decisions) -> Decision:
        """What `X-Force-Stack` wants: no evidence of anything, and nobody steps in."""
        try:
            stack = Stack(force.decode("latin-1"))
        except ValueError:
            raise _ForceError(f"X-Force-Stack must be {' or '.join(self._apps)}") from None
        if stack not in self._apps:
            raise _ForceError(f"X-Force-Stack: there is no {stack} stack here")
        if stack is Stack.PORTED and not decisions.can_be_ported(match):
            what = match if isinstance(match, Operation) else "this path"
            raise _ForceError(f"X-Force-Stack: {what} is not ported")
        return Decision(None, stack, None, Mode(stack.value), 0, "")

    def _see(self, decision: Decision, scope: Scope, request_id: bytes) -> WatchedExchange | None:
        observer, operation, compared = self._observer, decision.operation, decision.compared
        if compared is None or observer is None or operation is None:
            return None
        try:
            if not observer.wants(operation, decision.mode, compared, scope):
                return None
        except Exception:
            # What only wants to look must not keep the client from its reply.
            _log.exception("%s: whether to compare it can't be told", operation)
            return None
        return WatchedExchange(decision, compared, scope, request_id, observer.body_limit)

    def _answer(
        self,
        decision: Decision,
        scope: Scope,
        receive: Receive,
        reply: MarkedReply,
        fields: Fields,
    ) -> Coroutine[Any, Any, None]:
        if decision.primary is not _PORTED:
            return self._ask_legacy(decision, scope, receive, reply)
        untouched: Scope | None = None
        if (
            self._legacy is not None
            and decision.operation is not None
            and scope["method"] in _READING_METHODS
            and not fields.has_body
        ):
            # The legacy may answer what the port can't, since nothing is changed by it. A stack writes
            # into its scope; the legacy, should it be needed, gets what came in.
            untouched = dict(scope)
            reply.on_trial = True
        if decision.operation is not None:
            scope[MATCHED_RULE] = decision.operation.rule
        scope["state"] = {**scope.get("state", {}), **self.ported_lifespan.state}
        return self._ask(decision, _PORTED, scope, receive, reply, untouched)

    def _ask_legacy(
        self, decision: Decision, scope: Scope, receive: Receive, reply: MarkedReply
    ) -> Coroutine[Any, Any, None]:
        """The legacy, unless a guard of the operation refuses."""
        gate, operation = self._gate, decision.operation
        if gate is None or operation is None or operation not in gate:
            return self._ask(decision, _LEGACY, scope, receive, reply)

        async def legacy(scope: Scope, receive: Receive, _: Send) -> None:
            await self._ask(decision, _LEGACY, scope, receive, reply)

        reply.served_by = BY_BRIDGE
        return gate.admit(operation, legacy, scope, receive, reply)

    async def _ask(
        self,
        decision: Decision,
        stack: Stack,
        scope: Scope,
        receive: Receive,
        reply: MarkedReply,
        untouched: Scope | None = None,
    ) -> None:
        if stack is _PORTED:
            reply.served_by, app = BY_PORTED, self._ported
        else:
            assert self._legacy is not None, "without it, all is the port's"
            reply.served_by, app = BY_LEGACY, self._legacy
        began = time.perf_counter()
        error: Exception | None = None
        try:
            await app(scope, receive, reply)
        except Exception as raised:
            error = raised
        if decision.operation is not None:
            if error is None and 0 < reply.status < 500:
                self.counting.reply(decision, stack, reply.status, reply.status_at - began)
            elif error is None and reply.unavailable:
                self.counting.unavailable(decision, stack, reply.status, reply.status_at - began)
            else:
                self._count_failure(decision, stack, scope, reply, error, began)
        if error is not None:
            await self._after_failure(error, stack, scope, reply)
        if untouched is not None and reply.failed:
            reply.start_again()
            await self._ask_legacy(decision, untouched, _no_body(receive), reply)

    async def _after_failure(
        self, error: Exception, stack: Stack, scope: Scope, reply: MarkedReply
    ) -> None:
        """What the client gets when a stack has raised."""
        if reply.started:
            # Too late for a status: the server cuts the connection, so that the client knows.
            raise error
        _log.error(
            "%s %s: the %s stack failed, request id %s",
            scope["method"],
            scope["path"],
            stack,
            reply.request_id,
            exc_info=error,
        )
        if reply.on_trial:
            reply.failed = True
        else:
            await send_error(reply, 500, "Internal server error")

    def _count_failure(
        self,
        decision: Decision,
        stack: Stack,
        scope: Scope,
        reply: MarkedReply,
        error: Exception | None,
        began: float,
    ) -> None:
        # A reply that broke off is none, whatever it said at its beginning.
        status = reply.status if error is None or reply.status >= 500 else 0
        if (status == 0 and error is None) or isinstance(error, ClientDisconnect):
            # The client went away before there was anything to answer: nobody's fault.
            return
        ended = reply.status_at or time.perf_counter()
        tally = self.counting.failure(decision, stack, status, ended - began)
        if error is not None:
            tally.exceptions += 1
        if stack is Stack.PORTED and (status >= 500 or status == 0):
            steps_in = reply.on_trial and not reply.started
            if steps_in:
                tally.fallbacks += 1
                self.counting.metrics.fell_back(decision.name)
            self.counting.recorder.example(
                decision.name,
                decision.trial,
                "error",
                {
                    "method": scope["method"],
                    "path": scope["path"],
                    "status": status,
                    "error": None if error is None else repr(error)[:500],
                    "mode": decision.mode.value,
                    "request_id": reply.request_id,
                    "answered_by": "legacy" if steps_in else "ported",
                },
            )


class _ForceError(ValueError):
    """`X-Force-Stack` wants what is not there."""


def _no_body(receive: Receive) -> Receive:
    """The end of a request once more, for a stack that comes second; then what the server says."""
    first = True

    async def again() -> Message:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": b"", "more_body": False}
        return await receive()

    return again
