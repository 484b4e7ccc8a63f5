"""The OpenAPI 3.1 document as Swagger 2.0, for clients generated from the legacy's `/swagger/`.

What 2.0 has no word for is widened, never narrowed: a choice of shapes becomes any value (with the
shapes named in its description), and a value that may be null says so as `x-nullable`.
"""

from typing import Any

Json = dict[str, Any]

_OPENAPI_MODELS = "#/components/schemas/"
_SWAGGER_MODELS = "#/definitions/"
_JSON = "application/json"
_FORM = "multipart/form-data"
_METHODS = ("get", "put", "post", "delete", "patch")

_KEPT = frozenset(
    (
        "default",
        "description",
        "enum",
        "format",
        "maxItems",
        "maxLength",
        "maximum",
        "minItems",
        "minLength",
        "minimum",
        "pattern",
        "required",
        "title",
        "type",
        "uniqueItems",
    )
)
"""What means the same in both; `type` when it is one word."""

_BOUNDS = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}


def to_swagger(document: Json) -> Json:
    """Pure: the document is not changed."""
    components = document.get("components", {})
    swagger: Json = {
        "swagger": "2.0",
        "info": {k: v for k, v in document["info"].items() if k in ("title", "version")},
        "consumes": [_JSON],
        "produces": [_JSON],
        "paths": {
            path: {m: _operation(described[m]) for m in _METHODS if m in described}
            for path, described in document["paths"].items()
        },
        "definitions": {
            name: _schema(schema) for name, schema in components.get("schemas", {}).items()
        },
        "securityDefinitions": {
            name: _security(scheme)
            for name, scheme in components.get("securitySchemes", {}).items()
        },
    }
    servers = document.get("servers")
    if servers:
        swagger["basePath"] = servers[0]["url"]
    return swagger


def _security(scheme: Json) -> Json:
    # 2.0 knows no bearer tokens: the header is the nearest.
    description = scheme.get("description", "A token")
    return {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": f"`Bearer <token>`. {description}",
    }


def _operation(described: Json) -> Json:
    kept = ("tags", "summary", "description", "operationId", "security", "deprecated")
    operation: Json = {name: described[name] for name in kept if name in described}
    operation["parameters"] = [_parameter(p) for p in described.get("parameters", ())]
    body = described.get("requestBody")
    if body is not None:
        operation["parameters"] += _body(body)
        operation["consumes"] = list(body["content"])
    replies = described["responses"]
    operation["responses"] = {status: _reply(reply) for status, reply in replies.items()}
    media = {kind for reply in replies.values() for kind in reply.get("content", ())}
    if media - {_JSON}:
        operation["produces"] = sorted(media)
    return operation


def _parameter(parameter: Json) -> Json:
    kept = ("name", "in", "description", "required")
    fields = {name: parameter[name] for name in kept if name in parameter}
    schema = _schema(parameter.get("schema", {}))
    schema.pop("title", None)
    # A parameter has a simple type, and a form with no words for null.
    return {**schema, "type": schema.get("type", "string"), **fields}


def _body(body: Json) -> list[Json]:
    content = body["content"]
    if _FORM not in content:
        schema = content.get(_JSON, next(iter(content.values()))).get("schema", {})
        required = body.get("required", False)
        return [{"name": "body", "in": "body", "required": required, "schema": _schema(schema)}]
    form = content[_FORM]["schema"]
    needed = form.get("required", ())
    return [
        _parameter({"name": name, "in": "formData", "required": name in needed, "schema": field})
        | ({"type": "file"} if field.get("format") == "binary" else {})
        for name, field in form["properties"].items()
    ]


def _reply(reply: Json) -> Json:
    converted: Json = {"description": reply.get("description", "")}
    content = reply.get("content", {})
    if _JSON in content:
        converted["schema"] = _schema(content[_JSON].get("schema", {}))
    elif content:
        converted["schema"] = {"type": "file"}
    return converted


def _schema(schema: Any) -> Json:
    if not isinstance(schema, dict):
        # True and False are schemas in 3.1
        return {}
    if "$ref" in schema:
        return {"$ref": schema["$ref"].replace(_OPENAPI_MODELS, _SWAGGER_MODELS)}
    choices = schema.get("anyOf", schema.get("oneOf"))
    if choices is not None:
        return _choice(schema, choices)
    converted: Json = {name: value for name, value in schema.items() if name in _KEPT}
    if isinstance(schema.get("type"), list):
        converted.pop("type")
        return _choice(
            {**schema, **converted}, [{**schema, "type": kind} for kind in schema["type"]]
        )
    for name, bound in _BOUNDS.items():
        if name in schema:
            converted |= {bound: schema[name], name: True}
    if "const" in schema:
        converted["enum"] = [schema["const"]]
    if schema.get("type") == "array":
        converted["items"] = _schema(schema.get("items", {}))
    if "properties" in schema:
        converted["properties"] = {name: _schema(s) for name, s in schema["properties"].items()}
    if "allOf" in schema:
        converted["allOf"] = [_schema(part) for part in schema["allOf"]]
    more = schema.get("additionalProperties")
    if more is not None:
        converted["additionalProperties"] = more if isinstance(more, bool) else _schema(more)
    return converted


def _choice(schema: Json, choices: list[Json]) -> Json:
    """One of several: null is a mark, and of several others none can be told."""
    outside: Json = {
        name: schema[name]
        for name in ("title", "description", "default")
        if schema.get(name) is not None
    }
    others = [choice for choice in choices if choice.get("type") != "null"]
    null = {"x-nullable": True} if len(others) < len(choices) else {}
    if len(others) == 1:
        chosen = _schema(others[0])
        if "$ref" in chosen:
            # Nothing may stand beside a reference.
            chosen = {"allOf": [chosen]} if outside or null else chosen
        return {**chosen, **outside, **null}
    names = ", ".join(_name(choice) for choice in others)
    merged: Json = {
        "description": " ".join(filter(None, (schema.get("description"), f"One of: {names}")))
    }
    return {**outside, **merged, **null}


def _name(choice: Json) -> str:
    if "$ref" in choice:
        return str(choice["$ref"]).rpartition("/")[2]
    return str(choice.get("title") or choice.get("type") or "any value")
