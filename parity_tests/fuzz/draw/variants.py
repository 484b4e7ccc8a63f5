"""What a field or a parameter of a request may hold, as finite lists: for sweeps that leave none out. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from parity_core.model import Json
from parity_tests.fuzz.catalogue import Catalogue, FuzzOperation
from parity_tests.fuzz.draw import values
from parity_tests.fuzz.draw.draft import Ref, Wish, reference
from parity_tests.fuzz.draw.near import near, usual

MOMENT = "moment"
"""Things of this kind are the times in replies to creations (scene.py)."""
TAG = "tag"
"""Things of this kind are the `ETag`s of replies (scene.py)."""
DROP = object()
"""The field is left out."""
_SOME = 3
"""Of values that are drawn from many."""
_WISHES = (Wish.MINE, Wish.SECOND, Wish.NEW, Wish.OTHERS, Wish.GONE, Wish.NEVER)
_ROUND_NUMBERS = (0, 1, 2, 10, 100, -1)


@dataclass(frozen=True)
class Variant:
    name: str
    value: object
    is_meant: bool
    """It is a value that the configuration tells, and what it does is worth reading."""


def referred(catalogue: Catalogue, name: str, value: Json = None) -> list[str]:
    """The kinds of things that a field refers to: by its name, or by the value it has."""
    found = [*catalogue.fields.get(name, ()), value]
    kinds = (one[2:-1] for one in found if isinstance(one, str) and one.startswith("${"))
    return [kind for kind in dict.fromkeys(kinds) if kind in catalogue.things]


def of_bodies(operation: FuzzOperation, catalogue: Catalogue, rng: random.Random) -> list[Variant]:
    """Each field of the body: left out, null, each value that is told of, one that is nearly right, others."""
    given = operation.examples or operation.forms
    known = operation.shape.form if operation.forms else operation.shape.body
    found: list[Variant] = []
    for name in dict.fromkeys([*(key for one in given for key in one), *known]):
        schema = known.get(name, {})
        told = [one[name] for one in given if name in one]
        if told:
            found.append(Variant(name, DROP, True))
        found += meant(name, schema, told, catalogue)
        odd: list[Json] = [None, *near_values(name, schema, told, catalogue)]
        if not operation.forms:
            odd += _sample(rng, values.WRONG.get(values.kind(schema) or "", ()))
            odd += _sample(rng, edges(schema))
        found += [
            Variant(name, value, False) for value in odd if value is not None or not operation.forms
        ]
    return found


def of_paths(
    operation: FuzzOperation, catalogue: Catalogue, rng: random.Random
) -> list[tuple[str, str | Ref]]:
    """Each variable of the rule, with what it may be an id of, all that the seed has of it, and what is odd."""
    found: list[tuple[str, str | Ref]] = []
    for name, converter in operation.parameters:
        known = operation.path.get(name)
        told: list[str | Ref] = list(known) if isinstance(known, list) else []
        if isinstance(known, str):
            kind = reference(known).kind
            told += [Ref(kind, wish) for wish in _WISHES]
            told += [Ref(kind, pick=n + 1) for n in range(len(catalogue.things[kind].seeded) - 1)]
        odd = values.ODD_IDS.get(converter, values.ODD_IDS["string"])
        found += [(name, value) for value in (*told, *rng.sample(odd, 2))]
    return found


def of_queries(operation: FuzzOperation, catalogue: Catalogue, rng: random.Random) -> list[Variant]:
    """Each parameter of the query, with what is told of it, near it, and what reads as its type."""
    known = operation.shape.query
    found: list[Variant] = []
    for name in dict.fromkeys([*known, *(key for one in operation.queries for key in one)]):
        schema = known.get(name, {})
        told = [one[name] for one in operation.queries if name in one]
        found += meant(name, schema, told, catalogue)
        odd: list[Json] = [*near_values(name, schema, told, catalogue)]
        odd += _sample(rng, [str(one) for one in edges(schema)])
        odd += _sample(rng, values.NUMBERS_AS_TEXT)
        found += [Variant(name, value, False) for value in odd]
    return found


def meant(
    name: str, schema: Mapping[str, Json], told: Sequence[Json], catalogue: Catalogue
) -> list[Variant]:
    """Values by name or schema: whatever things it refers to in every relation to them, alternatives."""
    kinds = [kind for one in told or [None] for kind in referred(catalogue, name, one)]
    found: list[object] = [Ref(kind, wish) for kind in dict.fromkeys(kinds) for wish in _WISHES]
    plain = [*told, *catalogue.fields.get(name, ()), *schema.get("enum", ())]
    found += [one for one in plain if not (isinstance(one, str) and one.startswith("${"))]
    if values.kind(schema) == "boolean":
        found += [True, False]
    if schema.get("format") == "date-time":
        found += [Ref(MOMENT, like=name), "2020-01-01T00:00:00", "2099-01-01T00:00:00"]
    return [Variant(name, value, True) for value in _distinct(found)]


def near_values(
    name: str, schema: Mapping[str, Json], told: Sequence[Json], catalogue: Catalogue
) -> list[Json]:
    """The first text that is right, with one thing wrong each time."""
    right = [*told, *catalogue.fields.get(name, ()), usual(name, schema)]
    for one in right:
        if isinstance(one, str) and (found := near(one)):
            return list(found)
    return []


def edges(schema: Mapping[str, Json]) -> Sequence[Json]:
    name = values.kind(schema)
    if name == "integer":
        return (*_ROUND_NUMBERS, *values.INTEGERS)
    if name == "number":
        return (*_ROUND_NUMBERS, *values.FLOATS)
    if schema.get("format") == "date-time":
        return values.MOMENTS
    return values.TEXTS if name == "string" else ()


def _sample(rng: random.Random, options: Sequence[Json]) -> list[Json]:
    return rng.sample(list(options), min(_SOME, len(options)))


def _distinct(found: Sequence[object]) -> list[object]:
    # some can not be hashed, and 1 is not True here
    return list({repr(one): one for one in found}.values())
