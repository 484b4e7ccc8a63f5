"""Drills: what is nearly right, each field in turn, crowds, and what happens to what refers to a thing."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, cast

import pytest

from parity_core.model import (
    MISSING,
    Attribution,
    Exchange,
    Pair,
    ParityError,
    Reply,
    Request,
    Side,
)
from parity_tests.fuzz import catalogue
from parity_tests.fuzz.catalogue import Catalogue, FuzzOperation
from parity_tests.fuzz.documents import shapes
from parity_tests.fuzz.draw.boundary_values import boundary_values, usual
from parity_tests.fuzz.draw.draft import Draft, Ref, Wish, plain
from parity_tests.fuzz.draw.variants import MOMENT
from parity_tests.fuzz.drills.distribution import Drill
from parity_tests.fuzz.drills.drills import drills
from parity_tests.fuzz.scene import Scene, Theatre
from parity_tests.journeys.model import Step

WHEN = {"in": "query", "name": "made_before", "schema": {"type": "string", "format": "date-time"}}
PAGE = [{"in": "query", "name": name, "schema": {"type": "integer"}} for name in ("limit", "skip")]
DOCUMENT = {"paths": {"/box/": {"get": {"parameters": [*PAGE, WHEN]}}}}
KNOWN = """
[profile]
settings = { OPEN = "1", NAME = "a" }
services = ["smtp"]
[profiles.closed]
settings = { OPEN = "0" }

[things.box]
[things.case]
recipe = 1
[things.ball]

[fields]
inside = ["${box}"]
owner = ["someone{n}@example.org", "nobody@example.org"]

[[operation]]
match = ["*"]
as = ["ann", "root"]

[[operation]]
match = ["* /box/<int:idx>/"]
path = { idx = "case" }

[[operation]]
match = ["* /ball/<int:idx>/"]
path = { idx = "ball" }

[[operation]]
match = ["POST /box/"]
json = [{ name = "box{n}" }, { name = "case{n}", inside = "${box}", owner = "someone{n}@example.org" }]
makes = [{ kind = "box", at = "/id", where = "/holds" }, { kind = "case", at = "/id" }]

[[operation]]
match = ["POST /ball/"]
json = [{ name = "ball{n}", inside = "${box}" }]
makes = [{ kind = "ball", at = "/id" }]

[[operation]]
match = ["PUT /box/<int:idx>/"]
json = [{ inside = "${box}" }]

[[operation]]
match = ["DELETE /box/<int:idx>/"]
ends = "idx"
"""
LABELS = (
    "POST /box/", "GET /box/", "GET /box/<int:idx>/", "PUT /box/<int:idx>/", "DELETE /box/<int:idx>/",
    "POST /ball/", "GET /ball/<int:idx>/",
)  # fmt: skip


@pytest.fixture
def known(tmp_path: Path) -> Catalogue:
    file = tmp_path / "fuzz.toml"
    file.write_text(KNOWN)
    return catalogue.build(catalogue.load(file), LABELS, shapes([DOCUMENT], LABELS))


@pytest.fixture
def deck(known: Catalogue) -> list[Drill]:
    return dealt(known, 7)


def dealt(known: Catalogue, seed: int, most: int = 150) -> list[Drill]:
    return list(islice(drills(list(known.operations.values()), known, random.Random(seed)), most))


@dataclass
class Stack:
    """Both sides at once: gives ids, and forgets what was deleted. What the legacy says, the port says."""

    things: dict[str, Any] = field(default_factory=dict)
    played: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.known: Mapping[Side, dict[str, Any]] = {Side.LEGACY: {}, Side.PORTED: {}}

    def play(self, step: Step, _: object) -> tuple[Pair, list[Any]]:
        self.played.append(step)
        path = step.target.partition("?")[0]
        rule = path if path.count("/") == 2 else f"{path[: path.index('/', 1)]}/<int:idx>/"
        status, body = 200, b"{}"
        if step.method == "POST":
            told = {} if step.json is MISSING else step.json
            number = len(self.played)
            holds = b"false" if "inside" in told else b"true"
            status, body = (
                201,
                b'{"id": %d, "holds": %s, "at": "2020-01-01T00:00:00"}' % (number, holds),
            )
        reply = Reply(status, (), body)
        legacy, ported = (
            Exchange(side, "", Request(step.method, path), reply) for side in self.known
        )
        label = Attribution(f"{step.method} {rule}")
        return Pair("", len(self.played), "", label, legacy, ported), []


@dataclass
class Plan:
    catalogue: Catalogue
    stack: Stack = field(default_factory=Stack)

    def replay(self) -> Stack:
        return self.stack


def played(known: Catalogue, drill: Drill) -> list[Step]:
    plan = Plan(known)
    scene = Scene(cast(Theatre, plan), lambda pair, differences: True)
    for operation, draft in drill:
        scene.ask(operation, draft)
    return scene.steps


def drafts_of(deck: list[Drill], label: str) -> Iterator[Draft]:
    return (draft for drill in deck for one, draft in drill if one.label == label)


def test_near_text_breaks_one_rule_each_time() -> None:
    password = boundary_values("Secret-pw{n}!")
    assert {"SECRET-PW{n}!", "secret-pw{n}!", "Secretpw{n}", "Secret-pw!", "Secr"} <= set(password)
    assert "Secret-pw{n}!" not in password
    address = boundary_values("someone{n}@a.org")
    assert {"someone{n}@mailinator.com", "someone{n}@A.ORG", "someone{n}@a"} <= set(address)
    assert "2020-01-01" in boundary_values("2020-01-01T00:00:00")
    assert boundary_values("${box}") == []
    assert usual("new_password", {}) == "Secret-pw{n}!"
    assert usual("to", {"format": "email"}) == "someone{n}@example.org"
    assert usual("name", {}) is None


def test_each_field_is_varied_while_the_rest_stays_right(deck: list[Drill]) -> None:
    bodies = [cast(dict[str, Any], draft.body) for draft in drafts_of(deck, "POST /box/")]
    owners = [body["owner"] for body in bodies if "owner" in body]
    assert {"someone{n}@yopmail.com", "nobody@example.org", None} <= set(owners)
    assert any("owner" not in body and "inside" in body for body in bodies), "left out"
    wishes = {body["inside"].wish for body in bodies if isinstance(body.get("inside"), Ref)}
    assert wishes == {
        Wish.MINE,
        Wish.SECOND,
        Wish.NEW,
        Wish.OTHERS,
        Wish.GONE,
        Wish.NEVER,
        Wish.LATEST,
    }
    ids = [draft.path["idx"] for draft in drafts_of(deck, "DELETE /box/<int:idx>/")]
    assert {one.wish for one in ids if isinstance(one, Ref)} == set(Wish)
    assert any(isinstance(one, str) for one in ids), "what is no id"
    asked = {name for draft in drafts_of(deck, "GET /box/") for name, _ in draft.query}
    assert asked == {"limit", "skip", "made_before"}


def test_the_same_seed_deals_the_same_deck_and_the_next_deck_goes_on(known: Catalogue) -> None:
    assert repr(dealt(known, 7)) == repr(dealt(known, 7)) != repr(dealt(known, 8))
    assert len(dealt(known, 7, 200)) == 200


def test_a_crowd_is_listed_page_by_page_and_by_the_times_that_it_has(
    known: Catalogue, deck: list[Drill]
) -> None:
    crowd = next(
        one for one in deck
        if sum(draft == one[0][1] for _, draft in one) > 2 and one[-1][0].label == "GET /box/"
    )  # fmt: skip
    steps = played(known, crowd)
    made = [step for step in steps if step.method == "POST"]
    listed = [step.target for step in steps if step.method == "GET"]
    assert len({step.json["name"] for step in made}) == len(made) > 2
    assert "/box/" in listed
    assert any("limit=" in one for one in listed)
    assert any("made_before=${moment" in one for one in listed), "times are those of the replies"
    assert {step.user for step in steps} == {"ann"}


def test_what_refers_to_a_thing_is_read_after_that_thing_is_gone(
    known: Catalogue, deck: list[Drill]
) -> None:
    found = []
    for drill in deck:
        steps = played(known, drill)
        for number, step in enumerate(steps):
            if step.method == "DELETE" and number > 2:
                inside = [one.json.get("inside") for one in steps[:number] if one.method == "POST"]
                if inside.count(step.target.split("/")[2]) == 2:
                    found.append([one.method for one in steps[number:]])
    assert found, "two things in a box that is deleted"
    assert all("GET" in one for one in found)


def test_the_same_request_again_has_the_same_number(known: Catalogue, deck: list[Drill]) -> None:
    twice = ["POST /ball/"] * 2
    drill = next(one for one in deck if [op.label for op, _ in one] == twice)
    first, again = [step.json for step in played(known, drill) if step.target == "/ball/"]
    assert first == again


def test_what_was_deleted_is_deleted_and_read_again(known: Catalogue, deck: list[Drill]) -> None:
    drill = next(
        one for one in deck
        if [op.method for op, _ in one[:2]] == ["DELETE", "DELETE"]
        and Ref("case", Wish.GONE) in one[1][1].path.values()
    )  # fmt: skip
    steps = played(known, drill)
    first, *rest = [
        step.target for step in steps if "<" not in step.target and step.method != "POST"
    ]
    assert len(rest) > 1
    assert set(rest) == {first}


def test_new_things_are_new_and_of_both_kinds(known: Catalogue) -> None:
    put = known.operations["PUT /box/<int:idx>/"]
    fresh = Draft("ann", {"idx": Ref("case", Wish.NEW)}, body={"inside": Ref("box", Wish.NEW)})
    gone = Draft("ann", {"idx": Ref("box", Wish.GONE)})
    end = known.operations["DELETE /box/<int:idx>/"]
    latest = Draft("ann", {"idx": Ref("box", Wish.LATEST)})
    steps = played(known, [(put, fresh), (put, fresh), (end, latest), (end, gone)])
    puts = [step.target for step in steps if step.method == "PUT"]
    assert len(set(puts)) == 2
    ends = [step.target for step in steps if step.method == "DELETE"]
    assert ends[0] == ends[1]


def test_a_time_is_captured_where_the_reply_has_it(known: Catalogue) -> None:
    steps = played(
        known, [(known.operations["POST /ball/"], plain(known.operations["POST /ball/"]))]
    )
    assert {"/id", "/at"} == set(steps[-1].capture.values())
    assert any(name.startswith(MOMENT) for name in steps[-1].capture)


def test_a_profile_says_what_is_otherwise(tmp_path: Path) -> None:
    file = tmp_path / "fuzz.toml"
    file.write_text(KNOWN)
    profiles = catalogue.load(file).profiles
    assert list(profiles) == [catalogue.USUAL, "closed"]
    assert dict(profiles["closed"].settings) == {"OPEN": "0", "NAME": "a"}
    assert profiles["closed"].services == ("smtp",)
    file.write_text("[profiles.closed]\nsetting = {}\n")
    with pytest.raises(ParityError, match=r"`profiles\.closed\.setting`; did you mean `settings`"):
        catalogue.load(file)


def test_an_operation_without_body_and_query_is_asked_with_headers_and_later() -> None:
    found = list(
        islice(drills([FuzzOperation("GET /health/")], Catalogue({}, {}, {}), random.Random(1)), 3)
    )
    asked = [draft for drill in found for _, draft in drill]
    assert any(draft.headers for draft in asked)
    assert any(draft.days_later for draft in asked)
    assert list(drills([], Catalogue({}, {}, {}), random.Random(1))) == []
