"""Awkward names: of things, in whatever shows or sends them, and of files. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from parity_tests.fuzz.catalogue import FuzzOperation
from parity_tests.fuzz.draw.draft import Draft, Ref, Wish, plain
from parity_tests.fuzz.draw.names import AWKWARD, FILE_NAMES
from parity_tests.fuzz.drills.deal import READS, Deal, Drill, aimed, kinds_of, members

_NAMES = 3
"""Things with such a name in one scene."""


def awkward(deal: Deal) -> list[Drill]:
    found: list[Drill] = []
    for one in deal.catalogue.operations.values():
        is_asked = one in deal.operations
        for kind in dict.fromkeys(made.kind for made in one.makes if made.at.startswith("/")):
            found += _of_things(deal, one, kind, is_asked)
        if is_asked and one.forms:
            found += _of_files(deal, one)
    return found


def _of_things(deal: Deal, maker: FuzzOperation, kind: str, is_asked: bool) -> Iterator[Drill]:
    thing = deal.catalogue.things[kind]
    draft = plain(maker, thing.recipe, None, thing.query)
    content = members(draft.body if draft.form is None else dict(draft.form))
    names = [name for name, value in content.items() if isinstance(value, str) and "{n}" in value]
    told = [*deal.rng.sample(AWKWARD, len(AWKWARD))]
    for name in names:
        for at in range(0, len(told), _NAMES):
            drill: Drill = []
            for one in told[at : at + _NAMES]:
                changed = {**content, name: one}
                is_form = draft.form is not None
                made = replace(draft, form=changed) if is_form else replace(draft, body=changed)
                after = _further(deal, kind, draft) + _reads(deal, kind, draft)
                if not after and not is_asked:
                    return
                drill += [(maker, made), *after]
            yield drill


def _further(deal: Deal, kind: str, draft: Draft) -> Drill:
    """What makes something more of the thing, and whatever shows that."""
    found: Drill = []
    for one in deal.catalogue.operations.values():
        more = [made.kind for made in one.makes if made.at.startswith("path:")]
        if more and kind in kinds_of(one):
            reads = deal.read(more, Wish.LATEST, draft.user)
            if reads:
                path = aimed(one, Ref(kind, Wish.LATEST), kind)
                found += [(one, replace(plain(one), path=path)), *reads]
    return found


def _reads(deal: Deal, kind: str, draft: Draft) -> Drill:
    return deal.read([kind], Wish.LATEST, draft.user, READS)


def _of_files(deal: Deal, operation: FuzzOperation) -> Iterator[Drill]:
    form = operation.forms[0]
    for name, value in form.items():
        if not isinstance(value, Mapping):
            continue
        drafts = [
            replace(plain(operation), form={**form, name: {**value, "filename": file}})
            for file in FILE_NAMES
        ]
        yield [(operation, draft) for draft in drafts]
