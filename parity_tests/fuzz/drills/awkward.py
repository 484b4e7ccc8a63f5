"""Awkward names: of things, in whatever shows or sends them, and of files. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from parity_tests.fuzz.catalogue import FuzzOperation
from parity_tests.fuzz.draw.draft import Draft, Ref, Wish, plain
from parity_tests.fuzz.draw.names import AWKWARD, FILE_NAMES
from parity_tests.fuzz.drills.distribution import (
    READS,
    Distribution,
    Drill,
    aimed,
    kinds_of,
    members,
)

_NAMES = 3
"""Things with such a name in one scene."""


def awkward(distribution: Distribution) -> list[Drill]:
    drills: list[Drill] = []
    for one in distribution.catalogue.operations.values():
        is_asked = one in distribution.operations
        for kind in dict.fromkeys(made.kind for made in one.makes if made.at.startswith("/")):
            drills += _of_things(distribution, one, kind, is_asked)
        if is_asked and one.forms:
            drills += _of_files(distribution, one)
    return drills


def _of_things(
    distribution: Distribution, maker: FuzzOperation, kind: str, is_asked: bool
) -> Iterator[Drill]:
    thing = distribution.catalogue.things[kind]
    draft = plain(maker, thing.recipe, None, thing.query)
    content = members(draft.body if draft.form is None else dict(draft.form))
    names = [name for name, value in content.items() if isinstance(value, str) and "{n}" in value]
    texts = [*distribution.rng.sample(AWKWARD, len(AWKWARD))]
    for name in names:
        for at in range(0, len(texts), _NAMES):
            drill: Drill = []
            for one in texts[at : at + _NAMES]:
                changed = {**content, name: one}
                is_form = draft.form is not None
                made = replace(draft, form=changed) if is_form else replace(draft, body=changed)
                after = _further(distribution, kind, draft) + _reads(distribution, kind, draft)
                if not after and not is_asked:
                    return
                drill += [(maker, made), *after]
            yield drill


def _further(distribution: Distribution, kind: str, draft: Draft) -> Drill:
    """What makes something more of the thing, and whatever shows that."""
    drill: Drill = []
    for one in distribution.catalogue.operations.values():
        more = [made.kind for made in one.makes if made.at.startswith("path:")]
        if more and kind in kinds_of(one):
            reads = distribution.read(more, Wish.LATEST, draft.user)
            if reads:
                path = aimed(one, Ref(kind, Wish.LATEST), kind)
                drill += [(one, replace(plain(one), path=path)), *reads]
    return drill


def _reads(distribution: Distribution, kind: str, draft: Draft) -> Drill:
    return distribution.read([kind], Wish.LATEST, draft.user, READS)


def _of_files(distribution: Distribution, operation: FuzzOperation) -> Iterator[Drill]:
    form = operation.forms[0]
    for name, value in form.items():
        if not isinstance(value, Mapping):
            continue
        drafts = [
            replace(plain(operation), form={**form, name: {**value, "filename": file}})
            for file in FILE_NAMES
        ]
        yield [(operation, draft) for draft in drafts]
