"""Aged rows: things are made, days pass, some are changed, more days pass, and what goes by age is asked. Pure."""

from __future__ import annotations

from dataclasses import replace

from parity_tests.fuzz.catalogue import FuzzOperation
from parity_tests.fuzz.draw.draft import Ref, Wish, plain
from parity_tests.fuzz.drills.distribution import READS, Distribution, Drill, aimed, kinds_of

_PASSED = ((2, 0), (2, 2), (100, 0), (100, 29), (29, 100), (400, 1))
"""Days before a thing is changed, and after that."""


def ageing(distribution: Distribution) -> list[Drill]:
    """For each request that is about all things of a sort: lists, and what cleans up."""
    return [
        _aged(distribution, one, before, after)
        for one in distribution.operations
        if not one.parameters and not one.examples and not one.forms
        # what was changed of late is not old, whenever it was made
        for before, after in (_PASSED[0], distribution.rng.choice(_PASSED[1:]))
    ]


def _aged(distribution: Distribution, operation: FuzzOperation, before: int, after: int) -> Drill:
    same = [one for one in distribution.catalogue.operations.values() if one.noun == operation.noun]
    makers = [one for one in same if one.makes]
    kinds = list(dict.fromkeys(made.kind for one in makers for made in one.makes))
    changes = [
        one
        for one in same
        if one.method in ("PUT", "PATCH") and any(kind in kinds for kind in kinds_of(one))
    ]
    drill: Drill = []
    for maker in makers[:3]:
        thing = distribution.catalogue.things[maker.makes[0].kind]
        made = plain(maker, thing.recipe, None, thing.query)
        about = next((one for one in kinds_of(maker) if one in kinds), None)
        if about is not None:
            made = replace(made, path=aimed(maker, Ref(about, Wish.LATEST), about))
        drill.append((maker, made))
    for change in changes[:2]:
        kind = next(one for one in kinds_of(change) if one in kinds)
        path = aimed(change, Ref(kind, Wish.LATEST), kind)
        drill.append((change, replace(plain(change), path=path, days_later=before)))
        before = 0
    drill.append((operation, replace(plain(operation), days_later=after)))
    drill.append((operation, replace(plain(operation), days_later=1000)))
    user = drill[0][1].user
    return drill + distribution.read(kinds, Wish.LATEST, user, READS)
