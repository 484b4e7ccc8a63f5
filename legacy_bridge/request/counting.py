"""Takes down what was seen of a request on its path, and counts it a little later, many at a time.

A request goes through so much code that what counts it must be fetched into the processor's caches anew
each time; sixty-four at once are counted in the time of ten. So on the path there is one append.
"""

from legacy_bridge.evidence.recorder import Recorder
from legacy_bridge.evidence.tally import Tally
from legacy_bridge.modes.decisions import Decision
from legacy_bridge.operations.operation import Stack
from legacy_bridge.telemetry.metrics import Metrics

_MANY = 64


class Counting:
    """Belongs to the event loop, as the counts do: whoever reads them there calls `catch_up` before."""

    def __init__(self, recorder: Recorder, metrics: Metrics) -> None:
        self.recorder = recorder
        self.metrics = metrics
        self._waiting: list[tuple[Decision, Stack, int, float]] = []
        recorder.before_batch(self.catch_up)

    def reply(self, decision: Decision, stack: Stack, status: int, seconds: float) -> None:
        """A stack has answered, and not failed."""
        waiting = self._waiting
        waiting.append((decision, stack, status, seconds))
        if len(waiting) >= _MANY:
            self.catch_up()

    def failure(self, decision: Decision, stack: Stack, status: int, seconds: float) -> Tally:
        """A stack has failed; what it is part of, to say how."""
        self.catch_up()
        self.metrics.request(decision.name, stack, status, seconds)
        return self.recorder.request(decision, stack, status, seconds)

    def unavailable(self, decision: Decision, stack: Stack, status: int, seconds: float) -> None:
        """What both stacks share was not to be had: shown to whoever watches, no evidence of anything."""
        self.metrics.request(decision.name, stack, status, seconds)

    def catch_up(self) -> None:
        """Nothing waits any more."""
        waiting, self._waiting = self._waiting, []
        for decision, stack, status, seconds in waiting:
            self.recorder.request(decision, stack, status, seconds)
            self.metrics.request(decision.name, stack, status, seconds)
