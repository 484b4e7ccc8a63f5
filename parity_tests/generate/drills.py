"""Requests in an order that has a purpose: what chance alone takes long to put together. Pure.

A drill is one scene. The deck of all drills is dealt until none is left, in an order that the seed decides,
then made anew: what was not asked yet is asked before anything is asked twice.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from parity_tests.generate.catalogue import Catalogue, Operation
from parity_tests.generate.draft import Draft, Ref, Wish, plain, reference
from parity_tests.generate.variants import (
    DROP,
    MOMENT,
    Variant,
    of_bodies,
    of_paths,
    of_queries,
    referred,
)
from parity_tests.model import Json

Drill = list[tuple[Operation, Draft]]

_CHUNK = 10
"""Variations of one request that share a scene."""
_CROWDS = (3, 12, 12, 23, 23)
"""How many there are of a thing: more than the pages that are usual, 10 and 20."""
_GONE = 6
"""Operations that are asked about a thing that is gone."""
_READS = 2
"""Replies looked at after a drill's change, of those that show the thing."""


def drills(
    operations: Sequence[Operation], catalogue: Catalogue, rng: random.Random
) -> Iterator[Drill]:
    """For ever; draws depend on the generator only."""
    while True:
        stacks = _Deck(operations, catalogue, rng).stacks()
        if not any(stacks):
            return
        for stack in stacks:
            rng.shuffle(stack)
        # of each sort by turns: the sorts of which there are few are not late
        for dealt in zip_longest(*stacks):
            yield from (drill for drill in dealt if drill is not None)


@dataclass
class _Deck:
    operations: Sequence[Operation]
    catalogue: Catalogue
    rng: random.Random

    def stacks(self) -> list[list[Drill]]:
        """All drills, by sort."""
        listings = [
            one
            for one in self.operations
            if one.method == "GET" and not one.parameters and one.shape.query
        ]
        return [
            [drill for one in self.operations for drill in self.sweeps(one)],
            [self.twice(one) for one in self.operations if one.method != "GET"],
            [drill for one in listings for drill in self.crowds(one)],
            self.dependants(),
        ]

    # --- one request, each part of it varied -----------------------------------------------------------------

    def sweeps(self, operation: Operation) -> list[Drill]:
        """Each field, each parameter and each id in turn; the rest of the request is as it should be."""
        steps: list[Drill] = []
        for variant in of_bodies(operation, self.catalogue, self.rng):
            steps.append([(operation, with_field(operation, variant))])
            if variant.is_meant:
                steps[-1] += self.shown(operation)
        for variant in of_queries(operation, self.catalogue, self.rng):
            asked = replace(plain(operation), query=((variant.name, variant.value),))
            steps.append([(operation, asked)])
        for name, value in of_paths(operation, self.catalogue, self.rng):
            usual = plain(operation)
            steps.append([(operation, replace(usual, path={**usual.path, name: value}))])
        self.rng.shuffle(steps)
        return [
            [step for some in steps[at : at + _CHUNK] for step in some]
            for at in range(0, len(steps), _CHUNK)
        ]

    def shown(self, operation: Operation) -> Drill:
        """What a request may have written, read by all that shows it."""
        if operation.method in ("GET", "DELETE"):
            return []
        user = plain(operation).user
        if operation.makes:
            return self.read([made.kind for made in operation.makes], Wish.LATEST, user)
        return self.read(_kinds(operation), Wish.MINE, user, _READS)

    def read(
        self, kinds: Sequence[str], wish: Wish, user: Json | Ref, most: int | None = None
    ) -> Drill:
        """The operations that show one of these, by a user who may; `most` of them, drawn."""
        told: Drill = []
        for one in self.operations:
            kind = next((kind for kind in kinds if kind in _kinds(one)), None)
            if one.method != "GET" or kind is None:
                continue
            if not one.users or user in one.users:
                draft, meant = replace(plain(one), user=user), wish
            else:
                draft, meant = plain(one), wish if wish is Wish.GONE else Wish.LATEST
            told.append((one, replace(draft, path=_aimed(one, Ref(kind, meant), kind))))
        return told if most is None else self.rng.sample(told, min(most, len(told)))

    # --- the same once more ----------------------------------------------------------------------------------

    def twice(self, operation: Operation) -> Drill:
        """Exactly the same again; then whatever can be done with what is gone."""
        bodies = max(len(operation.examples), len(operation.forms), 1)
        draft = plain(operation, self.rng.randrange(bodies))
        if not operation.ends:
            return [(operation, draft), (operation, replace(draft, again=True))]
        kind = next(iter(_kinds(operation)), "")
        others = [one for one in self.operations if kind in _kinds(one)]
        asked = [operation, *self.rng.sample(others, min(_GONE, len(others)))]
        gone = Ref(kind, Wish.GONE)
        return [
            (operation, draft),
            *((one, replace(plain(one), path=_aimed(one, gone, kind))) for one in asked),
        ]

    # --- many of them, listed --------------------------------------------------------------------------------

    def crowds(self, listing: Operation) -> list[Drill]:
        return [self.crowd(listing, maker) for maker in self.makers_of(listing)[:1]]

    def makers_of(self, listing: Operation) -> list[Operation]:
        """Who makes what a list shows: under the same path, or what is below it."""
        below = {
            kind
            for one in self.catalogue.operations.values()
            if one.rule.startswith(f"{listing.rule}<")
            for kind in _kinds(one)
        }
        return [
            one
            for one in self.catalogue.operations.values()
            if one.makes and (one.rule == listing.rule or below & {made.kind for made in one.makes})
        ]

    def crowd(self, listing: Operation, maker: Operation) -> Drill:
        """So many that pages and windows of time cut through them."""
        count = self.rng.choice(_CROWDS)
        thing = self.catalogue.things[maker.makes[-1].kind]
        one = plain(maker, thing.recipe, None, thing.query)
        user = one.user
        found: Drill = [(maker, one)] * count
        for query in self.windows(listing, count):
            found.append((listing, replace(plain(listing), user=user, query=tuple(query.items()))))
        return found

    def windows(self, listing: Operation, count: int) -> list[dict[str, Any]]:
        """Pages around the number that there is, times around those that there are, and both."""
        shape = listing.shape.query
        whole = [name for name, one in shape.items() if one.get("type") == "integer"]
        times = [name for name, one in shape.items() if one.get("format") == "date-time"]
        sizes = ["1", "2", str(count - 1), str(count), str(count + 1)]
        found: list[dict[str, Any]] = [{}]
        found += [{name: size} for name in whole for size in self.rng.sample(sizes, 3)]
        for name in times:
            around = [Ref(MOMENT, pick=self.rng.randrange(2 * count)) for _ in range(2)]
            found += [{name: one} for one in (*around, self.rng.choice(_FAR))]
        self.rng.shuffle(found)
        names = [*whole, *times]
        for _ in range(8 if len(names) > 1 else 0):
            some = self.rng.sample(names, self.rng.choice((2, 2, 3)) if len(names) > 2 else 2)
            found.append(
                {
                    name: self.rng.choice(sizes)
                    if name in whole
                    else Ref(MOMENT, pick=self.rng.randrange(2 * count))
                    for name in some
                }
            )
        return found

    # --- what refers to a thing, when that thing changes or goes ----------------------------------------------

    def dependants(self) -> list[Drill]:
        found = []
        for maker in self.catalogue.operations.values():
            if not maker.makes or not maker.examples:
                continue
            told = {key for one in maker.examples for key in one}
            for name in sorted({*told, *maker.shape.body}):
                values = [one[name] for one in maker.examples if name in one]
                for kind in referred(self.catalogue, name, values[0] if values else None):
                    for made in _recipes(self.catalogue, maker):
                        found += self.below(maker, made, name, kind)
        return found

    def below(self, maker: Operation, made: str, name: str, kind: str) -> list[Drill]:
        """Two things refer to one by this field; a drill for each operation that changes that one."""
        thing = self.catalogue.things[made]
        own = self.catalogue.maker(kind)
        kinds = [one.kind for one in own.makes if one.at == own.makes[0].at] if own else []
        kinds = [kind, *(one for one in kinds if one != kind)]
        # how far behind the one that is referred to gets when one more is made
        shift = any(one.kind == kind and (one.where is None or kind == made) for one in maker.makes)
        found = []
        for change in self.operations:
            path = next((one for one in kinds if one in _kinds(change)), None)
            if change.method == "GET" or path is None:
                continue
            drill: Drill = []
            for before, wish in ((0, Wish.NEW), (1, Wish.LATEST)):
                draft = plain(maker, thing.recipe, None, thing.query)
                body = {**_object(draft.body), name: Ref(kind, wish, before * shift)}
                drill.append((maker, replace(draft, body=body)))
            asked = plain(change, self.rng.randrange(max(len(change.examples), 1)))
            aim = _aimed(change, Ref(kind, Wish.LATEST, 2 * shift), path)
            drill.append((change, replace(asked, path=aim)))
            if made in kinds and change.examples and name in change.shape.body:
                # round in a circle: it refers to what refers to it
                body = {**_object(change.examples[0]), name: Ref(made, Wish.LATEST)}
                drill.append((change, replace(asked, path=aim, body=body)))
            user = drill[0][1].user
            drill += self.read([made], Wish.LATEST, user, _READS)
            drill += self.read(kinds, Wish.GONE if change.ends else Wish.LATEST, user, 1)
            found.append(drill)
        return found


def _recipes(catalogue: Catalogue, maker: Operation) -> list[str]:
    """Kinds that the operation makes, of those with the same request only the first."""
    told: dict[tuple[int, int], str] = {}
    for made in maker.makes:
        thing = catalogue.things[made.kind]
        told.setdefault((thing.recipe, thing.query), made.kind)
    return list(told.values())


_FAR = ("2000-01-01T00:00:00", "2099-01-01T00:00:00")


def with_field(operation: Operation, variant: Variant) -> Draft:
    """The first body that has the field, or the first, with this value in it."""
    given = operation.examples or operation.forms
    number = next((n for n, one in enumerate(given) if variant.name in one), 0)
    draft = plain(operation, number)
    body = dict(_object(draft.form if operation.forms else draft.body))
    if variant.value is DROP:
        body.pop(variant.name, None)
    else:
        body[variant.name] = variant.value
    return replace(draft, form=body) if operation.forms else replace(draft, body=body)


def _object(body: Json) -> dict[str, Json]:
    return body if isinstance(body, dict) else {}


def _kinds(operation: Operation) -> list[str]:
    """What the variables of the rule are ids of."""
    told = (operation.path.get(name) for name, _ in operation.parameters)
    return [reference(known).kind for known in told if isinstance(known, str)]


def _aimed(operation: Operation, ref: Ref, kind: str) -> dict[str, str | Ref]:
    """The path as usual, with this thing where its kind is asked for first."""
    path = dict(plain(operation).path)
    for name, told in operation.path.items():
        if name in path and isinstance(told, str) and told == kind:
            path[name] = ref
            break
    return path
