"""From documents to shapes, from schemas to values, from drafts to steps."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from parity_core.model import MISSING, ParityError
from parity_tests.fuzz import catalogue, save
from parity_tests.fuzz.catalogue import Catalogue, FuzzOperation
from parity_tests.fuzz.documents import DocumentedShape, shapes
from parity_tests.fuzz.draw import values
from parity_tests.fuzz.draw.draft import Damage, Draft, Ref, Wish, plain
from parity_tests.fuzz.draw.strategies import drafts
from parity_tests.fuzz.machine import machine, play
from parity_tests.fuzz.resolve import Pool, Wanted, resolve
from parity_tests.fuzz.use_case import wanted
from parity_tests.journeys import read as journeys
from parity_tests.journeys.model import Journey

SWAGGER = {
    "swagger": "2.0",
    "paths": {
        "/case/{idx}/": {
            "put": {
                "parameters": [
                    {"in": "path", "name": "idx", "type": "integer", "required": True},
                    {"in": "query", "name": "deep", "type": "boolean"},
                    {"in": "body", "name": "body", "schema": {"$ref": "#/definitions/Case"}},
                ]
            }
        }
    },
    "definitions": {
        "Case": {
            "required": ["name"],
            "properties": {
                "name": {"type": "string"},
                "made": {"type": "string", "readOnly": True},
                "parent": {"$ref": "#/definitions/Case"},
            },
        }
    },
}
OPENAPI = {
    "openapi": "3.1.0",
    "paths": {
        "/case/{idx}/": {
            "put": {
                "parameters": [{"in": "query", "name": "limit", "schema": {"type": "integer"}}],
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {
                                "required": ["size"],
                                "properties": {
                                    "size": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                                    "name": {"type": "string", "enum": ["a", "b"]},
                                },
                            }
                        }
                    }
                },
            }
        },
    },
}
KNOWN = """
[things.dag]
[things.case]
recipe = 1
[things.user]
seeded = ["1", "2"]

[fields]
parent = ["${case}"]

[[operation]]
match = ["*"]
as = ["ann"]

[[operation]]
match = ["POST /dag/"]
as = ["root"]
json = [{ id = "dag{n}" }]
makes = [{ kind = "dag", at = "/id" }]

[[operation]]
match = ["POST /case/"]
json = [{ name = "folder" }, { name = "case{n}", schema = "${dag}" }]
makes = [{ kind = "case", at = "/id" }]

[[operation]]
match = ["* /case/<int:*"]
path = { idx = "case", idx2 = "case#2" }
"""
LABELS = ["POST /dag/", "POST /case/", "PUT /case/<int:idx>/", "GET /case/<int:idx>/<int:idx2>/"]


@pytest.fixture
def known(tmp_path: Path) -> Catalogue:
    file = tmp_path / "fuzz.toml"
    file.write_text(KNOWN)
    return catalogue.build(catalogue.load(file), LABELS, shapes([OPENAPI, SWAGGER], LABELS))


def test_shapes_join_what_both_documents_know() -> None:
    found = shapes([OPENAPI, SWAGGER], ["PUT /case/<int:idx>/", "GET /none/"])
    case = found["PUT /case/<int:idx>/"]
    assert set(case.query) == {"limit", "deep"}
    assert set(case.body) == {"name", "size", "parent"}, "read-only fields are not sent"
    assert case.body["name"]["enum"] == ["a", "b"], "the first document counts more"
    assert case.body["parent"]["properties"]["name"] == {"type": "string"}
    assert case.required == {"name", "size"}
    assert found["GET /none/"] == DocumentedShape()


@settings(max_examples=40, deadline=None, database=None, phases=[Phase.generate])
@given(st.data())
def test_valid_values_are_of_the_schema_s_type_and_wrong_ones_are_not(data: st.DataObject) -> None:
    body: dict[str, dict[str, Any]] = {
        "a": {"type": "integer"},
        "b": {"type": "array", "items": {"type": "boolean"}},
        "c": {"enum": ["x"]},
        "d": {"anyOf": [{"type": "number"}, {"type": "null"}]},
    }
    drawn = data.draw(values.objects(body, frozenset("ab")))
    assert {"a", "b"} <= drawn.keys() <= body.keys()
    assert type(drawn["a"]) is int
    assert all(type(item) is bool for item in drawn["b"])
    assert drawn.get("c", "x") == "x"
    assert type(drawn.get("d")) in (int, float, type(None))
    assert type(data.draw(values.wrong(body["a"]))) is not int
    assert not isinstance(data.draw(values.wrong({"type": "string"})), str)
    assert isinstance(data.draw(values.query({"type": "integer"})), str)


def test_what_is_missing_is_made_first_by_who_may(known: Catalogue) -> None:
    pool = Pool(known)
    operation = known.operations["PUT /case/<int:idx>/"]
    draft = plain(operation)
    with pytest.raises(Wanted) as wanted:
        resolve(operation, draft, pool, 1)
    maker = known.maker("case")
    assert maker is not None
    recipe = pool.recipe(maker, wanted.value)
    assert (recipe.user, recipe.body) == ("ann", {"name": "case{n}", "schema": "${dag}"})
    with pytest.raises(Wanted) as wanted:
        resolve(maker, recipe, pool, 1)
    workflow = known.maker("dag")
    assert workflow is not None
    first = resolve(workflow, pool.recipe(workflow, wanted.value), pool, 1)
    assert (first.user, first.json) == ("root", {"id": "dag1"})
    pool.add("dag", "${dag1}", "root")
    second = resolve(maker, recipe, pool, 2)
    assert second.json == {"name": "case2", "schema": "${dag1}"}, (
        "who may not make it takes others'"
    )
    pool.add("case", "${case2}", "ann")
    assert resolve(operation, draft, pool, 3).target == "/case/${case2}/"
    with pytest.raises(Wanted):
        resolve(
            known.operations["GET /case/<int:idx>/<int:idx2>/"],
            plain(known.operations["GET /case/<int:idx>/<int:idx2>/"]),
            pool,
            3,
        )


def test_wishes_choose_among_what_there_is(known: Catalogue) -> None:
    pool = Pool(known)
    for name, owner in (("case1", "ann"), ("case2", "bob"), ("case3", "ann"), ("case4", "ann")):
        pool.add("case", f"${{{name}}}", owner)
    pool.end("${case1}")
    pool.fresh = {"case": "${case9}"}
    found = {wish: pool.find(Ref("case", wish), "ann") for wish in Wish}
    assert found == {
        Wish.MINE: "${case3}",
        Wish.SECOND: "${case4}",
        Wish.LATEST: "${case4}",
        Wish.NEW: "${case9}",
        Wish.OTHERS: "${case2}",
        Wish.GONE: "${case1}",
        Wish.NEVER: "987654321",
    }
    assert pool.find(Ref("case", pick=1), "ann") == "${case4}"
    assert pool.find(Ref("case", Wish.LATEST, 2), "ann") == "${case2}", "by whoever"
    pool.fresh = {}
    with pytest.raises(Wanted):
        pool.find(Ref("case", Wish.NEW), "ann")
    assert pool.find(Ref("user"), "ann") == "1"


@pytest.mark.parametrize(
    ("damage", "body", "more"),
    [
        (Damage.DUPLICATE_KEY, '{"a": 1, "a": "é"}', {}),
        (Damage.TRUNCATED, '{"a": "\\u0', {}),
        (Damage.PLAIN, '{"a": "\\u00e9"}', {"content_type": "text/plain"}),
        (Damage.GZIP, '{"a": "\\u00e9"}', {"encoding": "gzip"}),
        (Damage.FAKE_GZIP, '{"a": "\\u00e9"}', {"headers": {"Content-Encoding": "gzip"}}),
        (Damage.EMPTY, "", {}),
    ],
)
def test_bodies_are_damaged_after_they_are_written(
    known: Catalogue, damage: Damage, body: str, more: dict[str, Any]
) -> None:
    operation = known.operations["POST /dag/"]
    step = resolve(operation, Draft(body={"a": "é"}, damage=damage), Pool(known), 1)
    assert step.json is MISSING
    assert step.body == body.replace("é", "\\u00e9")
    for name, value in more.items():
        assert getattr(step, name) == value


class Listening:
    def __init__(self) -> None:
        self.asked: list[tuple[str, Draft]] = []

    def begin(self) -> None: ...

    def ask(self, operation: FuzzOperation, draft: Draft) -> None:
        self.asked.append((operation.label, draft))


def test_the_same_seed_draws_the_same_requests(known: Catalogue) -> None:
    drawn = []
    for seed in (7, 7, 8):
        listening = Listening()
        kind = machine(list(known.operations.values()), known, ["ann", "bob"], listening)
        play(kind, seed, 5, 10)
        drawn.append(repr(listening.asked))
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(label in drawn[0] for label in LABELS)


@settings(
    max_examples=60,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.data())
def test_whatever_is_drawn_can_be_saved_as_a_journey_and_read_back(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    known = catalogue.build(
        catalogue.Knowledge({}, {}, {}, ({"match": ["*"], "json": [{"a": 1}]},)),
        ["POST /case/"],
    )
    operation = known.operations["POST /case/"]
    draft = data.draw(drafts(operation, known, ["ann"]))
    step = resolve(operation, draft, Pool(known), 1)
    file = tmp_path_factory.getbasetemp() / "saved.yaml"
    written = Journey("saved", file, (step,), "é: [about]", {"A": "1"}, ())
    file.write_text(save.render(written), encoding="utf-8")
    read = journeys.load(file)
    assert (read.name, read.about, read.settings) == ("saved", "é: [about]", {"A": "1"})
    (again,) = read.steps
    told = [
        (s.method, s.target, s.user, dict(s.headers), s.body, s.content_type, s.encoding)
        for s in (step, again)
    ]
    assert told[0] == told[1]
    if step.json is not MISSING:
        # NaN is not itself
        assert json.dumps(again.json) == json.dumps(step.json)


def test_a_file_with_an_unknown_word_says_so(tmp_path: Path) -> None:
    file = tmp_path / "fuzz.toml"
    file.write_text('[[operation]]\nmatch = ["*"]\nbody = 1\n')
    with pytest.raises(ParityError, match=r"unknown key `operation\[1\]\.body`; known: as, ends"):
        catalogue.load(file)
    file.write_text('[[operation]]\nmatch = ["*"]\npath = { idx = "case" }\n')
    with pytest.raises(ParityError, match=r"no \[things.case\]"):
        catalogue.load(file)


def test_a_glob_that_matches_nothing_is_refused(known: Catalogue) -> None:
    assert [one.label for one in wanted(known, ["* /dag/"])] == ["POST /dag/"]
    with pytest.raises(ParityError, match="no operation matches GET /nothing/"):
        wanted(known, ["GET /nothing/"])
