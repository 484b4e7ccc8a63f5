"""What a field or a parameter of a request may hold, as finite lists: for sweeps that leave none out. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from parity_core.model import Json
from parity_tests.fuzz.catalogue import Catalogue, FuzzOperation
from parity_tests.fuzz.draw import values
from parity_tests.fuzz.draw.boundary_values import boundary_values, usual
from parity_tests.fuzz.draw.draft import Ref, Wish, reference

MOMENT = "moment"
"""Things of this kind are the times in replies to creations (scene.py)."""
TAG = "tag"
"""Things of this kind are the `ETag`s of replies (scene.py)."""
DROP = object()
"""The field is left out."""
_SOME = 3
"""Of values that are drawn from many."""
_WISH_KINDS = (Wish.MINE, Wish.SECOND, Wish.NEW, Wish.OTHERS, Wish.GONE, Wish.NEVER)
_ROUND_NUMBERS = (0, 1, 2, 10, 100, -1)


@dataclass(frozen=True)
class Variant:
    name: str
    value: object
    is_meant: bool
    """It is a value that the configuration tells, and what it does is worth reading."""


def referred(catalogue: Catalogue, name: str, value: Json = None) -> list[str]:
    """The kinds of things that a field refers to: by its name, or by the value it has."""
    candidates = [*catalogue.fields.get(name, ()), value]
    kinds = (one[2:-1] for one in candidates if isinstance(one, str) and one.startswith("${"))
    return [kind for kind in dict.fromkeys(kinds) if kind in catalogue.things]


def of_bodies(operation: FuzzOperation, catalogue: Catalogue, rng: random.Random) -> list[Variant]:
    """Each field of the body: left out, null, each value that is told of, one that is nearly right, others."""
    bodies = operation.examples or operation.forms
    known = operation.shape.form if operation.forms else operation.shape.body
    variants: list[Variant] = []
    for name in dict.fromkeys([*(key for one in bodies for key in one), *known]):
        schema = known.get(name, {})
        examples = [one[name] for one in bodies if name in one]
        if examples:
            variants.append(Variant(name, DROP, True))
        variants += meant(name, schema, examples, catalogue)
        odd: list[Json] = [None, *near_values(name, schema, examples, catalogue)]
        if not operation.forms:
            odd += _sample(rng, values.WRONG.get(values.kind(schema) or "", ()))
            odd += _sample(rng, edges(schema))
        variants += [
            Variant(name, value, False) for value in odd if value is not None or not operation.forms
        ]
    return variants


def of_paths(
    operation: FuzzOperation, catalogue: Catalogue, rng: random.Random
) -> list[tuple[str, str | Ref]]:
    """Each variable of the rule, with what it may be an id of, all that the seed has of it, and what is odd."""
    pairs: list[tuple[str, str | Ref]] = []
    for name, converter in operation.parameters:
        known = operation.path.get(name)
        choices: list[str | Ref] = list(known) if isinstance(known, list) else []
        if isinstance(known, str):
            kind = reference(known).kind
            choices += [Ref(kind, wish) for wish in _WISH_KINDS]
            choices += [
                Ref(kind, pick=n + 1) for n in range(len(catalogue.things[kind].seeded) - 1)
            ]
        odd = values.ODD_IDS.get(converter, values.ODD_IDS["string"])
        pairs += [(name, value) for value in (*choices, *rng.sample(odd, 2))]
    return pairs


def of_queries(operation: FuzzOperation, catalogue: Catalogue, rng: random.Random) -> list[Variant]:
    """Each parameter of the query, with what is told of it, near it, and what reads as its type."""
    known = operation.shape.query
    variants: list[Variant] = []
    for name in dict.fromkeys([*known, *(key for one in operation.queries for key in one)]):
        schema = known.get(name, {})
        examples = [one[name] for one in operation.queries if name in one]
        variants += meant(name, schema, examples, catalogue)
        odd: list[Json] = [*near_values(name, schema, examples, catalogue)]
        odd += _sample(rng, [str(one) for one in edges(schema)])
        odd += _sample(rng, values.NUMBERS_AS_TEXT)
        variants += [Variant(name, value, False) for value in odd]
    return variants


def meant(
    name: str, schema: Mapping[str, Json], examples: Sequence[Json], catalogue: Catalogue
) -> list[Variant]:
    """Values by name or schema: whatever things it refers to in every relation to them, alternatives."""
    kinds = [kind for one in examples or [None] for kind in referred(catalogue, name, one)]
    candidates: list[object] = [
        Ref(kind, wish) for kind in dict.fromkeys(kinds) for wish in _WISH_KINDS
    ]
    plain = [*examples, *catalogue.fields.get(name, ()), *schema.get("enum", ())]
    candidates += [one for one in plain if not (isinstance(one, str) and one.startswith("${"))]
    if values.kind(schema) == "boolean":
        candidates += [True, False]
    if schema.get("format") == "date-time":
        candidates += [Ref(MOMENT, like=name), "2020-01-01T00:00:00", "2099-01-01T00:00:00"]
    return [Variant(name, value, True) for value in _distinct(candidates)]


def near_values(
    name: str, schema: Mapping[str, Json], examples: Sequence[Json], catalogue: Catalogue
) -> list[Json]:
    """The first text that is right, with one thing wrong each time."""
    right = [*examples, *catalogue.fields.get(name, ()), usual(name, schema)]
    for one in right:
        if isinstance(one, str) and (broken := boundary_values(one)):
            return list(broken)
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


def _distinct(candidates: Sequence[object]) -> list[object]:
    # some can not be hashed, and 1 is not True here
    return list({repr(one): one for one in candidates}.values())
