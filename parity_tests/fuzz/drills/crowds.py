"""Crowds: many things of one user, then their list, page by page and by time. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from parity_tests.fuzz.catalogue import FuzzOperation
from parity_tests.fuzz.draw.draft import Ref, plain
from parity_tests.fuzz.draw.values import kind as type_of
from parity_tests.fuzz.draw.variants import MOMENT
from parity_tests.fuzz.drills.distribution import Distribution, Drill, kinds_of, recipes

_COUNTS = (12, 23)
"""How many there are of a thing: more than the pages that are usual, 10 and 20."""
_FAR = ("2000-01-01T00:00:00", "2099-01-01T00:00:00")


def crowds(distribution: Distribution, listing: FuzzOperation) -> list[Drill]:
    """One for each recipe of what makes the things: some of them may run, and some not."""
    return [
        crowd(distribution, listing, maker, kind)
        for maker in makers_of(distribution, listing)[:1]
        for kind in recipes(distribution.catalogue, maker)
    ]


def makers_of(distribution: Distribution, listing: FuzzOperation) -> list[FuzzOperation]:
    """Who makes what a list shows: under the same path, or what is below it."""
    below = {
        kind
        for one in distribution.catalogue.operations.values()
        if one.rule.startswith(f"{listing.rule}<")
        for kind in kinds_of(one)
    }
    return [
        one
        for one in distribution.catalogue.operations.values()
        if one.makes and (one.rule == listing.rule or below & {made.kind for made in one.makes})
    ]


def crowd(
    distribution: Distribution, listing: FuzzOperation, maker: FuzzOperation, kind: str
) -> Drill:
    """So many that pages and windows of time cut through them."""
    count = distribution.rng.choice(_COUNTS)
    thing = distribution.catalogue.things[kind]
    one = plain(maker, thing.recipe, None, thing.query)
    user = one.user
    drill: Drill = [(maker, one)] * count
    for query in windows(distribution, listing, count):
        drill.append((listing, replace(plain(listing), user=user, query=tuple(query.items()))))
    return drill


def windows(distribution: Distribution, listing: FuzzOperation, count: int) -> list[dict[str, Any]]:
    """Pages around the number that there is, times around those that there are, and both."""
    shape = listing.shape.query
    whole = [name for name, one in shape.items() if type_of(one) == "integer"]
    times = [name for name, one in shape.items() if one.get("format") == "date-time"]
    sizes = ["1", "2", str(count - 1), str(count), str(count + 1)]
    queries: list[dict[str, Any]] = [{}]
    queries += [{name: size} for name in whole for size in distribution.rng.sample(sizes, 3)]
    for name in times:
        around = [
            Ref(MOMENT, pick=distribution.rng.randrange(2 * count), like=name) for _ in range(2)
        ]
        queries += [{name: one} for one in (*around, distribution.rng.choice(_FAR))]
    distribution.rng.shuffle(queries)
    names = [*whole, *times]
    for _ in range(8 if len(names) > 1 else 0):
        some = distribution.rng.sample(
            names, distribution.rng.choice((2, 2, 3)) if len(names) > 2 else 2
        )
        queries.append(
            {
                name: distribution.rng.choice(sizes)
                if name in whole
                else Ref(MOMENT, pick=distribution.rng.randrange(2 * count), like=name)
                for name in some
            }
        )
    return queries
