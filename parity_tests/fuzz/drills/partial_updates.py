"""Partial updates: everything is filled, then one field is changed, emptied and made null, and all is read. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from parity_core.model import Json
from parity_tests.fuzz.catalogue import FuzzOperation
from parity_tests.fuzz.draw import values
from parity_tests.fuzz.draw.draft import Ref, Wish, plain
from parity_tests.fuzz.draw.filled import EMPTY, fields, value, whole
from parity_tests.fuzz.draw.variants import referred
from parity_tests.fuzz.drills.distribution import READS, Distribution, Drill, aimed, kinds_of

_FIELDS = 3
"""Fields of one thing that are changed in one scene."""


def partial_updates(distribution: Distribution) -> list[Drill]:
    return [
        drill
        for one in distribution.operations
        if one.method in ("PUT", "PATCH", "POST") and kinds_of(one) and not one.forms
        for drill in _of(distribution, one)
    ]


def _of(distribution: Distribution, change: FuzzOperation) -> Iterator[Drill]:
    names = [name for name in fields(change) if not referred(distribution.catalogue, name)]
    kind = kinds_of(change)[0]
    maker = distribution.catalogue.maker(kind)
    if not names or maker is None:
        return
    thing = distribution.catalogue.things[kind]
    asked = replace(plain(change), path=aimed(change, Ref(kind, Wish.LATEST), kind))
    made = plain(maker, thing.recipe, None, thing.query)
    if maker.examples:
        made = replace(made, body=whole(maker, distribution.catalogue, thing.recipe))
    everything = {name: value(change, name, distribution.catalogue) for name in names}
    distribution.rng.shuffle(names)
    for at in range(0, len(names), _FIELDS):
        drill: Drill = [(maker, made), (change, replace(asked, body=everything))]
        for name in names[at : at + _FIELDS]:
            for one in _changes(distribution, change, name):
                drill.append((change, replace(asked, body={name: one})))
        drill.append((change, replace(asked, body={})))
        yield drill + distribution.read([kind], Wish.LATEST, asked.user, READS)


def _changes(distribution: Distribution, change: FuzzOperation, name: str) -> list[Json]:
    schema = change.shape.body.get(name, {})
    empty = EMPTY.get(values.kind(schema) or "object")
    return [
        value(change, name, distribution.catalogue, 1),
        empty,
        None,
        value(change, name, distribution.catalogue),
    ]
