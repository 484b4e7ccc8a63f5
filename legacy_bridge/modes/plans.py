"""What each action of an operator, or of the bridge itself, writes. Pure: from what is stored to writes.

A *subject* is what moves as one: an operation, or the group it belongs to.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from legacy_bridge.modes.budget import BudgetError, check
from legacy_bridge.modes.canary import Sticky, StickyError
from legacy_bridge.modes.decisions import DEFAULT
from legacy_bridge.modes.ramp import RampError, end_of
from legacy_bridge.modes.selection import (
    HeldError,
    ModeError,
    listed,
    must_be_ported,
    needs_legacy,
    select,
    subjects,
)
from legacy_bridge.modes.state import KILL, STICKY, NoteKind, Ramp, RampState, Stored
from legacy_bridge.modes.store import Breach, Writes
from legacy_bridge.operations.census import Census
from legacy_bridge.operations.operation import Assignment, Mode


def set_mode(
    census: Census,
    stored: Stored,
    pattern: str,
    assigned: Assignment,
    *,
    again: bool = False,
    with_legacy: bool = True,
) -> Writes:
    """Gives every subject of the pattern a mode. A ramp of it ends."""
    needs_legacy(with_legacy)
    chosen = subjects(census, stored, pattern)
    if assigned.mode is not Mode.LEGACY:
        must_be_ported(census, chosen, str(assigned))
    notes = _release(stored, chosen, again=again, ask=assigned.mode is not Mode.LEGACY)
    for name in chosen:
        ramp = stored.ramps.get(name)
        if ramp is not None and ramp.state.live:
            notes[NoteKind.RAMP, name] = replace(ramp, state=RampState.ABORTED).as_json()
    return Writes(_all(chosen, str(assigned)), notes)


def start_ramp(
    census: Census,
    stored: Stored,
    pattern: str,
    steps: Sequence[str],
    *,
    samples: int,
    step_seconds: float,
    now: float,
    again: bool = False,
    with_legacy: bool = True,
) -> Writes:
    """Puts every subject on the first step."""
    needs_legacy(with_legacy)
    if samples < 0 or step_seconds < 0:
        raise RampError("samples and seconds of a step can't be negative")
    chosen = subjects(census, stored, pattern)
    must_be_ported(census, chosen, "ramped")
    running = [name for name in chosen if name in stored.ramps and stored.ramps[name].state.live]
    if running:
        raise ModeError(
            f"{listed(running)} is on a ramp already: `cutover ramp resume`, or abort it first"
        )
    notes = _release(stored, chosen, again=again)
    ramp = Ramp(tuple(steps), 0, now, samples, step_seconds)
    for name in chosen:
        notes[NoteKind.RAMP, name] = ramp.as_json()
    return Writes(_all(chosen, steps[0]), notes)


def change_ramp(
    census: Census, stored: Stored, pattern: str, state: RampState, *, now: float
) -> Writes:
    """Pauses, resumes or aborts. An aborted ramp leaves the mode where it is."""
    chosen = subjects(census, stored, pattern)
    allowed = {
        RampState.PAUSED: {RampState.RUNNING},
        RampState.RUNNING: {RampState.PAUSED},
        RampState.ABORTED: {RampState.RUNNING, RampState.PAUSED},
    }[state]
    notes: dict[tuple[NoteKind, str], Mapping[str, Any] | None] = {}
    for name in chosen:
        ramp = stored.ramps.get(name)
        if ramp is not None and ramp.state in allowed:
            notes[NoteKind.RAMP, name] = replace(ramp.at(ramp.step, now), state=state).as_json()
    if not notes:
        raise ModeError(
            f"nothing to do: {listed(list(chosen))} has no ramp that is "
            f"{' or '.join(sorted(allowed))}; `cutover ramp start` begins one"
        )
    return Writes(notes=notes)


def advance(stored: Stored, name: str, judged: Ramp, members: Sequence[str], now: float) -> Writes:
    """The next step, or the end; nothing when another worker was faster or an operator acted."""
    if stored.ramps.get(name) != judged or stored.killed is not None:
        return Writes()
    if judged.step + 1 < len(judged.steps):
        after = judged.at(judged.step + 1, now)
        mode = after.steps[after.step]
    else:
        after = replace(judged, state=RampState.DONE)
        mode = end_of(judged)
    return Writes(_all({name: tuple(members)}, mode), {(NoteKind.RAMP, name): after.as_json()})


def rollback(census: Census, stored: Stored, pattern: str, *, with_legacy: bool = True) -> Writes:
    """By an operator: all back to the legacy, to stay there."""
    needs_legacy(with_legacy)
    ported = {str(operation) for operation in census.ported}
    chosen = {
        name: members
        for name, members in subjects(census, stored, pattern).items()
        if ported.intersection(members)
    }
    if not chosen:
        raise ModeError(
            f"'{pattern}': the port implements none of it, so the legacy answers anyway"
        )
    return Writes(_all(chosen, Mode.LEGACY.value), _hold(stored, chosen, {}))


def acknowledge(census: Census, stored: Stored, pattern: str) -> Writes:
    """Lifts the holds of what was rolled back; the modes stay where they are."""
    chosen = subjects(census, stored, pattern)
    held = [name for name in chosen if name in stored.of(NoteKind.HOLD)]
    if not held:
        raise ModeError(f"nothing to acknowledge: {listed(list(chosen))} is not held back")
    return Writes(notes={(NoteKind.HOLD, name): None for name in held})


def breach(
    stored: Stored,
    name: str,
    members: Sequence[str],
    trials: Mapping[str, int],
    recorded_breach: Breach,
) -> Writes:
    """By the bridge; nothing when the modes that were judged are not in force any more."""
    if stored.killed is not None or name in stored.of(NoteKind.HOLD):
        return Writes()
    if any(_trial(stored, one) != trial for one, trial in trials.items()):
        return Writes()
    chosen = {name: tuple(members)}
    notes = _hold(stored, chosen, {"operation": recorded_breach.operation})
    return Writes(_all(chosen, Mode.LEGACY.value), notes, (recorded_breach,))


def kill(stored: Stored, on: bool, *, with_legacy: bool = True) -> Writes:
    """Everything is the legacy's, until the switch is off again. Stored modes stay as they are."""
    needs_legacy(with_legacy)
    return Writes(notes={(NoteKind.SWITCH, KILL): {"on": True} if on else None})


def set_budget(census: Census, stored: Stored, name: str, changes: Mapping[str, Any]) -> Writes:
    """Overrides limits of an operation, a group, or with `*` of all; no changes: the defaults again."""
    if name != DEFAULT:
        (name,) = subjects(census, stored, name) if name in stored.groups else (_one(census, name),)
    if not changes:
        return Writes(notes={(NoteKind.BUDGET, name): None})
    note = stored.of(NoteKind.BUDGET).get(name)
    try:
        value = {**({} if note is None else note.value), **check(changes)}
    except BudgetError as error:
        raise ModeError(str(error)) from error
    return Writes(notes={(NoteKind.BUDGET, name): value})


def set_sticky(text: str) -> Writes:
    try:
        sticky = Sticky.parse(text)
    except StickyError as error:
        raise ModeError(str(error)) from error
    return Writes(notes={(NoteKind.SETTING, STICKY): {"value": str(sticky)}})


def _one(census: Census, name: str) -> str:
    operations = select(census, name)
    if len(operations) != 1:
        raise ModeError(
            f"'{name}' means {len(operations)} operations: a budget is of one, a group or *"
        )
    return str(operations[0])


def _release(
    stored: Stored, chosen: Mapping[str, Iterable[str]], *, again: bool, ask: bool = True
) -> dict[tuple[NoteKind, str], Mapping[str, Any] | None]:
    """The holds to lift. What goes to the legacy is held as before, and nobody is asked."""
    if not ask:
        return {}
    held = [name for name in chosen if name in stored.of(NoteKind.HOLD)]
    if held and not again:
        note = stored.of(NoteKind.HOLD)[held[0]]
        raise HeldError(
            f"{listed(held)} was rolled back by {note.changed_by} ({note.why or 'no reason given'}): "
            "see `cutover breaches`; when it is mended, say so with --again"
        )
    return {(NoteKind.HOLD, name): None for name in held}


def _hold(
    stored: Stored, chosen: Mapping[str, Iterable[str]], value: Mapping[str, Any]
) -> dict[tuple[NoteKind, str], Mapping[str, Any] | None]:
    notes: dict[tuple[NoteKind, str], Mapping[str, Any] | None] = {}
    for name in chosen:
        notes[NoteKind.HOLD, name] = {"since": time.time(), **value}
        ramp = stored.ramps.get(name)
        if ramp is not None and ramp.state.live:
            notes[NoteKind.RAMP, name] = replace(ramp, state=RampState.ROLLED_BACK).as_json()
    return notes


def _trial(stored: Stored, operation: str) -> int:
    row = stored.modes.get(operation) or stored.modes.get(DEFAULT)
    return 0 if row is None else row.trial


def _all(chosen: Mapping[str, Iterable[str]], mode: str) -> dict[str, str]:
    return {one: mode for members in chosen.values() for one in members}
