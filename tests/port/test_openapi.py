"""The documents say what the port does: every operation, what it reads, what it may answer."""

import re
from typing import Any

import pytest
from jsonschema import Draft4Validator, Draft202012Validator

from cornflow_f.openapi.swagger import to_swagger
from cornflow_f.web.census import PortedOperation, ported_operations
from cornflow_f.web.route import PortRoute
from tests.port.conftest import Port, StartPort
from tests.port.openapi_tour import NO_SUCCESS, Reply, tour

Json = dict[str, Any]

# They read nothing: all they need is in the path, or nobody asks for more.
WITHOUT_BODY = {
    "POST /case/<int:idx>/copy/",
    "POST /case/<int:idx>/instance/",
    "POST /data-check-kpis/case/<int:idx>/",
    "POST /data-check-kpis/execution/<string:idx>/",
    "POST /data-check-kpis/instance/<string:idx>/",
    "POST /data-check/case/<int:idx>/",
    "POST /data-check/execution/<string:idx>/",
    "POST /data-check/instance/<string:idx>/",
    "POST /execution/<string:idx>/",
    "PUT /user/<int:user_id>/<int:make_admin>/",
}
READS_THE_TOKEN = {"GET /token/"}


def key(operation: PortedOperation) -> str:
    return f"{operation.method} {operation.rule}"


def described(document: Json, operation: PortedOperation) -> Json:
    found: Json = document["paths"][operation.path][operation.method.lower()]
    return found


@pytest.fixture
async def document(port: Port) -> Json:
    found: Json = (await port.call("GET", "/openapi.json", as_=None)).json()
    return found


@pytest.fixture
async def swagger(port: Port) -> Json:
    found: Json = (await port.call("GET", "/swagger/", as_=None)).json()
    return found


async def test_every_operation_is_there_and_no_other(port: Port, document: Json) -> None:
    listed = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    assert listed == {(o.method, o.path) for o in ported_operations(port.app)}
    assert len(listed) == 88


async def test_every_reply_has_a_model_or_a_media_type(port: Port, document: Json) -> None:
    for operation in ported_operations(port.app):
        replies = described(document, operation)["responses"]
        successes = {status for status in replies if status.startswith("2")}
        assert bool(successes) is (key(operation) not in NO_SUCCESS), operation
        for status, reply in replies.items():
            if status == "304":
                assert "content" not in reply
                continue
            assert reply["description"], (operation, status)
            assert all(media.get("schema") for media in reply["content"].values()), operation
        assert "422" not in replies, operation
        assert "default" in replies, operation


async def test_guards_and_refusals_are_told(port: Port, document: Json) -> None:
    for operation in ported_operations(port.app):
        found = described(document, operation)
        secured = operation.guarded or key(operation) in READS_THE_TOKEN
        assert found.get("security") == ([{"token": []}] if secured else None), operation
        if operation.guarded:
            assert {"400", "403"} <= found["responses"].keys(), operation
        if "{" in operation.path:
            assert "404" in found["responses"], operation
        elif operation.method == "GET":
            assert "404" not in found["responses"], operation
    scheme = document["components"]["securitySchemes"]["token"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")


async def test_parameters_are_those_of_the_path_and_the_query(port: Port, document: Json) -> None:
    for operation in ported_operations(port.app):
        parameters = described(document, operation).get("parameters", [])
        in_path = {p["name"]: p for p in parameters if p["in"] == "path"}
        assert set(in_path) == set(re.findall(r"{(\w+)}", operation.path)), operation
        for name, parameter in in_path.items():
            number = f"<int:{name}>" in operation.rule
            assert parameter["schema"]["type"] == ("integer" if number else "string"), operation
        in_query = {p["name"] for p in parameters if p["in"] == "query"}
        if operation.query is not None:
            assert in_query == set(operation.query.model_json_schema()["properties"]), operation
        for parameter in parameters:
            assert "null" not in str(parameter["schema"]), (operation, parameter)


async def test_bodies_are_described_where_they_are_read(port: Port, document: Json) -> None:
    routes = {
        (route.path_format, method): route
        for route in port.app.router.routes
        if isinstance(route, PortRoute)
        for method in route.methods or ()
    }
    for operation in ported_operations(port.app):
        body = described(document, operation).get("requestBody")
        writes = operation.method in ("POST", "PUT", "PATCH")
        assert (body is not None) is (writes and key(operation) not in WITHOUT_BODY), operation
        route = routes[operation.path, operation.method]
        if route.body_field is not None:
            assert body is not None
            assert "$ref" in str(body["content"]["application/json"]["schema"]), operation
            refusal = described(document, operation)["responses"]["400"]["content"]
            assert "MalformedReply" in str(refusal), operation
    for path in ("/instance/", "/case/"):
        post = document["paths"][path]["post"]
        assert "413" in post["responses"]
        assert any(p["name"] == "Content-Encoding" for p in post["parameters"])


async def test_the_body_of_a_login_is_its_model(document: Json) -> None:
    login = document["paths"]["/login/"]["post"]["requestBody"]["content"]["application/json"]
    assert login["schema"] == {"$ref": "#/components/schemas/LoginRequest"}
    assert document["components"]["schemas"]["LoginRequest"]["required"] == ["username", "password"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


async def test_settings_change_the_document(start_port: StartPort) -> None:
    port = await start_port(SIGNUP_ACTIVATED="1", OPEN_DEPLOYMENT="0", APPLICATION_ROOT="/api")
    reply = await port.client.get("/api/openapi.json")
    document = reply.json()
    assert document["servers"] == [{"url": "/api"}]
    assert "security" not in document["paths"]["/signup/"]["post"]
    check = document["paths"]["/data-check/case/{idx}/"]["post"]
    schema = check["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/WorkflowNamed"}
    assert "415" in check["responses"]
    assert (await port.client.get("/api/swagger/")).json()["basePath"] == "/api"
    page = (await port.client.get("/api/swagger-ui/")).text
    assert "/api/openapi.json" in page


async def test_replies_are_as_described(port: Port, document: Json, swagger: Json) -> None:
    replies = await tour(port)

    asked = {reply.operation for reply in replies}
    operations = {key(o): o for o in ported_operations(port.app)}
    assert asked == set(operations)
    succeeded = {reply.operation for reply in replies if reply.status < 300}
    assert set(operations) - succeeded == NO_SUCCESS | {
        # they want a mail server, a running orchestrator, or its files
        "PUT /user/recover-password/",
        "GET /example/<string:dag_name>/",
        "GET /example/<string:dag_name>/<string:example_name>/",
        "GET /execution/files/<string:idx>/",
        "POST /execution/<string:idx>/",
        "POST /execution/files/<string:idx>/",
        "DELETE /execution/files/cleanup/",
    }
    for reply in replies:
        operation = operations[reply.operation]
        check_reply(reply, described(document, operation), document)
        check_reply_in_swagger(reply, described(swagger, operation), swagger)


def check_reply(reply: Reply, operation: Json, document: Json) -> None:
    assert str(reply.status) in operation["responses"], reply
    schema = operation["responses"][str(reply.status)]["content"]["application/json"]["schema"]
    whole = {"components": document["components"], "allOf": [schema]}
    errors = [e.message for e in Draft202012Validator(whole).iter_errors(reply.body)]
    assert not errors, (reply, errors)


def check_reply_in_swagger(reply: Reply, operation: Json, swagger: Json) -> None:
    schema = operation["responses"][str(reply.status)]["schema"]
    whole = {"definitions": with_null(swagger["definitions"]), "allOf": [with_null(schema)]}
    errors = [e.message for e in Draft4Validator(whole).iter_errors(reply.body)]
    assert not errors, (reply, errors)


def with_null(schema: Any) -> Any:
    """`x-nullable` in the words of JSON Schema."""
    if isinstance(schema, list):
        return [with_null(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: with_null(part) for name, part in schema.items()}
    if found.pop("x-nullable", False) is True:
        return {"anyOf": [found, {"type": "null"}]}
    return found


async def test_swagger_describes_the_same_operations(
    port: Port, document: Json, swagger: Json
) -> None:
    assert swagger["swagger"] == "2.0"
    for operation in ported_operations(port.app):
        ours, theirs = described(document, operation), described(swagger, operation)
        assert theirs["responses"].keys() == ours["responses"].keys()
        assert theirs.get("security") == ours.get("security")
        bodies = [p for p in theirs["parameters"] if p["in"] in ("body", "formData")]
        assert bool(bodies) is ("requestBody" in ours), operation
        simple = [p for p in theirs["parameters"] if p["in"] not in ("body", "formData")]
        assert len(simple) == len(ours.get("parameters", [])), operation
        assert all("schema" not in p and p["type"] for p in simple), operation
    assert swagger["securityDefinitions"]["token"]["type"] == "apiKey"


async def test_swagger_uses_only_words_of_its_version(swagger: Json) -> None:
    text = str(swagger)
    for word in ("anyOf", "oneOf", "'const'", "#/components", "'null'", "requestBody", "'content'"):
        assert word not in text, word
    references = set(re.findall(r"#/definitions/(\w+)", text))
    assert references <= swagger["definitions"].keys()
    for model in swagger["definitions"].values():
        Draft4Validator.check_schema(model)


@pytest.mark.parametrize(
    ("modern", "old"),
    [
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "string", "x-nullable": True}),
        ({"type": ["integer", "null"]}, {"type": "integer", "x-nullable": True}),
        (
            {"anyOf": [{"$ref": "#/components/schemas/A"}, {"type": "null"}], "title": "T"},
            {"allOf": [{"$ref": "#/definitions/A"}], "title": "T", "x-nullable": True},
        ),
        (
            {"anyOf": [{"$ref": "#/components/schemas/A"}, {"type": "integer"}]},
            {"description": "One of: A, integer"},
        ),
        ({"const": 3}, {"enum": [3]}),
        (
            {"type": "number", "exclusiveMinimum": 0},
            {"type": "number", "minimum": 0, "exclusiveMinimum": True},
        ),
        ({"type": "array", "items": True}, {"type": "array", "items": {}}),
        ({"type": "array"}, {"type": "array", "items": {}}),
        (
            {
                "type": "object",
                "additionalProperties": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            },
            {"type": "object", "additionalProperties": {"type": "integer", "x-nullable": True}},
        ),
        ({"type": "string", "default": None}, {"type": "string", "default": None}),
    ],
)
def test_schemas_are_translated(modern: Json, old: Json) -> None:
    document = {
        "info": {"title": "t", "version": "1"},
        "paths": {},
        "components": {"schemas": {"X": modern}},
    }
    assert to_swagger(document)["definitions"]["X"] == old


async def test_the_pages_answer(port: Port) -> None:
    for path in ("/docs", "/swagger-ui/"):
        page = await port.call("GET", path, as_=None)
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        assert "/openapi.json" in page.text
    for path in ("/swagger", "/swagger-ui"):
        moved = await port.call("GET", path, as_=None)
        assert (moved.status_code, moved.headers["location"]) == (308, f"http://port{path}/")
    assert (await port.call("POST", "/swagger/", as_=None)).status_code == 405
    assert (await port.call("HEAD", "/swagger/", as_=None)).status_code == 200
