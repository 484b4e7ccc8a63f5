"""The OpenAPI document: FastAPI's own, corrected where the port answers as the legacy does.

A request that fails validation is a 400 with the legacy's envelopes, not FastAPI's 422; guarded
operations name the bearer token they need; what dependencies read from the request is described too.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from cornflow_f.config import Settings, SignupMode
from cornflow_f.schemas.common import ErrorReply, HttpErrorReply, MalformedReply, WorkflowNamed
from cornflow_f.schemas.execution import OrchestratorErrorReply
from cornflow_f.web.census import PortedOperation

SCHEME = "token"
_METHODS = frozenset(("get", "put", "post", "delete", "patch"))
_JSON = "application/json"
_ADDED = (ErrorReply, HttpErrorReply, MalformedReply, WorkflowNamed)

Json = dict[str, Any]


def install(app: FastAPI, operations: list[PortedOperation], settings: Settings) -> None:
    """Makes `app.openapi()` build the corrected document, once."""
    by_place = {(o.method.lower(), o.path): o for o in operations}

    def openapi() -> Json:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title, version=app.version, routes=app.routes, servers=_servers(settings)
            )
            app.openapi_schema = _corrected(document, by_place, settings)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents


def _servers(settings: Settings) -> list[Json | Any] | None:
    root = settings.application_root
    return None if root == "/" else [{"url": root}]


def _corrected(
    document: Json, operations: dict[tuple[str, str], PortedOperation], settings: Settings
) -> Json:
    components = document.setdefault("components", {})
    components.setdefault("securitySchemes", {})[SCHEME] = {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The token that `/login/` gives",
    }
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for model in _ADDED:
        schemas.setdefault(model.__name__, model.model_json_schema())
    for path, methods in document["paths"].items():
        for method in _METHODS & methods.keys():
            _correct(methods[method], operations[method, path], settings)
    return document


def _correct(described: Json, operation: PortedOperation, settings: Settings) -> None:
    replies = described["responses"]
    replies.pop("422", None)
    if "{" not in operation.path and operation.method == "GET":
        # A list may be empty; it is always there.
        replies.pop("404", None)
    if operation.guarded and not _is_open(operation, settings):
        described["security"] = [{SCHEME: []}]
    if operation.query is not None:
        described.setdefault("parameters", []).extend(_parameters(operation.query))
    if _JSON in described.get("requestBody", {}).get("content", {}):
        _also(replies, "400", MalformedReply)
    if operation.names_workflow:
        _describe_named_workflow(described, settings)
    if operation.inflates:
        described.setdefault("parameters", []).append(_CONTENT_ENCODING)
        replies["413"] = _reply("The body inflates to more than the server takes", ErrorReply)
    replies["default"] = _reply("The server fails (500), or its database (503)", HttpErrorReply)
    if OrchestratorErrorReply.__name__ in str(replies.get("400")):
        replies["default"]["description"] += ", or the orchestrator, with its own status"
        _also(replies, "default", OrchestratorErrorReply)


def _is_open(operation: PortedOperation, settings: Settings) -> bool:
    """Sign-up has a guard that lets everybody pass when it is told so."""
    return operation.name == "signup" and settings.signup_activated is SignupMode.OPEN


_CONTENT_ENCODING = {
    "name": "Content-Encoding",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "enum": ["gzip"]},
}


def _describe_named_workflow(described: Json, settings: Settings) -> None:
    """`require_dag_permission` reads the body of operations that have none themselves."""
    if settings.open_deployment:
        return
    described.setdefault(
        "requestBody",
        {"required": True, "content": {_JSON: {"schema": _reference(WorkflowNamed)}}},
    )
    _also(described["responses"], "400", HttpErrorReply)
    described["responses"]["415"] = _reply("The body is not JSON", HttpErrorReply)


def _parameters(query: type[BaseModel]) -> list[Json]:
    schema = query.model_json_schema()
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": _without_null(described),
        }
        for name, described in schema["properties"].items()
    ]


def _without_null(schema: Json) -> Json:
    """A query string leaves out what has no value: it can't say null."""
    kept = {name: value for name, value in schema.items() if value is not None}
    choices = [choice for choice in kept.pop("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) == 1:
        return {**kept, **choices[0]}
    return {**kept, "anyOf": choices} if choices else kept


def _reply(description: str, model: type[BaseModel]) -> Json:
    return {"description": description, "content": {_JSON: {"schema": _reference(model)}}}


def _reference(model: type[BaseModel]) -> Json:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _also(replies: Json, status: str, model: type[BaseModel]) -> None:
    """One more shape that the reply may have."""
    content = replies[status]["content"][_JSON]
    known = content["schema"].get("anyOf", [content["schema"]])
    content["schema"] = {"anyOf": [*known, _reference(model)]}
