"""What an operator's words mean: operations, groups, and why they mean nothing. Pure."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from legacy_bridge.modes.state import Stored
from legacy_bridge.operations.census import Census
from legacy_bridge.operations.operation import Operation

ALL_PORTED = "all-ported"


class ModeError(ValueError):
    """It can't be done; the text says what to do instead."""


class HeldError(ModeError):
    """It was rolled back and stays back until an operator says that it is to be tried again."""


class UnknownOperationError(ModeError):
    """Nothing matches; `alike` are the most alike."""

    def __init__(self, pattern: str, alike: Iterable[str]) -> None:
        self.alike = tuple(alike)
        text = f"no operation is called '{pattern}'"
        if self.alike:
            text += "; near: " + ", ".join(f"'{name}'" for name in self.alike)
        else:
            text += "; `cutover census` lists them all"
        super().__init__(text)


def select(census: Census, pattern: str) -> list[Operation]:
    """The operations a pattern means: one by its name, several by a glob, or ``all-ported``."""
    if pattern == ALL_PORTED:
        return sorted(census.ported)
    names = {str(entry.operation): entry.operation for entry in census.entries}
    cleaned = " ".join(pattern.split())
    if cleaned in names:
        return [names[cleaned]]
    matches = [operation for name, operation in names.items() if fnmatchcase(name, cleaned)]
    if not matches:
        raise UnknownOperationError(pattern, difflib.get_close_matches(cleaned, names, n=4))
    return sorted(matches)


def subjects(census: Census, stored: Stored, pattern: str) -> dict[str, tuple[str, ...]]:
    """What a pattern or the name of a group means, each subject with its operations."""
    groups = stored.groups
    if pattern in groups:
        return {pattern: groups[pattern]}
    group_of = stored.group_of
    chosen: dict[str, tuple[str, ...]] = {}
    for operation in select(census, pattern):
        name = str(operation)
        group = group_of.get(name)
        chosen[group or name] = groups[group] if group else (name,)
    return chosen


def needs_legacy(with_legacy: bool) -> None:
    if not with_legacy:
        raise ModeError("there is no legacy: the port answers everything and modes have no effect")


def must_be_ported(census: Census, chosen: Mapping[str, Iterable[str]], what: str) -> None:
    ported = {str(operation) for operation in census.ported}
    missing = sorted({one for members in chosen.values() for one in members} - ported)
    if missing:
        raise ModeError(
            f"the port does not implement {listed(missing)}, so the mode can't be {what}: "
            f"only ported operations can be set, '{ALL_PORTED}' means all of them"
        )


def listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:3])
    more = len(names) - 3
    return f"{shown} and {more} more" if more > 0 else shown
