"""Which stack owns which operation, now: a snapshot in memory, kept fresh from the database.

On a request's path a decision is a dictionary look-up. A task looks for a new revision twice a second,
so every worker of every replica follows a change within two seconds. While the database is down the
last known modes stay in force.
"""

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field

from legacy_bridge.modes import plans
from legacy_bridge.modes.decisions import DEFAULT, Decisions, decide
from legacy_bridge.modes.selection import ModeError, UnknownOperationError
from legacy_bridge.modes.store import ModeStore, Plan, RecordedChange, Stored, StoreError, Writes
from legacy_bridge.operations.census import Census
from legacy_bridge.operations.operation import Assignment, Mode

__all__ = ["ModeError", "Ownership", "UnknownOperationError"]

POLL_SECONDS = 0.5

_log = logging.getLogger(__name__)


@dataclass
class Ownership:
    """The current decisions of this process, and the task that keeps them current."""

    store: ModeStore
    census: Census
    default: Mode = Mode.LEGACY
    with_legacy: bool = True
    poll_seconds: float = POLL_SECONDS
    decisions: Decisions = field(init=False)
    stored: Stored = field(init=False, default_factory=lambda: Stored(-1, {}))
    trouble: str | None = field(init=False, default=None)
    """Why the last look failed; the modes are the last known ones then."""

    def __post_init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._refreshing = asyncio.Lock()
        self._accept(self.stored)

    async def start(self) -> None:
        """Creates the tables, reads the modes, keeps looking. StoreError when the database is away:
        a process that has never known the modes must not guess."""
        await self.read()
        self._task = asyncio.create_task(self._watch(), name="bridge modes")

    async def read(self) -> None:
        """Creates the tables when they are missing and reads the modes once."""
        await self.store.create()
        self._accept(await self.store.load())

    async def set_default(self, mode: Mode, *, who: str, why: str) -> list[RecordedChange]:
        """The mode of all ported operations that nobody has set, for every worker."""
        unset = str(self.decisions.default)
        done = await self.store.change({DEFAULT: mode.value}, unset=unset, who=who, why=why)
        await self.refresh()
        return done

    async def stop(self) -> None:
        if self._task is not None:
            # Asked, not cancelled: a query cut in the middle leaves its connection in disorder.
            self._stopping.set()
            await self._task
        await self.store.close()

    async def refresh(self) -> None:
        """Reads the modes if they have changed."""
        # One after the other: what is read first must not be accepted last.
        async with self._refreshing:
            if await self.store.revision() != self.stored.revision:
                self._accept(await self.store.load())

    async def apply(self, plan: Plan, *, who: str, why: str) -> list[RecordedChange]:
        """Writes what the plan says, then follows. Other processes follow by themselves."""
        unset = str(self.decisions.default)
        done = await self.store.apply(plan, unset=unset, who=who, why=why)
        await self.refresh()
        return done

    async def change(
        self, pattern: str, mode: Assignment | Mode, *, who: str, why: str, again: bool = False
    ) -> list[RecordedChange]:
        """Sets the mode of an operation, a group, several by a glob, or `all-ported`."""
        assigned = Assignment(mode) if isinstance(mode, Mode) else mode

        def plan(stored: Stored) -> Writes:
            return plans.set_mode(
                self.census, stored, pattern, assigned, again=again, with_legacy=self.with_legacy
            )

        return await self.apply(plan, who=who, why=why)

    def _accept(self, stored: Stored) -> None:
        decisions = decide(stored, self.census, default=self.default, with_legacy=self.with_legacy)
        for reason in decisions.ignored:
            _log.warning("stored mode without effect: %s", reason)
        self.stored, self.decisions = stored, decisions

    async def _watch(self) -> None:
        while not await self._pause():
            try:
                await self.refresh()
            except StoreError as error:
                if self.trouble is None:
                    _log.error("modes can't be read, the last known ones stay: %s", error)
                self.trouble = str(error)
            except Exception:
                # The watch must outlive any single failure.
                self.trouble = "unexpected error, see the log"
                _log.exception("modes can't be read, the last known ones stay")
            else:
                if self.trouble is not None:
                    _log.warning("modes can be read again")
                self.trouble = None

    async def _pause(self) -> bool:
        """True when it is time to stop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.poll_seconds):
                await self._stopping.wait()
        return self._stopping.is_set()
