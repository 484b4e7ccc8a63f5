"""What an exchange reached: whatever reaches something new is kept, and gone on from.

`ReplyReach` tells by the legacy's reply alone and needs no instrument; `BranchReach` (branches.py) records which
branches of the port were taken. What is drawn next depends on it: a reach that differs from run to run makes
one seed draw other requests.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from parity_core.model import Json, Pair
from parity_tests.fuzz.catalogue import Catalogue, FuzzOperation
from parity_tests.fuzz.draw.draft import Draft, plain
from parity_tests.fuzz.draw.variants import of_bodies, of_paths, of_queries
from parity_tests.fuzz.drills.distribution import Drill
from parity_tests.fuzz.drills.sweeps import with_field

_TAIL = 5
"""Requests of a kept sequence: what they need is made again."""
_VARIATIONS = 5
_PROMISING = 8
"""Sequences that wait to be gone on from; what was reached before them is left to chance."""
_TEXT = 100
"""Letters of a message that make it another one."""


class Reach(Protocol):
    def reached(self, pair: Pair) -> Iterator[Hashable]:
        """All that the exchange reached; may leave out what was reached before."""

    def forget(self) -> None:
        """What happened since the last exchange was none."""


class ReplyReach:
    """Operation and status; with these the fields of the reply, the words of a refusal, and the headers."""

    def reached(self, pair: Pair) -> Iterator[Hashable]:
        reply = pair.legacy.reply
        about = pair.operation.label, reply.status
        yield about
        yield about, "headers", tuple(sorted({name.lower() for name, _ in reply.headers}))
        try:
            body = json.loads(reply.body)
        except ValueError:
            return
        yield about, "fields", tuple(sorted(_fields(body)))
        if reply.status is not None and reply.status >= 400:
            yield about, "words", re.sub(r"[^a-zA-Z ]+", "#", json.dumps(body))[:_TEXT]

    def forget(self) -> None:
        """Replies are told one by one."""


def _fields(value: Json, depth: int = 0) -> Iterator[str]:
    if isinstance(value, dict) and depth < 2:
        for name, one in value.items():
            yield f"{depth}{name}:{type(one).__name__}"
            yield from _fields(one, depth + 1)
    elif isinstance(value, list):
        yield f"{depth}[]:{min(len(value), 2)}"
        for one in value[:1]:
            yield from _fields(one, depth)


@dataclass
class Corpus:
    """Sequences that reached something new, and others made of them."""

    catalogue: Catalogue
    rng: random.Random
    reach: Reach = field(default_factory=ReplyReach)
    known: set[Hashable] = field(default_factory=set)
    kept: list[Drill] = field(default_factory=list)
    promising: list[Drill] = field(default_factory=list)
    """Those that reached something new last, and were not gone on from yet."""

    def is_new(self, pair: Pair) -> bool:
        reached = set(self.reach.reached(pair)) - self.known
        self.known |= reached
        return bool(reached)

    def keep(self, sequence: Drill) -> None:
        self.kept.append(list(sequence[-_TAIL:]))
        self.promising = [*self.promising, self.kept[-1]][-_PROMISING:]

    def next(self) -> Drill:
        """What reached something new last, asked in other ways too; empty when there is none any more."""
        return self._extension(self.promising.pop()) if self.promising else []

    def extended(self) -> Drill:
        """A kept sequence whose last request is asked in other ways too; empty when nothing was kept.

        Later ones are taken more often: what was reached last has been gone on from least.
        """
        if not self.kept:
            return []
        return self._extension(self.kept[int(len(self.kept) * self.rng.random() ** 0.5)])

    def _extension(self, chosen: Drill) -> Drill:
        operation, draft = chosen[-1]
        drill = list(chosen)
        for _ in range(_VARIATIONS):
            drill.append((operation, self.varied(operation, draft)))
        others = [
            one for one in self.kept if one[-1][0].noun == operation.noun and one is not chosen
        ]
        if others:
            drill += [*self.rng.choice(others)[-2:], (operation, draft)]
        return drill

    def varied(self, operation: FuzzOperation, draft: Draft) -> Draft:
        """The request with one part of it changed."""
        bodies = of_bodies(operation, self.catalogue, self.rng)
        queries = of_queries(operation, self.catalogue, self.rng)
        paths = of_paths(operation, self.catalogue, self.rng)
        ways = [
            name for name, some in (("body", bodies), ("query", queries), ("path", paths)) if some
        ]
        way = self.rng.choice([*ways, "user", "again"])
        if way == "body":
            changed = with_field(operation, self.rng.choice(bodies))
            return replace(draft, body=changed.body, form=changed.form)
        if way == "query":
            one = self.rng.choice(queries)
            return replace(draft, query=(*draft.query, (one.name, one.value)))
        if way == "path":
            name, value = self.rng.choice(paths)
            return replace(draft, path={**draft.path, name: value})
        if way == "user":
            users = [*operation.users, None]
            return replace(draft, user=self.rng.choice(users))
        return replace(plain(operation), again=True)
