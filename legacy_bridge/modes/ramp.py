"""When a ramp goes on. Pure."""

import itertools
from collections.abc import Iterable

from legacy_bridge.modes.state import Ramp
from legacy_bridge.operations.operation import Assignment, AssignmentError, Mode

DEFAULT_STEPS = ("canary 1%", "canary 5%", "canary 25%", "canary 50%", "canary 100%")
DEFAULT_SAMPLES = 50
DEFAULT_SECONDS = 60.0

_WHOLE = Assignment.parse("canary 100%")


class RampError(ValueError):
    """The steps make no ramp."""


def steps_of(text: str | Iterable[str]) -> tuple[str, ...]:
    """`shadow,1,5,25,50,100`: modes and shares, each further than the one before."""
    words = text.split(",") if isinstance(text, str) else list(text)
    try:
        assignments = [Assignment.parse(word) for word in words if word.strip()]
    except AssignmentError as error:
        raise RampError(str(error)) from error
    if not assignments:
        raise RampError("a ramp needs steps, for example 1,5,25,50,100")
    order = list(Mode)
    for before, after in itertools.pairwise(assignments):
        if (order.index(after.mode), after.share) <= (order.index(before.mode), before.share):
            raise RampError(f"'{after}' does not go further than '{before}'")
    if assignments[0].mode is Mode.LEGACY:
        raise RampError("a ramp begins where the port is asked: shadow, a share, mirror or ported")
    return tuple(str(one) for one in assignments)


def end_of(ramp: Ramp) -> str:
    """The mode a finished ramp leaves: all users are `ported`."""
    last = ramp.steps[-1]
    return Mode.PORTED.value if Assignment.parse(last) == _WHOLE else last
