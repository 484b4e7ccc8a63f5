"""Requests in an order that has a purpose: what chance alone takes long to put together. Pure.

A drill is one scene. The deck of all drills is dealt until none is left, in an order that the seed decides,
then made anew: what was not asked yet is asked before anything is asked twice.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

from parity_tests.fuzz.catalogue import Catalogue, FuzzOperation
from parity_tests.fuzz.draw.draft import Ref, Wish, plain
from parity_tests.fuzz.drills.ageing import ageing
from parity_tests.fuzz.drills.at_once import at_once
from parity_tests.fuzz.drills.awkward import awkward
from parity_tests.fuzz.drills.bounds import bounds
from parity_tests.fuzz.drills.crowds import crowds
from parity_tests.fuzz.drills.dependants import dependants
from parity_tests.fuzz.drills.distribution import Distribution, Drill, aimed, kinds_of
from parity_tests.fuzz.drills.faults import faults
from parity_tests.fuzz.drills.headers import headers, large
from parity_tests.fuzz.drills.log_ins import log_ins
from parity_tests.fuzz.drills.partial_updates import partial_updates
from parity_tests.fuzz.drills.patch_chains import patch_chains
from parity_tests.fuzz.drills.people import people
from parity_tests.fuzz.drills.spelled import spelled
from parity_tests.fuzz.drills.sweeps import sweeps

_GONE = 6
"""Operations that are asked about a thing that is gone."""


def drills(
    operations: Sequence[FuzzOperation], catalogue: Catalogue, rng: random.Random
) -> Iterator[Drill]:
    """For ever; draws depend on the generator only."""
    distribution = Distribution(operations, catalogue, rng)
    while True:
        stacks = _stacks(distribution)
        if not any(stacks):
            return
        for stack in stacks:
            rng.shuffle(stack)
        # of each sort by turns: the sorts of which there are few are not late
        for dealt in zip_longest(*stacks):
            yield from (drill for drill in dealt if drill is not None)


def _stacks(distribution: Distribution) -> list[list[Drill]]:
    """All drills, by sort."""
    listings = [
        one
        for one in distribution.operations
        if one.method == "GET" and not one.parameters and one.shape.query
    ]
    return [
        [drill for one in distribution.operations for drill in sweeps(distribution, one)],
        [twice(distribution, one) for one in distribution.operations if one.method != "GET"],
        [drill for one in listings for drill in crowds(distribution, one)],
        dependants(distribution),
        log_ins(distribution),
        partial_updates(distribution),
        faults(distribution),
        bounds(distribution),
        spelled(distribution),
        people(distribution),
        headers(distribution),
        large(distribution),
        awkward(distribution),
        ageing(distribution),
        patch_chains(distribution),
        at_once(distribution),
    ]


def twice(distribution: Distribution, operation: FuzzOperation) -> Drill:
    """Exactly the same again; then whatever can be done with what is gone."""
    bodies = max(len(operation.examples), len(operation.forms), 1)
    draft = plain(operation, distribution.rng.randrange(bodies))
    if not operation.ends:
        return [(operation, draft), (operation, replace(draft, again=True))]
    kind = next(iter(kinds_of(operation)), "")
    others = [one for one in distribution.operations if kind in kinds_of(one)]
    asked = [operation, *distribution.rng.sample(others, min(_GONE, len(others)))]
    gone = Ref(kind, Wish.GONE)
    return [
        (operation, draft),
        *((one, replace(plain(one), path=aimed(one, gone, kind))) for one in asked),
    ]
