"""Sweeps: one request as it should be, each part of it varied in turn, so that no part is left out. Pure."""

from __future__ import annotations

from dataclasses import replace

from parity_tests.fuzz.catalogue import FuzzOperation
from parity_tests.fuzz.draw.draft import Draft, Wish, plain
from parity_tests.fuzz.draw.variants import DROP, Variant, of_bodies, of_paths, of_queries
from parity_tests.fuzz.drills.distribution import READS, Distribution, Drill, kinds_of, members

_CHUNK = 10
"""Variations of one request that share a scene."""


def sweeps(distribution: Distribution, operation: FuzzOperation) -> list[Drill]:
    """Each field, each parameter and each id in turn; the rest of the request is as it should be."""
    steps: list[Drill] = []
    for variant in of_bodies(operation, distribution.catalogue, distribution.rng):
        steps.append([(operation, with_field(operation, variant))])
        if variant.is_meant:
            steps[-1] += shown(distribution, operation)
    for variant in of_queries(operation, distribution.catalogue, distribution.rng):
        asked = replace(plain(operation), query=((variant.name, variant.value),))
        steps.append([(operation, asked)])
    for name, value in of_paths(operation, distribution.catalogue, distribution.rng):
        usual = plain(operation)
        steps.append([(operation, replace(usual, path={**usual.path, name: value}))])
    distribution.rng.shuffle(steps)
    return [
        [step for some in steps[at : at + _CHUNK] for step in some]
        for at in range(0, len(steps), _CHUNK)
    ]


def shown(distribution: Distribution, operation: FuzzOperation) -> Drill:
    """What a request may have written, read by all that shows it."""
    if operation.method in ("GET", "DELETE"):
        return []
    user = plain(operation).user
    if operation.makes:
        return distribution.read([made.kind for made in operation.makes], Wish.LATEST, user)
    return distribution.read(kinds_of(operation), Wish.MINE, user, READS)


def with_field(operation: FuzzOperation, variant: Variant) -> Draft:
    """The first body that has the field, or the first, with this value in it."""
    bodies = operation.examples or operation.forms
    number = next((n for n, one in enumerate(bodies) if variant.name in one), 0)
    draft = plain(operation, number)
    body = dict(members(draft.form if operation.forms else draft.body))
    if variant.value is DROP:
        body.pop(variant.name, None)
    else:
        body[variant.name] = variant.value
    return replace(draft, form=body) if operation.forms else replace(draft, body=body)
