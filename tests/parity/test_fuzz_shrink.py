"""The shortest sequence that still differs, found by replaying; here a function stands for the stacks."""

import json
from collections.abc import Sequence
from typing import Any

from parity_core.model import MISSING
from parity_tests.fuzz.shrink import Shrinker, needed, simplifications, smaller_values, without
from parity_tests.journeys.model import Step


def step(target: str, json: Any = MISSING, user: Any = "ann", **capture: str) -> Step:
    return Step(
        "POST" if json is not MISSING else "GET", target, 0, user, json=json, capture=capture
    )


LONG = (
    step("/dag/", {"id": "d"}, dag1="/id"),
    step("/other/", {"id": "x"}, other2="/id"),
    step("/case/", {"name": "long name", "schema": "${dag1}", "size": 12, "tags": [1, 2, 3, 4]}, case3="/id"),
    step("/case/?limit=1&offset=2"),
    step("/case/${case3}/", {"a": {"b": 1}}),
    step("/other/${other2}/"),
    step("/case/${case3}/copy/", {"deep": [{"x": "${dag1}", "y": None}], "other": "é"}, user={"token": "${other2}"}),
    step("/case/"),
)  # fmt: skip


def stacks(steps: Sequence[Step]) -> int | None:
    """Differs at a copy of a case that was edited before: state, and one value in the body."""
    edited: set[str] = set()
    captured: set[str] = set()
    for position, one in enumerate(steps):
        name = one.target.split("/")[2]
        if name.startswith("${") and name[2:-1] not in captured:
            return None
        if (
            one.target.endswith("/copy/")
            and name in edited
            and '"y"' in json.dumps(one.json, default=str)
        ):
            return position
        if one.method == "POST" and name:
            edited.add(name)
        captured |= one.capture.keys()
    return None


def test_a_long_sequence_shrinks_to_what_the_difference_needs() -> None:
    shrinker = Shrinker(stacks, user="bob")
    assert stacks(LONG) == 6
    short = shrinker.shrink(LONG)
    assert short is not None
    assert [one.target for one in short] == ["/case/", "/case/${case3}/", "/case/${case3}/copy/"]
    assert stacks(short) == 2, "it still differs at its end"
    assert [one.user for one in short] == [None, None, None]
    assert short[0].json is MISSING
    assert short[1].json is MISSING
    assert short[2].json == {"deep": [{"y": None}]}
    assert [dict(one.capture) for one in short] == [{"case3": "/id"}, {}, {}], "used captures stay"
    assert shrinker.replays < 100


def test_what_does_not_differ_again_is_not_shrunk() -> None:
    shrinker = Shrinker(lambda steps: None)
    assert shrinker.shrink(LONG) is None
    assert shrinker.replays == 1


def test_the_budget_of_replays_holds() -> None:
    shrinker = Shrinker(stacks, most=5)
    short = shrinker.shrink(LONG)
    assert short is not None
    assert stacks(short) is not None, "what is returned differs, however early it ends"
    assert shrinker.replays <= 6


def test_steps_go_with_what_needs_them() -> None:
    assert needed(LONG, {4}) == (LONG[0], LONG[2], LONG[4])
    assert without(LONG[:5], {0}) is None, "the last step needs the case, that one the workflow"
    assert without(LONG[:6], {0}) == (LONG[1], LONG[3], LONG[5])


def test_simplifications_always_end() -> None:
    value: Any = {
        "a": [1, 2.5, -7, "text", {"b": None, "c": "${keep}"}],
        "d": True,
        "e": float("nan"),
    }
    seen = 0
    while candidates := list(smaller_values(value)):
        value = candidates[-1]
        seen += 1
        assert seen < 60
    told = list(simplifications(step("/a/${x}/?p=1&q=2", {"k": "v"}, {"token": "${t}"}), "bob"))
    assert {one.target for one in told} >= {"/a/${x}/", "/a/${x}/?p=1", "/a/1/?p=1&q=2"}
    assert {str(one.user) for one in told} >= {"None", "bob"}
