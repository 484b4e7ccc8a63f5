"""The control API's own OpenAPI document, as it answers: 400 where FastAPI would say 422, and who may ask."""

from typing import Any

from fastapi import FastAPI

_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}},
}
_TEXTS = {
    "400": "what was sent makes no sense; `detail` says where",
    "401": "neither the bridge's token nor that of an admin",
    "403": "the control API is closed, or a page of another site asks",
    "404": "no such operation; `near` names some that are alike",
    "409": "what was asked for is not possible now",
    "413": "the body is too long",
    "429": "too many wrong passwords: wait a minute",
    "503": "the database does not answer",
}


def document_of(app: FastAPI) -> dict[str, Any]:
    """Changes the document that FastAPI makes, and keeps it."""
    made = FastAPI.openapi(app)
    if "bearer" in made.get("components", {}).get("securitySchemes", {}):
        return made
    parts = made.setdefault("components", {})
    parts.setdefault("schemas", {})["Error"] = _ERROR
    parts["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for path, item in made["paths"].items():
        for operation in item.values():
            replies = operation["responses"]
            replies.pop("422", None)
            if path.endswith("/health"):
                continue
            operation["security"] = [{"bearer": []}]
            for status, text in _TEXTS.items():
                replies.setdefault(status, {"description": text, "content": content})
    for name in ("HTTPValidationError", "ValidationError"):
        parts["schemas"].pop(name, None)
    return made
