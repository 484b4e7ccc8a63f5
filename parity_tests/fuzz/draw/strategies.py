"""Hypothesis strategies for requests: mostly right, a few things wrong at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from parity_core.model import Json
from parity_tests.fuzz.catalogue import Catalogue, FuzzOperation
from parity_tests.fuzz.draw import values
from parity_tests.fuzz.draw.draft import Damage, Draft, Ref, Spelling, references

_BAD_USERS: tuple[Json, ...] = (
    {"authorization": "Bearer"},
    {"authorization": "Bearer x.y.z"},
    {"authorization": "Basic YTpi"},
    {"authorization": ""},
)  # fmt: skip
_HEADERS: tuple[Mapping[str, str], ...] = (
    *({},) * 14,
    {"Accept-Encoding": "gzip"},
    {"Accept-Encoding": "br, gzip;q=0.5"},
    {"Accept": "text/html"},
    {"Origin": "http://a.example"},
    {"X-HTTP-Method-Override": "DELETE"},
    {"Range": "bytes=0-3"},
    {"If-None-Match": "*"},
)
_EXTRA = ("unknown", "id", "user_id", "created_at", "__class__")
"""Fields that few operations take."""
_DROP = object()


def drafts(
    operation: FuzzOperation, catalogue: Catalogue, users: Sequence[str]
) -> SearchStrategy[Draft]:
    """Requests to one operation; `users` are the names of all seeded users."""
    return _Drafts(operation, catalogue, users).strategy()


class _Drafts:
    def __init__(
        self, operation: FuzzOperation, catalogue: Catalogue, users: Sequence[str]
    ) -> None:
        self.operation = operation
        self.catalogue = catalogue
        self.user = st.sampled_from(_users(operation, catalogue, users))
        self.path = {
            name: self._identifier(operation.path.get(name), converter)
            for name, converter in operation.parameters
        }
        shape = operation.shape
        names = dict.fromkeys([*shape.query, *(key for one in operation.queries for key in one)])
        self.query = {name: self._text(name, shape.query.get(name, {})) for name in names}
        self.query["unknown"] = values.texts
        bodies = operation.examples or operation.forms
        known = shape.body if not operation.forms else shape.form
        self.fields = {
            name: self._field(name, known.get(name, {}), bool(operation.forms))
            for name in dict.fromkeys([*(key for one in bodies for key in one), *known, *_EXTRA])
        }
        self.built = values.objects(
            {name: schema for name, schema in known.items() if name not in catalogue.fields},
            shape.required,
        )
        self.hinted = [name for name in known if name in catalogue.fields]

    def strategy(self) -> SearchStrategy[Draft]:
        @st.composite
        def draft(draw: st.DrawFn) -> Draft:
            user = draw(self.user)
            path = {name: draw(one) for name, one in self.path.items()}
            query = self.draw_query(draw)
            content = self.draw_content(draw)
            method, spelling, headers = draw(_envelope)
            return Draft(
                user, path, query, headers=headers, method=method, spelling=spelling, **content
            )

        return draft()

    def draw_query(self, draw: st.DrawFn) -> tuple[tuple[str, Json | Ref], ...]:
        pairs = list(draw(st.sampled_from(self.operation.queries)).items())
        some = len(self.query) > 1
        for _ in range(draw(_many if some else _seldom)):
            name = draw(st.sampled_from(list(self.query)))
            pairs.append((name, draw(self.query[name])))
        return tuple(pairs)

    def draw_content(self, draw: st.DrawFn) -> dict[str, Any]:
        operation = self.operation
        bodies = operation.examples or operation.forms
        if not bodies:
            if operation.method in ("GET", "DELETE") or not draw(_seldom):
                return {}
            return {"body": draw(values.anything), "damage": draw(_damages)}
        way = draw(_ways)
        if way == "any" and not operation.forms:
            return {"body": draw(values.anything)}
        if way == "built" and not operation.forms:
            body: dict[str, Json] = dict(draw(self.built))
            for name in self.hinted:
                if name in operation.shape.required or draw(st.booleans()):
                    body[name] = draw(self.fields[name])
            return {"body": {k: v for k, v in body.items() if v is not _DROP}}
        body = dict(draw(st.sampled_from(bodies)))
        if way == "edited":
            for _ in range(draw(_edits)):
                name = draw(st.sampled_from(list(self.fields)))
                value = draw(self.fields[name])
                if value is _DROP:
                    body.pop(name, None)
                else:
                    body[name] = value
        damage = draw(_damages) if way == "damaged" else Damage.NONE
        return {"form" if operation.forms else "body": body, "damage": damage}

    def _identifier(self, known: Json, converter: str) -> SearchStrategy[Any]:
        odd = list(values.ODD_IDS.get(converter, values.ODD_IDS["string"]))
        usual: list[Any] = references(known) if isinstance(known, str) else list(known or ["1"]) * 4
        # one in six is odd
        weight = max(1, len(odd) * 5 // len(usual))
        return st.sampled_from([*usual * weight, *odd])

    def _hints(self, name: str) -> list[Any]:
        hints: list[Any] = []
        for value in self.catalogue.fields.get(name, ()):
            kind = value[2:-1] if isinstance(value, str) and value.startswith("${") else ""
            hints += references(kind) if kind in self.catalogue.things else [value]
        return hints

    def _text(self, name: str, schema: Mapping[str, Json]) -> SearchStrategy[Any]:
        hints = self._hints(name)
        return st.sampled_from(hints) | values.query(schema) if hints else values.query(schema)

    def _field(self, name: str, schema: Mapping[str, Json], form: bool) -> SearchStrategy[Any]:
        hints = self._hints(name)
        options: list[SearchStrategy[Any]] = [st.sampled_from(hints)] if hints else []
        if form:
            return st.one_of(*options, st.just(_DROP), values.query(schema))
        options += [
            values.valid(schema),
            values.wrong(schema),
            st.sampled_from([_DROP, None, _DROP]),
            st.sampled_from([*values.TEXTS, *values.INTEGERS, *values.HUGE]),
        ]
        return st.one_of(options)


def _users(
    operation: FuzzOperation, catalogue: Catalogue, users: Sequence[str]
) -> list[Json | Ref]:
    usual: list[Any] = list(operation.users) or [None]
    session: list[Any] = [Ref("session")] if catalogue.maker("session") else []
    rest: list[Any] = [*users, *session, *session, None, *_BAD_USERS, *catalogue.refused]
    return [*usual * max(1, 3 * len(rest) // len(usual)), *rest]


_many = st.sampled_from([0, 0, 0, 1, 1, 2])
_seldom = st.sampled_from([0] * 11 + [1])
_edits = st.sampled_from([1, 1, 1, 2, 3])
_ways = st.sampled_from(["as it is"] * 6 + ["edited"] * 6 + ["built"] * 2 + ["any", "damaged", "damaged"])  # fmt: skip
_damages = st.sampled_from([one for one in Damage if one is not Damage.NONE])
_envelope = st.tuples(
    st.sampled_from([None] * 24 + ["HEAD", "OPTIONS", "PATCH", "PUT"]),
    st.sampled_from([Spelling.USUAL] * 28 + [Spelling.NO_SLASH, Spelling.DOUBLE_SLASH]),
    st.sampled_from(_HEADERS),
)
