"""Spellings: booleans, numbers and moments as one reader takes them and another does not. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from parity_core.model import Json
from parity_tests.fuzz.catalogue import FuzzOperation
from parity_tests.fuzz.draw.draft import Draft, plain
from parity_tests.fuzz.draw.spellings import in_json, some, spellings
from parity_tests.fuzz.draw.variants import Variant, referred
from parity_tests.fuzz.drills.crowds import makers_of
from parity_tests.fuzz.drills.distribution import Distribution, Drill
from parity_tests.fuzz.drills.sweeps import shown, with_field

_EACH = 12
_CHUNK = 12
_IDS: tuple[Json, ...] = (
    0,
    -1,
    "0",
    "-1",
    "+1",
    "1",
    " 1",
    "٣",
    1.0,
    1.5,
    True,
    False,
    "",
    2**31,
    "1_0",
)


def spelled(distribution: Distribution) -> list[Drill]:
    drills: list[Drill] = []
    for one in distribution.operations:
        steps = list(_of(distribution, one))
        distribution.rng.shuffle(steps)
        for at in range(0, len(steps), _CHUNK):
            drill: Drill = []
            if one.method == "GET" and not one.parameters:
                for maker in makers_of(distribution, one)[:1]:
                    thing = distribution.catalogue.things[maker.makes[-1].kind]
                    drill += [(maker, plain(maker, thing.recipe, None, thing.query))] * 2
            # what was written last is read: what a spelling was taken for, its rows tell already
            drill += [(one, draft) for draft in steps[at : at + _CHUNK]]
            drills.append(drill + shown(distribution, one)[:1])
    return drills


def _of(distribution: Distribution, operation: FuzzOperation) -> Iterator[Draft]:
    for name, schema in operation.shape.query.items():
        for value in some(distribution.rng, spellings(schema), _EACH):
            yield replace(plain(operation), query=((name, value),))
    if operation.forms:
        for name, schema in operation.shape.form.items():
            for value in some(distribution.rng, spellings(schema), _EACH):
                yield with_field(operation, Variant(name, value, False))
        return
    for name in dict.fromkeys(
        [*(key for one in operation.examples for key in one), *operation.shape.body]
    ):
        schema = operation.shape.body.get(name, {})
        options = _IDS if referred(distribution.catalogue, name) else in_json(schema)
        for value in some(distribution.rng, options, _EACH):
            yield with_field(operation, Variant(name, value, False))
