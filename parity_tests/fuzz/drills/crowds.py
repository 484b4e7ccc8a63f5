"""Crowds: many things of one user, then their list, page by page and by time. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from parity_tests.fuzz.catalogue import FuzzOperation
from parity_tests.fuzz.draw.draft import Ref, plain
from parity_tests.fuzz.draw.values import kind as type_of
from parity_tests.fuzz.draw.variants import MOMENT
from parity_tests.fuzz.drills.deal import Deal, Drill, kinds_of, recipes

_COUNTS = (12, 23)
"""How many there are of a thing: more than the pages that are usual, 10 and 20."""
_FAR = ("2000-01-01T00:00:00", "2099-01-01T00:00:00")


def crowds(deal: Deal, listing: FuzzOperation) -> list[Drill]:
    """One for each recipe of what makes the things: some of them may run, and some not."""
    return [
        crowd(deal, listing, maker, kind)
        for maker in makers_of(deal, listing)[:1]
        for kind in recipes(deal.catalogue, maker)
    ]


def makers_of(deal: Deal, listing: FuzzOperation) -> list[FuzzOperation]:
    """Who makes what a list shows: under the same path, or what is below it."""
    below = {
        kind
        for one in deal.catalogue.operations.values()
        if one.rule.startswith(f"{listing.rule}<")
        for kind in kinds_of(one)
    }
    return [
        one
        for one in deal.catalogue.operations.values()
        if one.makes and (one.rule == listing.rule or below & {made.kind for made in one.makes})
    ]


def crowd(deal: Deal, listing: FuzzOperation, maker: FuzzOperation, kind: str) -> Drill:
    """So many that pages and windows of time cut through them."""
    count = deal.rng.choice(_COUNTS)
    thing = deal.catalogue.things[kind]
    one = plain(maker, thing.recipe, None, thing.query)
    user = one.user
    found: Drill = [(maker, one)] * count
    for query in windows(deal, listing, count):
        found.append((listing, replace(plain(listing), user=user, query=tuple(query.items()))))
    return found


def windows(deal: Deal, listing: FuzzOperation, count: int) -> list[dict[str, Any]]:
    """Pages around the number that there is, times around those that there are, and both."""
    shape = listing.shape.query
    whole = [name for name, one in shape.items() if type_of(one) == "integer"]
    times = [name for name, one in shape.items() if one.get("format") == "date-time"]
    sizes = ["1", "2", str(count - 1), str(count), str(count + 1)]
    found: list[dict[str, Any]] = [{}]
    found += [{name: size} for name in whole for size in deal.rng.sample(sizes, 3)]
    for name in times:
        around = [Ref(MOMENT, pick=deal.rng.randrange(2 * count), like=name) for _ in range(2)]
        found += [{name: one} for one in (*around, deal.rng.choice(_FAR))]
    deal.rng.shuffle(found)
    names = [*whole, *times]
    for _ in range(8 if len(names) > 1 else 0):
        some = deal.rng.sample(names, deal.rng.choice((2, 2, 3)) if len(names) > 2 else 2)
        found.append(
            {
                name: deal.rng.choice(sizes)
                if name in whole
                else Ref(MOMENT, pick=deal.rng.randrange(2 * count), like=name)
                for name in some
            }
        )
    return found
