"""Groups: operations that move together. Pure, as `plans.py`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from legacy_bridge.modes.selection import ModeError, listed, must_be_ported, select
from legacy_bridge.modes.state import NoteKind, Stored
from legacy_bridge.modes.store import Writes
from legacy_bridge.operations.census import Census


def declare_group(
    census: Census, stored: Stored, name: str, members: Sequence[str], *, unset: str
) -> Writes:
    """Operations that move together from now on. Without members the group ends.

    ``unset`` is the mode of an operation that has no row.
    """
    if not members:
        return _end_group(stored, name)
    if not name.strip() or "/" in name or " " in name or "*" in name:
        raise ModeError(f"'{name}' can't name a group: use a word without spaces, / or *")
    names = sorted({str(one) for pattern in members for one in select(census, pattern)})
    for one in names:
        must_be_ported(census, {one: (one,)}, "set")
        other = stored.group_of.get(one)
        if other not in (None, name):
            raise ModeError(f"'{one}' belongs to the group '{other}' already")
    _must_stand_still(stored, (name, *names))
    modes = {stored.modes[one].mode if one in stored.modes else unset for one in names}
    if len(modes) > 1:
        raise ModeError(
            f"the operations of '{name}' are in different modes now: set them to one mode first"
        )
    notes: dict[tuple[NoteKind, str], Mapping[str, Any] | None] = {
        (NoteKind.GROUP, name): {"operations": names}
    }
    # What was rolled back stays back, whoever it belongs to now.
    holds = stored.of(NoteKind.HOLD)
    if name in holds:
        for one in set(stored.groups.get(name, ())) - set(names):
            notes[NoteKind.HOLD, one] = holds[name].value
    for one in names:
        if one in holds:
            notes[NoteKind.HOLD, one] = None
            notes[NoteKind.HOLD, name] = holds[one].value
    return Writes(notes=notes)


def _end_group(stored: Stored, name: str) -> Writes:
    if name not in stored.groups:
        raise ModeError(f"there is no group '{name}'")
    _must_stand_still(stored, (name,))
    notes: dict[tuple[NoteKind, str], Mapping[str, Any] | None] = {(NoteKind.GROUP, name): None}
    held = stored.of(NoteKind.HOLD).get(name)
    if held is not None:
        notes[NoteKind.HOLD, name] = None
        notes.update({(NoteKind.HOLD, one): held.value for one in stored.groups[name]})
    return Writes(notes=notes)


def _must_stand_still(stored: Stored, names: Iterable[str]) -> None:
    ramps = stored.ramps
    moving = [one for one in names if one in ramps and ramps[one].state.live]
    if moving:
        raise ModeError(f"{listed(moving)} is on a ramp: abort it before you change the group")
