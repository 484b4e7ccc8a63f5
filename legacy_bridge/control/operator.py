"""Everything an operator can do, once, for the command line, the HTTP API and programs.

Each call changes all or nothing, is written to the audit trail, and is followed by every worker within
two seconds. Raises ModeError (with UnknownOperationError and HeldError) when it can't be done, StoreError
when the database is away. `pattern` is an operation, a group, a glob over operations, or `all-ported`.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from legacy_bridge.guards import switch as guard_switch
from legacy_bridge.modes import plans
from legacy_bridge.modes.groups import declare_group
from legacy_bridge.modes.ownership import Ownership
from legacy_bridge.modes.ramp import (
    DEFAULT_SAMPLES,
    DEFAULT_SECONDS,
    DEFAULT_STEPS,
    RampError,
    steps_of,
)
from legacy_bridge.modes.selection import ModeError
from legacy_bridge.modes.state import RampState, Stored
from legacy_bridge.modes.store import Breach, Plan, RecordedChange, Writes
from legacy_bridge.operations.operation import Assignment, AssignmentError, Mode


@dataclass(frozen=True)
class Operator:
    """Who acts, and why; both go into the audit trail."""

    ownership: Ownership
    who: str
    why: str = ""

    async def set_mode(
        self, pattern: str, mode: Assignment | Mode | str, *, again: bool = False
    ) -> list[RecordedChange]:
        """`mode` may be text: `shadow`, `canary 5%`. `again` tries what was rolled back once more."""
        try:
            assigned = Assignment.parse(mode)
        except AssignmentError as error:
            raise ModeError(str(error)) from error
        return await self.ownership.change(
            pattern, assigned, who=self.who, why=self.why, again=again
        )

    async def set_share(
        self, pattern: str, percent: float, *, again: bool = False
    ) -> list[RecordedChange]:
        """A canary of that many percent of the users."""
        return await self.set_mode(pattern, f"{Mode.CANARY} {percent}%", again=again)

    async def start_ramp(
        self,
        pattern: str,
        steps: str | Sequence[str] = DEFAULT_STEPS,
        *,
        samples: int = DEFAULT_SAMPLES,
        seconds: float = DEFAULT_SECONDS,
        again: bool = False,
    ) -> list[RecordedChange]:
        """Takes the first step now; the workers take the others as the evidence allows."""
        try:
            parsed_steps = steps_of(steps)
        except RampError as error:
            raise ModeError(str(error)) from error
        owner = self.ownership

        def plan(stored: Stored) -> Writes:
            return plans.start_ramp(
                owner.census,
                stored,
                pattern,
                parsed_steps,
                samples=samples,
                step_seconds=seconds,
                now=time.time(),
                again=again,
                with_legacy=owner.with_legacy,
            )

        return await self._apply(plan)

    async def pause(self, pattern: str) -> list[RecordedChange]:
        """The mode stays; a breach still takes it back."""
        return await self._change_ramp(pattern, RampState.PAUSED)

    async def resume(self, pattern: str) -> list[RecordedChange]:
        """The time of the step begins anew."""
        return await self._change_ramp(pattern, RampState.RUNNING)

    async def abort(self, pattern: str) -> list[RecordedChange]:
        """The ramp is over; the mode stays."""
        return await self._change_ramp(pattern, RampState.ABORTED)

    async def rollback(self, pattern: str) -> list[RecordedChange]:
        """Back to the legacy, and held there."""
        owner = self.ownership
        return await self._apply(
            lambda stored: plans.rollback(
                owner.census, stored, pattern, with_legacy=owner.with_legacy
            )
        )

    async def acknowledge(self, pattern: str) -> list[RecordedChange]:
        """Lifts the hold of a rollback; the legacy goes on answering until a mode is set."""
        census = self.ownership.census
        return await self._apply(lambda stored: plans.acknowledge(census, stored, pattern))

    async def kill(self) -> list[RecordedChange]:
        """Everything to the legacy at once. What is stored stays, for `unkill`."""
        return await self._switch(on=True)

    async def unkill(self) -> list[RecordedChange]:
        return await self._switch(on=False)

    async def declare_group(self, name: str, operations: Sequence[str]) -> list[RecordedChange]:
        """Operations that move together. Their modes must be one already."""
        if not operations:
            raise ModeError(f"say which operations belong to '{name}'")
        return await self._group(name, operations)

    async def drop_group(self, name: str) -> list[RecordedChange]:
        """Its operations keep their mode and move alone again."""
        return await self._group(name, ())

    async def set_budget(self, name: str, limits: Mapping[str, Any]) -> list[RecordedChange]:
        """`name` is an operation, a group, or `*`; without limits its own ones end."""
        census = self.ownership.census
        return await self._apply(lambda stored: plans.set_budget(census, stored, name, limits))

    async def set_sticky(self, to: str) -> list[RecordedChange]:
        """What a canary's share sticks to: user, header:NAME or cookie:NAME."""
        return await self._apply(lambda _: plans.set_sticky(to))

    async def switch_guard(self, name: str, *, on: bool) -> list[RecordedChange]:
        """Of a guard; one that is off lets every request pass."""
        return await self._apply(lambda _: guard_switch.plan(name, on=on))

    async def history(self, limit: int = 100) -> list[RecordedChange]:
        return await self.ownership.store.history(limit)

    async def breaches(self, limit: int = 20, name: str | None = None) -> list[Breach]:
        return await self.ownership.store.breaches(limit, name)

    async def _change_ramp(self, pattern: str, state: RampState) -> list[RecordedChange]:
        census = self.ownership.census
        return await self._apply(
            lambda stored: plans.change_ramp(census, stored, pattern, state, now=time.time())
        )

    async def _group(self, name: str, operations: Sequence[str]) -> list[RecordedChange]:
        census, unset = self.ownership.census, str(self.ownership.decisions.default)
        return await self._apply(
            lambda stored: declare_group(census, stored, name, operations, unset=unset)
        )

    async def _switch(self, *, on: bool) -> list[RecordedChange]:
        with_legacy = self.ownership.with_legacy
        return await self._apply(lambda stored: plans.kill(stored, on, with_legacy=with_legacy))

    async def _apply(self, plan: Plan) -> list[RecordedChange]:
        return await self.ownership.apply(plan, who=self.who, why=self.why)
