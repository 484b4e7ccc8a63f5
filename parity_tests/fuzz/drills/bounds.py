"""Bounds: filters by time at, just before and just after the times that rows have, and pages at their ends. Pure.

What is asked must not depend on how long a stack takes: moments that differ by a millisecond or less are compared
only with the row that has them, whole seconds and days only of the first row, which all others follow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from parity_tests.fuzz.catalogue import FuzzOperation
from parity_tests.fuzz.draw.draft import Draft, Ref, Wish, plain
from parity_tests.fuzz.draw.values import kind as type_of
from parity_tests.fuzz.draw.variants import MOMENT
from parity_tests.fuzz.drills.crowds import makers_of
from parity_tests.fuzz.drills.distribution import Distribution, Drill
from parity_tests.fuzz.resolve import alike

_THINGS = 4
_CLOSE = ("", "-0.000001", "0.000001", "-0.001", "0.001", "Z", "digits", "space")
_FAR = ("-3600", "3600", "zone")
_OF_THE_FIRST = ("second", "day")
_PAGES = (
    "0",
    "1",
    str(_THINGS - 1),
    str(_THINGS),
    str(_THINGS + 1),
    "-1",
    "-0",
    "1000000",
    str(2**63 - 1),
)
_AT_ONCE = 12


def bounds(distribution: Distribution) -> list[Drill]:
    return [
        drill
        for one in distribution.operations
        if one.method == "GET" and one.shape.query
        for drill in _of(distribution, one)
    ]


def _of(distribution: Distribution, listing: FuzzOperation) -> Iterator[Drill]:
    for maker, asked in _listed(distribution, listing):
        thing = distribution.catalogue.things[maker.makes[-1].kind]
        made = plain(maker, thing.recipe, None, thing.query)
        queries = _queries(distribution, listing)
        if maker.users and made.user in listing.users:
            asked = replace(asked, user=made.user)
        for at in range(0, len(queries), _AT_ONCE):
            drill: Drill = [(maker, made)] * _THINGS
            drill += [(listing, replace(asked, query=query)) for query in queries[at:][:_AT_ONCE]]
            yield drill


def _listed(
    distribution: Distribution, listing: FuzzOperation
) -> Iterator[tuple[FuzzOperation, Draft]]:
    """Who makes what the list shows. A path may name what is listed: then whoever makes what is called alike."""
    asked = plain(listing)
    if not listing.parameters:
        for maker in makers_of(distribution, listing)[:1]:
            yield maker, asked
        return
    for name, _ in listing.parameters:
        known = listing.path.get(name)
        things = distribution.catalogue.things.get(known) if isinstance(known, str) else None
        for value in things.seeded if things else ():
            for maker in distribution.catalogue.operations.values():
                if maker.makes and alike(maker.noun, value):
                    yield maker, replace(asked, path={**asked.path, name: value})
                    break


def _queries(
    distribution: Distribution, listing: FuzzOperation
) -> list[tuple[tuple[str, str | Ref], ...]]:
    shape = listing.shape.query
    times = [name for name, one in shape.items() if one.get("format") == "date-time"]
    whole = [name for name, one in shape.items() if type_of(one) == "integer"]
    queries: list[tuple[tuple[str, str | Ref], ...]] = []
    for name in times:
        picks = distribution.rng.sample(range(_THINGS), 2)
        for change in (*_CLOSE, *_FAR):
            for pick in picks if change in ("", *_CLOSE[1:3]) else picks[:1]:
                queries.append(((name, Ref(MOMENT, Wish.LATEST, pick, name, change)),))
        queries += [
            ((name, Ref(MOMENT, Wish.LATEST, -1, name, change)),) for change in _OF_THE_FIRST
        ]
    for name in whole:
        queries += [((name, size),) for size in distribution.rng.sample(_PAGES, 5)]
    for _ in range(4 if len(whole) > 1 else 0):
        queries.append(
            tuple(
                (name, distribution.rng.choice(_PAGES))
                for name in distribution.rng.sample(whole, 2)
            )
        )
    distribution.rng.shuffle(queries)
    return queries
