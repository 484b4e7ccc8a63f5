"""All that the bridge keeps in the shared database, as values. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self


class NoteKind(StrEnum):
    """What a row of `bridge_state` is about."""

    SWITCH = "switch"
    SETTING = "setting"
    GROUP = "group"
    HOLD = "hold"
    RAMP = "ramp"
    BUDGET = "budget"


KILL = "kill"
"""The switch that gives every operation to the legacy."""
SALT, STICKY = "salt", "sticky"
"""The settings of canaries."""


def utc(moment: float) -> datetime:
    """Seconds since 1970 as the database keeps times."""
    return datetime.fromtimestamp(moment, UTC).replace(tzinfo=None)


def seconds(moment: datetime) -> float:
    """The opposite of `utc`."""
    return moment.replace(tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class StoredMode:
    """One row of `bridge_mode`. `mode` is text: a newer version may have written one we don't know."""

    mode: str
    changed_at: datetime
    changed_by: str
    why: str

    @property
    def trial(self) -> int:
        """Names this stay in this mode: evidence of an earlier one does not count for it."""
        return round(seconds(self.changed_at) * 1000)


@dataclass(frozen=True, slots=True)
class Note:
    """One row of `bridge_state`: its value, and who set it, when and why."""

    value: Mapping[str, Any]
    changed_at: datetime
    changed_by: str
    why: str


class RampState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    ABORTED = "aborted"
    ROLLED_BACK = "rolled back"

    @property
    def live(self) -> bool:
        return self in (RampState.RUNNING, RampState.PAUSED)


@dataclass(frozen=True, slots=True)
class Ramp:
    """A schedule: each step is a mode, kept until there is enough evidence for the next."""

    steps: tuple[str, ...]
    step: int
    """The step in force, from 0."""
    since: float
    """When it began, seconds since 1970; a pause starts it again."""
    samples: int
    """Replies of the stack on trial that a step needs, over all its operations."""
    seconds: float
    """How long a step lasts at least."""
    state: RampState = RampState.RUNNING

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        return cls(
            **{**value, "steps": tuple(value["steps"]), "state": RampState(value["state"])},
        )

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def at(self, step: int, now: float) -> Self:
        return replace(self, step=step, since=now)


@dataclass(frozen=True, slots=True)
class Stored:
    """All that is stored, at one revision."""

    revision: int
    modes: Mapping[str, StoredMode]
    """By operation."""
    notes: Mapping[NoteKind, Mapping[str, Note]] = field(default_factory=dict)
    """By kind and name."""

    def of(self, kind: NoteKind) -> Mapping[str, Note]:
        return self.notes.get(kind, {})

    @property
    def killed(self) -> Note | None:
        return self.of(NoteKind.SWITCH).get(KILL)

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        return {
            name: tuple(note.value["operations"]) for name, note in self.of(NoteKind.GROUP).items()
        }

    @property
    def group_of(self) -> dict[str, str]:
        """The group of each operation that has one."""
        return {one: name for name, members in self.groups.items() for one in members}

    @property
    def ramps(self) -> dict[str, Ramp]:
        """By operation or group."""
        return {name: Ramp.from_json(note.value) for name, note in self.of(NoteKind.RAMP).items()}

    def setting(self, name: str, default: str = "") -> str:
        note = self.of(NoteKind.SETTING).get(name)
        return default if note is None else str(note.value["value"])


@dataclass(frozen=True, slots=True)
class RecordedChange:
    """One line of the audit trail: what went from one value to another. Times are UTC."""

    changed_at: datetime
    changed_by: str
    operation: str
    """The operation, the group, or what else was changed."""
    from_mode: str
    to_mode: str
    why: str
    kind: str = "mode"


def shown(kind: str, value: Mapping[str, Any] | None) -> str:
    """A row's value as the audit trail says it."""
    if value is None:
        return ""
    if kind == NoteKind.RAMP:
        ramp = Ramp.from_json(value)
        return f"{ramp.state}, step {ramp.step + 1} of {len(ramp.steps)}: {ramp.steps[ramp.step]}"
    if kind == NoteKind.GROUP:
        return ", ".join(value["operations"])
    if kind in (NoteKind.SWITCH, NoteKind.HOLD):
        return "on"
    return ", ".join(f"{key} {one}" for key, one in value.items() if one is not None)
