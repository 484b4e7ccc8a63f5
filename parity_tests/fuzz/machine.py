"""The Hypothesis state machine: rules that draw requests, every run of it one scene or more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyStrategyDefinition
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from hypothesis.strategies import SearchStrategy

from parity_tests.fuzz.catalogue import Catalogue, FuzzOperation
from parity_tests.fuzz.draw.draft import Draft
from parity_tests.fuzz.draw.strategies import drafts

_CORNER = 4
"""Operations that a noun needs for a rule of its own."""


class Enough(Exception):
    """Raised by a listener that has seen what it wanted: the run ends, and is told as it is."""


class SequencePlayer(Protocol):
    """Who plays what the machine draws. Raises nothing: Hypothesis would look into it, by playing again."""

    def begin(self) -> None: ...
    def ask(self, operation: FuzzOperation, draft: Draft) -> None: ...


def machine(
    operations: Sequence[FuzzOperation],
    catalogue: Catalogue,
    users: Sequence[str],
    player: SequencePlayer,
    corners: bool = False,
) -> type[RuleBasedStateMachine]:
    """A class with one rule for all operations; with `corners` also one for each noun that has several.

    Hypothesis leaves rules out of an example (swarm testing), so that with corners many examples are
    about few nouns. A rule per operation would starve most: it leaves too many out.
    """

    def begin(self: RuleBasedStateMachine) -> None:
        RuleBasedStateMachine.__init__(self)
        player.begin()

    requests = {
        one.label: st.tuples(st.just(one), drafts(one, catalogue, users)) for one in operations
    }
    groups: dict[str, list[str]] = {}
    for one in operations:
        groups.setdefault(f"of_{one.noun}", []).append(one.label)
    groups = {name: labels for name, labels in groups.items() if corners and len(labels) >= _CORNER}
    groups["all"] = list(requests)
    members: dict[str, Any] = {"__init__": begin}
    for name, labels in groups.items():
        members[name] = _rule(name, st.one_of([requests[label] for label in labels]), player)
    return type("Sequences", (RuleBasedStateMachine,), members)


def _rule(
    name: str, requests: SearchStrategy[tuple[FuzzOperation, Draft]], player: SequencePlayer
) -> Callable[..., None]:
    def ask(self: RuleBasedStateMachine, request: tuple[FuzzOperation, Draft]) -> None:
        player.ask(*request)

    ask.__name__ = ask.__qualname__ = name
    decorated: Callable[..., None] = rule(request=requests)(ask)
    return decorated


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
    try:
        run_state_machine_as_test(seed(number)(kind), settings=settings(**options))
    except FlakyStrategyDefinition:
        # draws depend on nothing outside: one that ends early was interrupted
        raise KeyboardInterrupt from None
