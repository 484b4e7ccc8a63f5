"""What every sort of drill needs: the operations, a generator of numbers, and who shows a thing. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from parity_core.model import Json
from parity_tests.fuzz.catalogue import Catalogue, FuzzOperation
from parity_tests.fuzz.draw.draft import Draft, Ref, Wish, plain, reference

Drill = list[tuple[FuzzOperation, Draft]]
"""One scene: requests in an order that has a purpose."""

READS = 2
"""Replies looked at after a drill's change, of those that show the thing."""


@dataclass(frozen=True)
class Distribution:
    operations: Sequence[FuzzOperation]
    """Those to draw from; what needs others makes use of them too."""
    catalogue: Catalogue
    rng: random.Random

    def read(
        self, kinds: Sequence[str], wish: Wish, user: Json | Ref, most: int | None = None
    ) -> Drill:
        """The operations that show one of these, by a user who may; `most` of them, drawn."""
        reads: Drill = []
        for one in self.operations:
            kind = next((kind for kind in kinds if kind in kinds_of(one)), None)
            if one.method != "GET" or kind is None:
                continue
            if not one.users or user in one.users:
                draft, meant = replace(plain(one), user=user), wish
            else:
                draft, meant = plain(one), wish if wish is Wish.GONE else Wish.LATEST
            reads.append((one, replace(draft, path=aimed(one, Ref(kind, meant), kind))))
        return reads if most is None else self.rng.sample(reads, min(most, len(reads)))


def kinds_of(operation: FuzzOperation) -> list[str]:
    """What the variables of the rule are ids of."""
    values = (operation.path.get(name) for name, _ in operation.parameters)
    return [reference(known).kind for known in values if isinstance(known, str)]


def aimed(operation: FuzzOperation, ref: Ref, kind: str) -> dict[str, str | Ref]:
    """The path as usual, with this thing where its kind is asked for first."""
    path = dict(plain(operation).path)
    for name, known in operation.path.items():
        if name in path and isinstance(known, str) and known == kind:
            path[name] = ref
            break
    return path


def members(body: Json) -> dict[str, Json]:
    return body if isinstance(body, dict) else {}


def recipes(catalogue: Catalogue, maker: FuzzOperation) -> list[str]:
    """Kinds that the operation makes, of those with the same request only the first."""
    kinds: dict[tuple[int, int], str] = {}
    for made in maker.makes:
        thing = catalogue.things[made.kind]
        kinds.setdefault((thing.recipe, thing.query), made.kind)
    return list(kinds.values())
