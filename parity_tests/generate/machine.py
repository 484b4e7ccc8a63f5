"""The Hypothesis state machine: a rule for each operation, every run of it one scene or more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from parity_tests.generate.catalogue import Catalogue, Operation
from parity_tests.generate.drafts import Draft, drafts


class Enough(BaseException):
    """The budget is used up. No Exception: Hypothesis would take that for a failure and look into it."""


class Player(Protocol):
    """Who plays what the machine draws."""

    def begin(self) -> None: ...
    def ask(self, operation: Operation, draft: Draft) -> None: ...


def machine(
    operations: Sequence[Operation],
    catalogue: Catalogue,
    users: Sequence[str],
    player: Player,
) -> type[RuleBasedStateMachine]:
    """A class with a rule per operation; Hypothesis leaves some out of each example."""

    def begin(self: RuleBasedStateMachine) -> None:
        RuleBasedStateMachine.__init__(self)
        player.begin()

    members: dict[str, Any] = {"__init__": begin}
    for operation in operations:
        members[operation.name] = _rule(operation, catalogue, users, player)
    return type("Sequences", (RuleBasedStateMachine,), members)


def _rule(
    operation: Operation, catalogue: Catalogue, users: Sequence[str], player: Player
) -> Callable[..., None]:
    def ask(self: RuleBasedStateMachine, draft: Draft) -> None:
        player.ask(operation, draft)

    ask.__name__ = ask.__qualname__ = operation.name
    found: Callable[..., None] = rule(draft=drafts(operation, catalogue, users))(ask)
    return found


def play(kind: type[RuleBasedStateMachine], number: int, examples: int, steps: int) -> None:
    """Draws and plays; the same `number` draws the same requests.

    A difference is no failure here: it is recorded, shrunk on the stacks (shrink.py), and the next
    scene begins, so that one run finds many.
    """
    options: Mapping[str, Any] = {
        "max_examples": examples,
        "stateful_step_count": steps,
        "database": None,
        "deadline": None,
        "phases": [Phase.generate],
        "suppress_health_check": list(HealthCheck),
        "verbosity": Verbosity.quiet,
    }
    run_state_machine_as_test(seed(number)(kind), settings=settings(**options))
