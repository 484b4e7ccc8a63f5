"""The OpenAPI document: FastAPI's own, corrected where the port answers as the legacy does.

A request that fails validation is a 400 with the legacy's envelope, not FastAPI's 422; guarded
operations name the bearer token they need.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from cornflow_f.census import PortedOperation

_SCHEME = "token"
_METHODS = frozenset(("get", "put", "post", "delete", "patch"))


def install(app: FastAPI, operations: list[PortedOperation]) -> None:
    """Makes `app.openapi()` build the corrected document, once."""
    guarded = {(o.method.lower(), o.path) for o in operations if o.guarded}
    queries = {(o.method.lower(), o.path): o.query for o in operations if o.query is not None}

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _corrected(_document(app), guarded, queries)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents


def _document(app: FastAPI) -> dict[str, Any]:
    return get_openapi(title=app.title, version=app.version, routes=app.routes)


def _corrected(
    document: dict[str, Any],
    guarded: set[tuple[str, str]],
    queries: dict[tuple[str, str], type[BaseModel]],
) -> dict[str, Any]:
    components = document.setdefault("components", {})
    components.setdefault("securitySchemes", {})[_SCHEME] = {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The token that `/login/` gives",
    }
    for name in ("HTTPValidationError", "ValidationError"):
        components.get("schemas", {}).pop(name, None)
    for path, methods in document["paths"].items():
        for method in _METHODS & methods.keys():
            methods[method]["responses"].pop("422", None)
            if (method, path) in guarded:
                methods[method]["security"] = [{_SCHEME: []}]
            if (query := queries.get((method, path))) is not None:
                methods[method].setdefault("parameters", []).extend(_parameters(query))
    return document


def _parameters(query: type[BaseModel]) -> list[dict[str, Any]]:
    schema = query.model_json_schema()
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": described}
        for name, described in schema["properties"].items()
    ]
