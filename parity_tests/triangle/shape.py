"""What a description says of each operation, whether it is Swagger 2.0 or OpenAPI 3. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from parity_core.compare.places import escape
from parity_core.model import ParityError

Json = Mapping[str, Any]

DEPTH = 3
"""As deep as observations go."""
OPEN = "…"
"""As a field: whatever is here or below is allowed, and not described."""
ANY = "default"
"""As a status: how an operation fails that was asked rightly, 5xx; more than that would hide what is missing."""

_METHODS = ("get", "post", "put", "patch", "delete")
_VARIABLE = re.compile(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>")


@dataclass
class Shape:
    """One operation in one telling."""

    statuses: set[str] = field(default_factory=set)
    query: set[str] = field(default_factory=set)
    body: set[str] = field(default_factory=set)
    """Places of fields, `*/owner/id`; the one that ends with `…` is open."""
    replies: set[str] = field(default_factory=set)
    """Places of all replies that succeed."""
    refusals: set[str] = field(default_factory=set)
    """Places of all others."""


def of_document(document: Json, operations: Iterable[str]) -> dict[str, Shape]:
    """The shapes of the operations that the document tells of, by the census's labels."""
    if not isinstance(document.get("paths"), dict):
        raise ParityError("a description without `paths` is neither Swagger 2.0 nor OpenAPI 3")
    base = str(document.get("basePath") or "").rstrip("/")
    shapes: dict[str, Shape] = {}
    for label, (item, operation) in _described(
        document["paths"], base, sorted(set(operations))
    ).items():
        shapes[label] = _Reader(document).operation(item, operation)
    return shapes


def _described(paths: Json, base: str, labels: list[str]) -> dict[str, tuple[Json, Json]]:
    """The item and operation of each label: by the names of its variables, else by its form alone.

    Two rules of one form (`/x/<int:id>`, `/x/<name>`) are two operations: a path whose variables are
    called as one rule's describes that one; a path that names neither describes both.
    """
    named: dict[str, tuple[Json, Json]] = {}
    by_form: defaultdict[str, list[tuple[str, tuple[Json, Json]]]] = defaultdict(list)
    for path, item in paths.items():
        for method in _METHODS:
            if method in item:
                # with and without the base: servers differ in where they write it
                for full in dict.fromkeys(
                    (f"{method.upper()} {base}{path}", f"{method.upper()} {path}")
                ):
                    named[full] = (item, item[method])
                    by_form[_form(full)].append((full, named[full]))
    exact = {_braces(label) for label in labels} & set(named)
    described: dict[str, tuple[Json, Json]] = {}
    for label in labels:
        # what names one rule of a form exactly says nothing of the form's other rules
        others = [one for full, one in by_form[_form(label)] if full not in exact]
        if (full := _braces(label)) in exact:
            described[label] = named[full]
        elif others:
            described[label] = others[-1]
    return described


def of_observation(observation: Json) -> Shape:
    """From `operations.*.observed` of a report."""
    shape = Shape(
        set(observation["statuses"]) - {"none"},
        set(observation["query"]),
        set(observation["body"]) - {""},
    )
    for status, fields in observation["replies"].items():
        into = shape.replies if status < "400" else shape.refusals
        into |= set(fields) - {""}
    return shape


def _braces(label: str) -> str:
    """A rule's variables as paths of documents write them."""
    return _VARIABLE.sub(r"{\1}", label)


def _form(label: str) -> str:
    """Rules and paths alike, whatever their variables are called."""
    return re.sub(r"\{[^}]*\}", "{}", _braces(label))


class _Reader:
    def __init__(self, document: Json) -> None:
        self.document = document

    def operation(self, item: Json, operation: Json) -> Shape:
        shape = Shape()
        for raw in [*item.get("parameters", ()), *operation.get("parameters", ())]:
            parameter = self.resolve(raw)
            if parameter.get("in") == "query":
                shape.query.add(parameter["name"])
            elif parameter.get("in") == "formData":
                shape.body.add(escape(parameter["name"]))
            elif parameter.get("in") == "body":
                shape.body |= set(self.fields(parameter.get("schema", {})))
        for media in self.resolve(operation.get("requestBody", {})).get("content", {}).values():
            shape.body |= set(self.fields(media.get("schema", {})))
        replies = {str(s): self.resolve(raw) for s, raw in operation.get("responses", {}).items()}
        # beside replies that succeed `default` tells how it fails; alone it tells all there is
        alone = not any(status < "4" for status in replies)
        for status, reply in replies.items():
            shape.statuses.add(status)
            media = reply.get("content", {}).values()
            schemas = (
                [reply["schema"]] if "schema" in reply else [m.get("schema", {}) for m in media]
            )
            fields = {place for schema in schemas for place in self.fields(schema)}
            if status < "4" or (status == ANY and alone):
                shape.replies |= fields
            else:
                shape.refusals |= fields
        for places in (shape.body, shape.replies, shape.refusals):
            places.discard("")
        return shape

    def fields(self, schema: Any, place: str = "", depth: int = 0) -> Iterator[str]:
        """Places of a schema's fields; one that allows any field has an open one."""
        schema = self.resolve(schema) if isinstance(schema, dict) else {}
        yield place
        if depth == DEPTH:
            return
        below = f"{place}/" if place else ""
        parts = [part for word in ("allOf", "anyOf", "oneOf") for part in schema.get(word, ())]
        for part in parts:
            yield from self.fields(part, place, depth)
        for name, value in schema.get("properties", {}).items():
            yield from self.fields(value, below + escape(name), depth + 1)
        if "items" in schema:
            yield from self.fields(schema["items"], f"{below}*", depth + 1)
        more = schema.get("additionalProperties")
        if isinstance(more, dict) and more:
            yield from self.fields(more, f"{below}{OPEN}", depth + 1)
        elif more or (not parts and _says_nothing(schema)):
            yield f"{below}{OPEN}"

    def resolve(self, value: Any, limit: int = 20) -> Json:
        """What a `$ref` leads to inside the document; nothing when it leads nowhere."""
        while isinstance(value, dict) and "$ref" in value and limit:
            limit -= 1
            target: Any = self.document
            for part in str(value["$ref"]).removeprefix("#/").split("/"):
                name = part.replace("~1", "/").replace("~0", "~")
                target = target.get(name) if isinstance(target, dict) else None
            value = target
        return value if isinstance(value, dict) else {}


def _says_nothing(schema: Json) -> bool:
    """No type at all, or an object or list of which nothing more is told: it may hold anything."""
    if "enum" in schema or "const" in schema:
        return False
    kind = schema.get("type")
    kinds = set(kind) if isinstance(kind, list) else {kind}
    if kinds & {"object", None} and "properties" not in schema:
        return schema.get("additionalProperties") is not False
    return "array" in kinds and "items" not in schema
