"""The operator's switch of a guard, kept beside the modes: every worker follows within two seconds. Pure."""

from collections.abc import Iterator

from legacy_bridge.modes.state import NoteKind, Stored
from legacy_bridge.modes.store import Writes

_PREFIX = "guard "
_OFF = "off"


def is_on(stored: Stored, name: str) -> bool:
    return stored.setting(_PREFIX + name) != _OFF


def switched_off(stored: Stored) -> Iterator[str]:
    for name in sorted(stored.of(NoteKind.SETTING)):
        if name.startswith(_PREFIX) and not is_on(stored, name.removeprefix(_PREFIX)):
            yield name.removeprefix(_PREFIX)


def plan(name: str, *, on: bool) -> Writes:
    """What switching writes."""
    return Writes(
        notes={(NoteKind.SETTING, _PREFIX + name): None if on else {"value": _OFF}},
    )
