"""What the API documents say of each request: Swagger 2.0 of one stack, OpenAPI 3 of the other. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from parity_core.model import Json

_CONVERTED = re.compile(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>")
_DEPTH = 6
"""References followed, one inside another; deeper values are drawn as any JSON."""


@dataclass(frozen=True)
class DocumentedShape:
    """The request of one operation: JSON Schemas by name, without references."""

    query: Mapping[str, Json] = field(default_factory=dict)
    body: Mapping[str, Json] = field(default_factory=dict)
    form: Mapping[str, Json] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    """Of the body's or form's fields."""

    def merged(self, other: DocumentedShape) -> DocumentedShape:
        """Fields that either document knows; where both do, this one's schema."""
        return DocumentedShape(
            {**other.query, **self.query},
            {**other.body, **self.body},
            {**other.form, **self.form},
            self.required | other.required,
        )


def shapes(documents: Iterable[Json], operations: Iterable[str]) -> dict[str, DocumentedShape]:
    """The shape of every operation; an empty one where no document tells. Earlier documents count more."""
    known = {}
    read = [_Document(document) for document in documents]
    for operation in operations:
        method, _, rule = operation.partition(" ")
        path = _CONVERTED.sub(r"{\1}", rule)
        shape = DocumentedShape()
        for document in read:
            shape = shape.merged(document.shape(method.lower(), path))
        known[operation] = shape
    return known


class _Document:
    def __init__(self, document: Json) -> None:
        self.document = document if isinstance(document, dict) else {}

    def shape(self, method: str, path: str) -> DocumentedShape:
        described = self.document.get("paths", {}).get(path, {})
        operation = described.get(method, {})
        query: dict[str, Json] = {}
        form: dict[str, Json] = {}
        body: dict[str, Json] = {}
        required: set[str] = set()
        for parameter in [*described.get("parameters", ()), *operation.get("parameters", ())]:
            # Swagger 2.0 writes a parameter's type beside its name, OpenAPI 3 in a schema
            schema = self.resolve(parameter.get("schema", parameter))
            if parameter.get("in") == "query":
                query[parameter["name"]] = schema
            elif parameter.get("in") == "formData":
                form[parameter["name"]] = schema
                required |= {parameter["name"]} if parameter.get("required") else set()
            elif parameter.get("in") == "body":
                body |= _properties(schema)
                required |= set(schema.get("required", ()))
        for kind, media in operation.get("requestBody", {}).get("content", {}).items():
            schema = self.resolve(media.get("schema", {}))
            (form if "form" in kind else body).update(_properties(schema))
            required |= set(schema.get("required", ()))
        return DocumentedShape(query, body, form, frozenset(required))

    def resolve(self, schema: Json, depth: int = 0) -> dict[str, Json]:
        """The schema with every `$ref` replaced by what it refers to."""
        if not isinstance(schema, dict) or depth > _DEPTH:
            return {}
        if "$ref" in schema:
            value: Json = self.document
            for segment in str(schema["$ref"]).removeprefix("#/").split("/"):
                value = value.get(segment, {}) if isinstance(value, dict) else {}
            return self.resolve(value, depth + 1)
        resolved = dict(schema)
        if isinstance(resolved.get("properties"), dict):
            resolved["properties"] = {
                name: self.resolve(one, depth + 1) for name, one in resolved["properties"].items()
            }
        if "items" in resolved:
            resolved["items"] = self.resolve(resolved["items"], depth + 1)
        for key in ("anyOf", "oneOf", "allOf"):
            if isinstance(resolved.get(key), list):
                resolved[key] = [self.resolve(one, depth + 1) for one in resolved[key]]
        return resolved


def _properties(schema: Mapping[str, Json]) -> dict[str, Json]:
    return {
        name: one
        for name, one in (schema.get("properties") or {}).items()
        if not one.get("readOnly")
    }
