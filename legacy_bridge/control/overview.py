"""The bridge's state and evidence as JSON values, the same for the command line and the HTTP API."""

import time
from datetime import UTC, datetime
from typing import Any

from legacy_bridge.evidence.trials import Trial
from legacy_bridge.evidence.warden import Warden, move_of
from legacy_bridge.guards.switch import switched_off
from legacy_bridge.modes.ownership import Ownership
from legacy_bridge.modes.state import Note, NoteKind, Ramp, RecordedChange, Stored
from legacy_bridge.modes.store import Breach


def status_of(ownership: Ownership, warden: Warden | None = None) -> dict[str, Any]:
    """What `cutover status --json` prints; with a warden also the evidence and what it says."""
    decisions, stored = ownership.decisions, ownership.stored
    trials = {} if warden is None else {trial.name: trial for trial in warden.trials()}
    group_of, holds = stored.group_of, stored.of(NoteKind.HOLD)
    operations = []
    for entry in ownership.census.entries:
        name = str(entry.operation)
        row = stored.modes.get(name)
        subject = group_of.get(name, name)
        operations.append(
            {
                "operation": name,
                "name": entry.name,
                "ported": entry.ported,
                "guarded": entry.legacy_guarded,
                "mode": decisions.mode(entry.operation).value,
                "share": decisions.assignment(entry.operation).percent,
                "stored_mode": None if row is None else row.mode,
                "group": group_of.get(name),
                "held": subject in holds,
                "changed_by": None if row is None else row.changed_by,
                "changed_at": None if row is None else iso(row.changed_at),
                "why": None if row is None else row.why,
                "evidence": _evidence(trials.get(subject), name),
            }
        )
    return {
        "revision": decisions.revision,
        "default_mode": str(decisions.default),
        "killed": _note(stored.killed),
        "sticky": str(decisions.sticky),
        "groups": {name: list(members) for name, members in stored.groups.items()},
        "ramps": ramps_of(stored, trials),
        "holds": {name: _note(note) for name, note in holds.items()},
        "budgets": {name: dict(note.value) for name, note in stored.of(NoteKind.BUDGET).items()},
        "trouble": ownership.trouble or (None if warden is None else warden.trouble),
        "guards_off": list(switched_off(stored)),
        "ignored": list(decisions.ignored),
        "operations": operations,
    }


def ramps_of(stored: Stored, trials: dict[str, Trial]) -> list[dict[str, Any]]:
    """The ramps, each with what it waits for."""
    now = time.time()
    rows = []
    for name, ramp in sorted(stored.ramps.items()):
        trial = trials.get(name)
        note = stored.of(NoteKind.RAMP)[name]
        waits = f"the ramp is {ramp.state}"
        if ramp.state.live and trial is not None:
            waits = move_of(trial, now).why
        rows.append(
            {
                **_ramp(name, ramp, now),
                "verdict": None if trial is None else trial.judgement.verdict.value,
                "says": waits,
                "changed_by": note.changed_by,
                "changed_at": iso(note.changed_at),
                "why": note.why,
            }
        )
    return rows


def change_as_json(change: RecordedChange) -> dict[str, str]:
    return {
        "changed_at": iso(change.changed_at),
        "changed_by": change.changed_by,
        "kind": change.kind,
        "operation": change.operation,
        "from": change.from_mode,
        "to": change.to_mode,
        "why": change.why,
    }


def breach_as_json(breach: Breach) -> dict[str, Any]:
    at = datetime.fromtimestamp(breach.at, UTC).isoformat(timespec="milliseconds")
    return {"at": at, "name": breach.name, "operation": breach.operation, **breach.content}


def iso(moment: datetime) -> str:
    """A stored time, which is UTC."""
    return moment.replace(tzinfo=UTC).isoformat(timespec="seconds")


def _ramp(name: str, ramp: Ramp, now: float) -> dict[str, Any]:
    return {
        "name": name,
        "state": ramp.state.value,
        "steps": list(ramp.steps),
        "step": ramp.step + 1,
        "mode": ramp.steps[ramp.step],
        "samples": ramp.samples,
        "seconds": ramp.seconds,
        "step_seconds": round(now - ramp.since, 1) if ramp.state.live else None,
    }


def _evidence(trial: Trial | None, operation: str) -> dict[str, Any] | None:
    """Of one operation, over the long window."""
    one = None
    if trial is not None:
        one = next((one for one in trial.operations if one.operation == operation), None)
    if trial is None or one is None:
        return None
    return {
        **trial.judgements[operation].as_json(),
        "reason": trial.judgements[operation].reason,
        "ported": one.long.ported.figures(),
        "legacy": one.long.legacy.figures(),
        "recent": {"ported": one.short.ported.figures(), "legacy": one.short.legacy.figures()},
        "budget": one.budget.as_json(),
    }


def _note(note: Note | None) -> dict[str, Any] | None:
    if note is None:
        return None
    return {"by": note.changed_by, "at": iso(note.changed_at), "why": note.why}
