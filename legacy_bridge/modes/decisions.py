"""Which stack answers a request, at one revision of what is stored. Pure.

For most operations the answer is ready and found by one look into a dictionary; for a canary the user's
number is compared with the share.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from starlette.types import Scope

from legacy_bridge.modes.canary import WHOLE, Sticky, StickyError, identity, number, seed_of
from legacy_bridge.modes.state import SALT, STICKY, Stored
from legacy_bridge.operations.census import Census
from legacy_bridge.operations.match import Infrastructure, Match, OptionsRequest
from legacy_bridge.operations.operation import Assignment, AssignmentError, Mode, Operation, Stack
from legacy_bridge.stacks.edge import Headers

DEFAULT = "*"
"""The stored row that says the mode of every ported operation that has no row of its own."""


class Decision(NamedTuple):
    """Who answers one request, and who is asked too."""

    operation: Operation | None
    """None for paths that are no operation."""
    primary: Stack
    compared: Stack | None
    mode: Mode
    trial: int
    name: str
    """The operation as evidence keys it."""


class _Canary(NamedTuple):
    share: int
    seed: bytes
    inside: Decision
    outside: Decision


@dataclass(frozen=True)
class Decisions:
    """Who answers what. Immutable: a new revision makes a new one."""

    revision: int
    modes: Mapping[Operation, Assignment]
    """Every ported operation, as it is applied. What is not here is the legacy's."""
    options: Mapping[str, Stack]
    """The stack that answers OPTIONS of a rule, where that is not the legacy."""
    elsewhere: Stack
    """Who answers paths that are no operation."""
    default: Assignment
    """The mode of a ported operation that nobody has set."""
    killed: bool = False
    sticky: Sticky = field(default_factory=Sticky)
    salt: str = ""
    group_of: Mapping[Operation, str] = field(default_factory=dict)
    trials: Mapping[Operation, int] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    """Stored rows that have no effect, each with its reason."""
    _ready: dict[Operation, Decision | _Canary] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ready = {operation: self._prepare(operation) for operation in self.modes}
        object.__setattr__(self, "_ready", ready)

    def _prepare(self, operation: Operation) -> "Decision | _Canary":
        assigned, trial = self.modes[operation], self.trials.get(operation, 0)
        mode, name = assigned.mode, str(operation)
        rest = Decision(operation, mode.stack, mode.compared, mode, trial, name)
        if mode is not Mode.CANARY:
            return rest
        chosen = Decision(operation, Stack.PORTED, None, mode, trial, name)
        if assigned.share >= WHOLE:
            return chosen
        seed = seed_of(self.salt, self.group_of.get(operation, name))
        return _Canary(assigned.share, seed, inside=chosen, outside=rest)

    def decide(self, match: Match, headers: Headers, scope: Scope) -> Decision:
        """The one call on the path of every request."""
        if type(match) is Operation:
            ready = self._ready.get(match)
            if ready is None:
                stack = self.elsewhere
                ready = Decision(match, stack, None, Mode(stack.value), 0, str(match))
                self._ready[match] = ready
            if type(ready) is Decision:
                return ready
            assert isinstance(ready, _Canary)
            who = number(ready.seed, identity(self.sticky, headers, scope))
            return ready.inside if who < ready.share else ready.outside
        stack = self.stack(match)
        return Decision(None, stack, None, Mode(stack.value), 0, "")

    def assignment(self, operation: Operation) -> Assignment:
        return self.modes.get(operation) or Assignment(Mode(self.elsewhere.value))

    def mode(self, operation: Operation) -> Mode:
        return self.assignment(operation).mode

    def stack(self, match: Match) -> Stack:
        """Who answers those outside a canary's share."""
        if type(match) is Operation:
            assigned = self.modes.get(match)
            return self.elsewhere if assigned is None else assigned.mode.stack
        if type(match) is OptionsRequest:
            return self.options.get(match.rule, self.elsewhere)
        return self.elsewhere

    def can_be_ported(self, match: Match) -> bool:
        """Whether the port may answer at all. It may refuse what neither stack has."""
        if type(match) is Operation:
            return match in self.modes
        if type(match) is OptionsRequest:
            return any(operation.rule == match.rule for operation in self.modes)
        return not isinstance(match, Infrastructure)


def decide(
    stored: Stored, census: Census, *, default: Mode = Mode.LEGACY, with_legacy: bool = True
) -> Decisions:
    """The decisions that follow from what is stored. Without a legacy all is the port's."""
    if not with_legacy:
        alone = Assignment(Mode.PORTED)
        modes = dict.fromkeys(census.ported, alone)
        return Decisions(stored.revision, modes, {}, Stack.PORTED, alone)
    by_name = {str(operation): operation for operation in census.operations}
    standard = Assignment(default)
    trials: dict[Operation, int] = {}
    stored_default = stored.modes.get(DEFAULT)
    if stored_default is not None and (known := _known(stored_default.mode)) is not None:
        standard = known
        trials = dict.fromkeys(census.ported, stored_default.trial)
    modes = dict.fromkeys(census.ported, standard)
    ignored = []
    for name, row in stored.modes.items():
        if name == DEFAULT:
            continue
        operation, assigned = by_name.get(name), _known(row.mode)
        if operation is None:
            ignored.append(f"{name}: the legacy has no such operation")
        elif assigned is None:
            ignored.append(f"{name}: mode '{row.mode}' is unknown here, the legacy answers")
            if operation in modes:
                modes[operation] = Assignment(Mode.LEGACY)
        elif operation in modes:
            modes[operation] = assigned
            trials[operation] = row.trial
        elif assigned.mode is not Mode.LEGACY:
            ignored.append(f"{name}: mode '{row.mode}', but this port does not implement it")
    killed = stored.killed is not None
    if killed:
        modes = dict.fromkeys(modes, Assignment(Mode.LEGACY))
    modes_of_rule: dict[str, set[bool]] = {}
    for operation, assigned in modes.items():
        modes_of_rule.setdefault(operation.rule, set()).add(assigned.mode.stack is Stack.PORTED)
    # One reply stands for several methods: the port gives it once it owns all it can own.
    options = {rule: Stack.PORTED for rule, ported in modes_of_rule.items() if ported == {True}}
    try:
        sticky = Sticky.parse(stored.setting(STICKY, "user"))
    except StickyError as error:
        ignored.append(f"what canaries stick to: {error}")
        sticky = Sticky()
    return Decisions(
        stored.revision,
        modes,
        options,
        Stack.LEGACY,
        standard,
        killed=killed,
        sticky=sticky,
        salt=stored.setting(SALT),
        group_of={by_name[one]: name for one, name in stored.group_of.items() if one in by_name},
        trials=trials,
        ignored=tuple(ignored),
    )


def _known(mode: str) -> Assignment | None:
    try:
        return Assignment.parse(mode)
    except AssignmentError:
        return None
