"""Two descriptions and what was observed: what not all three know is listed, and no more than that."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from parity_core.model import Request, Side
from parity_tests.cli.main import main
from parity_tests.operations import Census
from parity_tests.report import document as json_report
from parity_tests.report.observed import Observation, sent
from parity_tests.report.results import Report
from parity_tests.triangle.compare import Corner, FailOn, Item, MismatchKind, compare, knows_it
from parity_tests.triangle.shape import Shape, of_document, of_observation
from tests.parity.conftest import SHOP, exchange, pair

LABEL = "POST /case/<int:idx>/"

SWAGGER = {
    "swagger": "2.0",
    "basePath": "/",
    "paths": {
        "/case/{case_id}/": {
            "post": {
                "parameters": [
                    {"in": "query", "name": "limit", "type": "integer"},
                    {"in": "body", "name": "body", "schema": {"$ref": "#/definitions/Case"}},
                    {"in": "path", "name": "case_id"},
                ],
                "responses": {
                    "default": {
                        "schema": {"type": "array", "items": {"$ref": "#/definitions/Case"}}
                    }
                },
            }
        }
    },
    "definitions": {
        "Case": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "data": {"type": "object"}},
        }
    },
}

OPENAPI = {
    "openapi": "3.1.0",
    "paths": {
        "/case/{idx}/": {
            "parameters": [{"$ref": "#/components/parameters/Limit"}],
            "post": {
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Case"}}
                    }
                },
                "responses": {
                    "201": {
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "array",
                                    "items": {"anyOf": [{"$ref": "#/components/schemas/Case"}]},
                                }
                            }
                        }
                    },
                    "400": {"$ref": "#/components/responses/Bad"},
                },
            },
        }
    },
    "components": {
        "parameters": {"Limit": {"in": "query", "name": "limit"}},
        "schemas": {
            "Case": {
                "allOf": [{"type": "object", "properties": {"name": {"type": "string"}}}],
                "properties": {"data": {}, "tags": {"type": "array", "items": {"type": "string"}}},
            }
        },
        "responses": {
            "Bad": {
                "content": {
                    "application/json": {
                        "schema": {"type": "object", "properties": {"error": {"type": "string"}}}
                    }
                }
            }
        },
    },
}


def test_both_kinds_of_description_tell_the_same_things() -> None:
    old, new = (of_document(d, [LABEL])[LABEL] for d in (SWAGGER, OPENAPI))
    assert old == Shape(
        {"default"},
        {"limit"},
        {"name", "data", "data/…"},
        {"*", "*/name", "*/data", "*/data/…"},
        set(),
    )
    assert new.statuses == {"201", "400"}
    assert new.query == {"limit"}
    assert new.body == {"name", "data", "data/…", "tags", "tags/*"}
    assert new.replies >= {"*/name", "*/data/…", "*/tags"}
    assert new.refusals == {"error"}
    failing = json.loads(json.dumps(OPENAPI))
    replies = failing["paths"]["/case/{idx}/"]["post"]["responses"]
    replies["default"] = {"content": {"x": {"schema": {"properties": {"why": {"type": "string"}}}}}}
    told = of_document(failing, [LABEL])[LABEL]
    assert (told.replies, told.refusals) == (new.replies, {"error", "why"}), "beside 201 it fails"


def test_two_rules_of_one_form_are_two_operations() -> None:
    def document(*names: str) -> dict[str, Any]:
        return {
            "swagger": "2.0",
            "paths": {
                f"/x/{{{name}}}/": {"get": {"responses": {str(200 + at): {"description": ""}}}}
                for at, name in enumerate(names)
            },
        }

    by_id, by_name = "GET /x/<int:idx>/", "GET /x/<name>/"

    def statuses(*names: str) -> dict[str, set[str]]:
        shapes = of_document(document(*names), [by_id, by_name])
        return {label: shape.statuses for label, shape in shapes.items()}

    assert statuses("idx", "name") == {by_id: {"200"}, by_name: {"201"}}
    assert statuses("name", "idx") == {by_id: {"201"}, by_name: {"200"}}
    assert statuses("other") == {by_id: {"200"}, by_name: {"200"}}, "one path stands for both"
    assert statuses("other", "idx") == {by_id: {"201"}, by_name: {"200"}}
    assert statuses("idx") == {by_id: {"200"}}, "nothing describes the other"


def test_a_schema_that_contains_itself_ends() -> None:
    schema = {"type": "object", "properties": {"child": {"$ref": "#/definitions/T"}}}
    document = json.loads(json.dumps(SWAGGER))
    document["definitions"]["Case"] = document["definitions"]["T"] = schema
    told = of_document(document, [LABEL])[LABEL]
    assert told.body == {"child", "child/child", "child/child/child"}


@pytest.mark.parametrize(
    ("places", "name", "known"),
    [
        ({"a", "a/…"}, "a/b/c", True),
        ({"a", "a/…"}, "b", False),
        ({"…"}, "b", True),
        ({"a/b"}, "a/c", False),
        ({"*/…/x", "*"}, "*/any/x", True),
        ({"*/…/x", "*"}, "*/any/y", False),
        ({"200", "default"}, "503", True),
        ({"200", "default"}, "404", False),
        ({"200", "4XX"}, "404", True),
    ],
)
def test_what_lies_where_anything_may_is_known(places: set[str], name: str, known: bool) -> None:
    assert knows_it(places, name) is known


def corners(**changes: Any) -> dict[Corner, dict[str, Shape]]:
    shapes = {corner: Shape({"200"}, {"limit"}, {"name"}, {"id"}, {"error"}) for corner in Corner}
    for corner in Corner:
        for field, value in changes.get(corner.name.lower(), {}).items():
            setattr(shapes[corner], field, value)
    return {corner: {LABEL: shape} for corner, shape in shapes.items()}


def told(items: Iterable[Item]) -> list[tuple[MismatchKind, str, tuple[Corner, ...]]]:
    return [(item.kind, item.name, item.lacks) for item in items]


def test_three_that_agree_have_nothing_to_list() -> None:
    assert compare(corners(), [LABEL]) == []


def test_each_corner_that_lacks_something_is_named() -> None:
    found = compare(
        corners(
            observed={"statuses": {"200", "404"}, "replies": {"id", "owner", "owner/name"}},
            legacy={"query": {"limit", "offset"}, "refusals": set()},
            ported={"replies": {"id", "owner"}},
        ),
        [LABEL],
    )
    assert told(found) == [
        (MismatchKind.STATUS, "404", (Corner.LEGACY, Corner.PORTED)),
        (MismatchKind.PARAMETER, "offset", (Corner.PORTED, Corner.OBSERVED)),
        (MismatchKind.REPLY, "owner", (Corner.LEGACY,)),
        (MismatchKind.REPLY, "owner/name", (Corner.LEGACY, Corner.PORTED)),
        (MismatchKind.REFUSAL, "error", (Corner.LEGACY,)),
    ]
    untold, lost = ([i.name for i in found if i.fails(on)] for on in (FailOn.UNTOLD, FailOn.LOST))
    assert untold == ["404", "owner/name"]
    assert lost == ["404", "offset", "owner/name"]
    assert all(item.fails(FailOn.ANY) for item in found)
    assert not any(item.fails(FailOn.NEVER) for item in found)


def test_what_is_sent_and_perhaps_ignored_is_no_behaviour() -> None:
    (item,) = compare(corners(observed={"query": {"limit", "zz"}}), [LABEL])
    assert not item.fails(FailOn.LOST)


def test_an_operation_that_one_does_not_know_is_one_thing() -> None:
    told_by = corners()
    told_by[Corner.PORTED] = {}
    (item,) = compare(told_by, [LABEL])
    assert (item.kind, item.lacks, item.fails(FailOn.UNTOLD)) == (
        MismatchKind.OPERATION, (Corner.PORTED,), True,
    )  # fmt: skip


def test_observations_are_names_and_types_of_what_was_not_refused() -> None:
    seen = Observation()
    for status, body, request in (
        (
            201,
            {"id": 1, "deep": {"a": {"b": {"c": 1}}}},
            Request("POST", "/?run=0&x", (), b'{"a": [1, "b"]}'),
        ),
        (400, {"error": "e"}, Request("POST", "/?refused=1", (), b'{"wrong": 1}')),
        (201, {"id": None}, Request("POST", "/", (), b"{")),
    ):
        one = pair(exchange(Side.LEGACY, body, status), exchange(Side.PORTED, body, status))
        one.legacy.request = request
        seen.see(one)
    failed = pair(exchange(Side.LEGACY, {}, 500), exchange(Side.PORTED, {}, 404))
    seen.see(failed)
    assert seen.document() == {
        "statuses": ["201", "400", "404"],
        "query": ["run", "x"],
        "body": {"": ["object"], "a": ["list"], "a/*": ["integer", "string"]},
        "replies": {
            "201": {
                "": ["object"], "deep": ["object"], "deep/a": ["object"], "deep/a/b": ["object"],
                "id": ["integer", "null"],
            },
            "400": {"": ["object"], "error": ["string"]},
            "404": {"": ["object"]},
        },
    }  # fmt: skip
    assert of_observation(seen.document()).replies == {"id", "deep", "deep/a", "deep/a/b"}


def test_forms_have_fields_too() -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nn\r\n--b--\r\n'
    kind = (("Content-Type", "multipart/form-data; boundary=b"),)
    assert sent(Request("POST", "/", kind, body)) == {"name": ""}
    kind = (("content-type", "application/x-www-form-urlencoded"),)
    assert sent(Request("POST", "/", kind, b"a=1&b=")) == {"a": "1", "b": ""}


def test_the_command_lists_and_fails(tmp_path: Path) -> None:
    label = "GET /items/<int:idx>/"
    report = Report("shop", "sqlite", Census((label,)))
    item = {"id": 1, "colour": "red"}
    report.add(pair(item, item, operation=label), [])
    json_report.write(json_report.document(report), tmp_path / "report.json")
    properties: dict[str, Any] = {"id": {"type": "integer"}}
    document = {
        "paths": {
            "/items/{idx}/": {
                "get": {
                    "responses": {"200": {"schema": {"type": "object", "properties": properties}}}
                }
            }
        }
    }
    (tmp_path / "legacy.json").write_text(json.dumps(document))
    properties["colour"] = {"type": "string"}
    (tmp_path / "ported.json").write_text(json.dumps(document))

    def run(*more: str) -> tuple[int, str]:
        arguments = [
            "triangle",
            str(tmp_path / "report.json"),
            "--config",
            str(SHOP / "parity.toml"),
        ]
        for side in Side:
            arguments += [f"--{side}-document", str(tmp_path / f"{side}.json")]
        done = CliRunner().invoke(main, [*arguments, "-o", "<int:idx>", *more])
        return done.exit_code, done.output

    code, printed = run("--all", "--json", str(tmp_path / "found.json"))
    assert code == 0, printed
    assert "colour" in printed
    found = json.loads((tmp_path / "found.json").read_text())["items"]
    assert {"legacy document"} in [set(i["lacks"]) for i in found if i["name"] == "colour"]
    assert run("--fail-on", "any")[0] == 1
    del properties["colour"]
    (tmp_path / "ported.json").write_text(json.dumps(document))
    code, printed = run()
    assert (code, "colour" in printed) == (1, True)
    # accepted, with a reason
    shutil.copytree(SHOP, tmp_path / "shop")
    with (tmp_path / "shop" / "parity.toml").open("a") as file:
        file.write(
            '[[documents.accepted]]\noperation = "GET /items/*"\nname = "colour"\nreason = "why"\n'
        )
    assert run("--config", str(tmp_path / "shop" / "parity.toml"))[0] == 0
