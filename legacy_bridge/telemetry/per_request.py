"""What is told of each request besides its counts: an access line, a span, the id its log lines carry."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Scope

from legacy_bridge.modes.decisions import Decision
from legacy_bridge.operations.operation import Stack
from legacy_bridge.telemetry.logs import REQUEST_ID, LogFormat, log_access, take_over
from legacy_bridge.telemetry.tracing import Tracing

End = Callable[[int, str], None]
"""Called with the status the client got (0: none) and who answered."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Nothing is done for what is not wanted."""

    log: LogFormat = LogFormat.TEXT
    access_log: bool = False
    tracing: Tracing | None = None

    @property
    def per_request(self) -> bool:
        return self.access_log or self.tracing is not None or self.log is LogFormat.JSON

    def startup(self) -> None:
        if self.log is LogFormat.JSON:
            take_over()

    def shutdown(self) -> None:
        if self.tracing is not None:
            self.tracing.shutdown()

    def around(self, app: ASGIApp, stack: Stack) -> ASGIApp:
        """The stack, with what is wanted of each call of it."""
        return app if self.tracing is None else self.tracing.child(app, stack)

    def begin(self, scope: Scope, decision: Decision, request_id: str) -> End:
        """May change the scope's headers: the stacks are told which span they belong to."""
        began = time.perf_counter()
        REQUEST_ID.set(request_id)
        end_span = None if self.tracing is None else self.tracing.begin(scope, decision, request_id)

        def end(status: int, stack: str) -> None:
            if end_span is not None:
                end_span(status, stack)
            if self.access_log:
                log_access(
                    scope,
                    decision,
                    status=status,
                    stack=stack,
                    request_id=request_id,
                    began=began,
                )

        return end
