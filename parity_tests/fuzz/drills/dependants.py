"""Dependants: what refers to a thing, when that thing changes, moves or goes. Pure."""

from __future__ import annotations

from dataclasses import replace

from parity_tests.fuzz.catalogue import FuzzOperation
from parity_tests.fuzz.draw.draft import Ref, Wish, plain
from parity_tests.fuzz.draw.variants import referred
from parity_tests.fuzz.drills.distribution import (
    READS,
    Distribution,
    Drill,
    aimed,
    kinds_of,
    members,
    recipes,
)


def dependants(distribution: Distribution) -> list[Drill]:
    drills = []
    for maker in distribution.catalogue.operations.values():
        if not maker.makes or not maker.examples:
            continue
        keys = {key for one in maker.examples for key in one}
        for name in sorted({*keys, *maker.shape.body}):
            values = [one[name] for one in maker.examples if name in one]
            for kind in referred(distribution.catalogue, name, values[0] if values else None):
                for made in recipes(distribution.catalogue, maker):
                    drills += below(distribution, maker, made, name, kind)
    return drills


def below(
    distribution: Distribution, maker: FuzzOperation, made: str, name: str, kind: str
) -> list[Drill]:
    """Two things refer to one by this field; a drill for each operation that changes that one."""
    thing = distribution.catalogue.things[made]
    own = distribution.catalogue.maker(kind)
    kinds = [one.kind for one in own.makes if one.at == own.makes[0].at] if own else []
    kinds = [kind, *(one for one in kinds if one != kind)]
    # how far behind the one that is referred to gets when one more is made
    shift = any(one.kind == kind and (one.where is None or kind == made) for one in maker.makes)
    drills = []
    for change in distribution.operations:
        path = next((one for one in kinds if one in kinds_of(change)), None)
        if change.method == "GET" or path is None:
            continue
        drill: Drill = []
        for before, wish in ((0, Wish.NEW), (1, Wish.LATEST)):
            draft = plain(maker, thing.recipe, None, thing.query)
            body = {**members(draft.body), name: Ref(kind, wish, before * shift)}
            drill.append((maker, replace(draft, body=body)))
        asked = plain(change, distribution.rng.randrange(max(len(change.examples), 1)))
        aim = aimed(change, Ref(kind, Wish.LATEST, 2 * shift), path)
        drill.append((change, replace(asked, path=aim)))
        if made in kinds and change.examples and name in change.shape.body:
            # round in a circle: it refers to what refers to it
            body = {**members(change.examples[0]), name: Ref(made, Wish.LATEST)}
            drill.append((change, replace(asked, path=aim, body=body)))
        user = drill[0][1].user
        drill += distribution.read([made], Wish.LATEST, user, READS)
        drill += distribution.read(kinds, Wish.GONE if change.ends else Wish.LATEST, user, 1)
        drills.append(drill)
    return drills
