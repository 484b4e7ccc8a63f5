"""One request: which operation, which stack, what was seen of it, and who steps in when the port fails."""

import logging
import time
from collections.abc import Mapping

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from legacy_bridge.comparison import Observer, Results, Stage
from legacy_bridge.decisions import Decision, Decisions
from legacy_bridge.edge import REQUEST_ID, Lifespan, mount_point, put_right
from legacy_bridge.match import Match, Matcher
from legacy_bridge.metrics import Metrics
from legacy_bridge.operation import Mode, Operation, Stack
from legacy_bridge.ownership import Ownership
from legacy_bridge.recorder import Recorder
from legacy_bridge.replies import send_error
from legacy_bridge.seen import Seen
from legacy_bridge.telemetry import Telemetry

_log = logging.getLogger(__name__)

_SERVED_BY = {stack: (b"x-served-by", stack.value.encode()) for stack in Stack}
_SERVED_BY_BRIDGE = (b"x-served-by", b"bridge")
_SAFE_METHODS = frozenset({"GET", "HEAD"})


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
    ) -> None:
        telemetry = telemetry or Telemetry()
        self._metrics = metrics or Metrics()
        self._telemetry = telemetry if telemetry.per_request else None
        stacks = {Stack.PORTED: ported} | ({} if legacy is None else {Stack.LEGACY: legacy})
        self._apps: Mapping[Stack, ASGIApp] = {
            stack: telemetry.around(app, stack) for stack, app in stacks.items()
        }
        self._match = matcher.match
        self._ownership = ownership
        self._recorder = recorder
        self._allow_force = allow_force
        self._observer = observer
        self.ported_lifespan = Lifespan(ported)

    def stage(self, results: Results) -> Stage:
        """For an observer, once both stacks run."""
        return Stage(self._apps, self.ported_lifespan.state, results)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fields = put_right(scope["headers"])
        decisions = self._ownership.decisions
        match = self._match(scope["method"], mount_point(scope).path_info)
        decision = decisions.decide(match, fields.headers, scope)
        reply = MarkedReply(send, fields.request_id)
        scope["headers"] = fields.headers
        if self._allow_force and fields.force is not None:
            try:
                decision = self._forced(fields.force, match, decisions)
            except _ForceError as error:
                await reply.refuse(400, str(error))
                return
        end = None
        if self._telemetry is not None:
            end = self._telemetry.begin(scope, decision, reply.request_id)
        seen = self._see(decision, scope, fields.request_id)
        if seen is not None:
            receive, reply.seen = seen.receive(receive), seen
        try:
            await self._answer(decision, scope, receive, reply)
        finally:
            if end is not None:
                end(reply.status if reply.started else 0, reply.served_by[1].decode())
            if seen is not None and self._observer is not None and not reply.failed:
                self._observer.take(seen.exchange())

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

    def _see(self, decision: Decision, scope: Scope, request_id: bytes) -> Seen | None:
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
        return Seen(decision, compared, scope, request_id, observer.body_limit)

    async def _answer(
        self, decision: Decision, scope: Scope, receive: Receive, reply: "MarkedReply"
    ) -> None:
        if decision.primary is Stack.PORTED and self._may_step_in(decision, scope):
            # A stack writes into its scope; the legacy, should it be needed, gets what came in.
            untouched = dict(scope)
            reply.on_trial = True
            await self._ask(decision, Stack.PORTED, scope, receive, reply)
            if reply.failed:
                reply.on_trial, reply.status, reply.status_at = False, 0, 0.0
                await self._ask(decision, Stack.LEGACY, untouched, _no_body(receive), reply)
        else:
            await self._ask(decision, decision.primary, scope, receive, reply)

    def _may_step_in(self, decision: Decision, scope: Scope) -> bool:
        """Whether the legacy may answer what the port could not: only what changes nothing."""
        return (
            decision.operation is not None
            and scope["method"] in _SAFE_METHODS
            and Stack.LEGACY in self._apps
            and not _has_body(scope)
        )

    async def _ask(
        self, decision: Decision, stack: Stack, scope: Scope, receive: Receive, reply: "MarkedReply"
    ) -> None:
        reply.served_by = _SERVED_BY[stack]
        if stack is Stack.PORTED:
            scope["state"] = {**scope.get("state", {}), **self.ported_lifespan.state}
        began = time.perf_counter()
        error: Exception | None = None
        try:
            await self._apps[stack](scope, receive, reply)
        except Exception as raised:
            error = raised
        if decision.operation is not None:
            self._count(decision, stack, scope, reply, error, began)
        if error is None:
            return
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

    def _count(
        self,
        decision: Decision,
        stack: Stack,
        scope: Scope,
        reply: "MarkedReply",
        error: Exception | None,
        began: float,
    ) -> None:
        # A reply that broke off is none, whatever it said at its beginning.
        status = reply.status if error is None or reply.status >= 500 else 0
        if (status == 0 and error is None) or isinstance(error, ClientDisconnect):
            # The client went away before there was anything to answer: nobody's fault.
            return
        ended = reply.status_at or time.perf_counter()
        tally = self._recorder.request(decision, stack, status, ended - began)
        self._metrics.request(decision.name, stack, status, ended - began)
        if error is not None:
            tally.exceptions += 1
        if stack is Stack.PORTED and (status >= 500 or status == 0):
            steps_in = reply.on_trial and not reply.started
            if steps_in:
                tally.fallbacks += 1
                self._metrics.fell_back(decision.name)
            self._recorder.example(
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


class MarkedReply:
    """The server's `send`, adding to the reply who made it and which request it answers.

    While `on_trial`, a 5xx does not go out: `failed` says so, and another stack may answer.
    """

    __slots__ = (
        "_request_id", "_send", "failed", "on_trial", "seen", "served_by", "started", "status",
        "status_at",
    )  # fmt: skip

    def __init__(self, send: Send, request_id: bytes) -> None:
        self._send = send
        self._request_id = request_id
        self.served_by = _SERVED_BY_BRIDGE
        self.started = False
        """The client has got a status."""
        self.status = 0
        """The last status a stack said, whether it went out or not."""
        self.status_at = 0.0
        self.on_trial = False
        self.failed = False
        self.seen: Seen | None = None

    @property
    def request_id(self) -> str:
        return self._request_id.decode("latin-1")

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.status_at = message["status"], time.perf_counter()
            if self.on_trial and self.status >= 500:
                self.failed = True
        if self.failed and self.on_trial:
            return
        if self.seen is not None:
            self.seen.replied(message)
        if message["type"] == "http.response.start":
            self.started = True
            headers = [*message.get("headers", ()), self.served_by]
            if all(name != REQUEST_ID for name, _ in headers):
                headers.append((REQUEST_ID, self._request_id))
            message["headers"] = headers
        await self._send(message)

    async def refuse(self, status: int, text: str) -> None:
        await send_error(self, status, text)


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )


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
