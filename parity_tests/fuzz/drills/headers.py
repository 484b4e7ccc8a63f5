"""Headers that decide what a reply looks like, for GET and HEAD, for small replies, large ones and errors. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from parity_core.model import Json
from parity_tests.fuzz.catalogue import FuzzOperation
from parity_tests.fuzz.draw import envelopes
from parity_tests.fuzz.draw.draft import Draft, Ref, Wish, plain
from parity_tests.fuzz.draw.filled import fields, is_free, value
from parity_tests.fuzz.draw.values import kind as type_of
from parity_tests.fuzz.draw.variants import TAG
from parity_tests.fuzz.drills.distribution import Distribution, Drill, aimed, kinds_of, members

_LINE = "A line that compresses well, and its number: {number}.\n"
_LINES = 2_000
"""More than 64 KiB."""


def headers(distribution: Distribution) -> list[Drill]:
    drills: list[Drill] = []
    for one in distribution.operations:
        drills.append([(one, draft) for draft in _small(distribution.rng, one)])
    return drills


def large(distribution: Distribution) -> list[Drill]:
    """A field is filled with much, and whatever shows it is asked with each coding."""
    return [
        drill
        for one in distribution.operations
        if one.method in ("POST", "PUT") and one.examples
        for drill in _large(distribution, one)
    ]


def _small(rng: random.Random, operation: FuzzOperation) -> Iterator[Draft]:
    draft = plain(operation)
    if operation.method != "GET":
        for one in rng.sample([*envelopes.ORIGINS, *envelopes.OTHERS], 3):
            yield replace(draft, headers=one)
        for one in rng.sample(envelopes.PREFLIGHTS, 2):
            yield replace(draft, headers=one, method="OPTIONS")
        return
    # when the first reply has a tag, all conditions are asked; without one a few
    yield draft
    tagged = [*rng.sample(envelopes.CONDITIONS, len(envelopes.CONDITIONS))]
    tagged += rng.sample(envelopes.PARTS, len(envelopes.PARTS))
    for one in tagged:
        yield replace(draft, headers=one, needs=TAG)
    some = [
        *rng.sample(envelopes.CONDITIONS, 3),
        *rng.sample(envelopes.PARTS, 3),
        *rng.sample(envelopes.CODINGS, 4),
        *rng.sample(envelopes.ORIGINS, 4),
        *rng.sample(envelopes.OTHERS, 1),
    ]
    for number, one in enumerate(some):
        yield replace(draft, headers=one, method="HEAD" if number % 3 == 2 else None)
    yield replace(draft, headers=rng.choice(envelopes.ORIGINS), user=None)
    yield replace(draft, headers=rng.choice(envelopes.PREFLIGHTS), method="OPTIONS")


def _large(distribution: Distribution, operation: FuzzOperation) -> Iterator[Drill]:
    for name in fields(operation):
        ordinary = value(operation, name, distribution.catalogue)
        big = much(operation, name, ordinary)
        if big is None:
            continue
        example = next((one for one in operation.examples if name in one), operation.examples[0])
        draft = replace(plain(operation), body={**members(example), name: big})
        kinds = [made.kind for made in operation.makes if made.at.startswith("/")]
        about = kinds_of(operation)[:1]
        if not kinds and about:
            kinds = about
            draft = replace(draft, path=aimed(operation, Ref(about[0], Wish.MINE), about[0]))
        wish = Wish.LATEST if operation.makes else Wish.MINE
        for one, read in distribution.read(kinds, wish, draft.user, 3):
            drill: Drill = [(operation, draft)]
            for coding in distribution.rng.sample(envelopes.CODINGS, 6):
                drill.append((one, replace(read, headers=coding)))
            drill.append((one, replace(read, headers={"Accept-Encoding": "gzip"}, method="HEAD")))
            yield drill


def much(operation: FuzzOperation, name: str, example: Json) -> Json:
    """A large value for a field that holds any text or any document; None for others."""
    schema = operation.shape.body.get(name, {})
    text = "".join(_LINE.format(number=number) for number in range(_LINES))
    if is_free(schema, example):
        return {**members(example), "text": text}
    is_text = type_of(schema) == "string" and not schema.get("format")
    return text if is_text and "text" in name.lower() else None
