"""Several users in one sequence: whose things they see and change, before and after what they may do changes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from parity_core.model import Json
from parity_tests.fuzz.catalogue import FuzzOperation
from parity_tests.fuzz.draw.draft import Draft, Ref, Wish, plain
from parity_tests.fuzz.drills.distribution import Distribution, Drill, aimed, kinds_of, members

_ASKED = 6
_ROUNDS = 3


def people(distribution: Distribution) -> list[Drill]:
    how = distribution.catalogue.log_in
    maker = distribution.catalogue.maker(how.session) if how else None
    if how is None or maker is None:
        return []
    return [
        *_owners(distribution, maker, how.session),
        *_grants(distribution, maker, how.session, how.user),
    ]


def _owners(distribution: Distribution, signup: FuzzOperation, session: str) -> Iterator[Drill]:
    """What one has made, for another who is as good; for who may more; and for its owner again."""
    first, second = Ref(session, Wish.LATEST, 1), Ref(session, Wish.LATEST)
    for kind, thing in distribution.catalogue.things.items():
        maker = distribution.catalogue.maker(kind)
        about = [one for one in distribution.operations if kind in kinds_of(one)]
        if maker is None or not maker.users or not about:
            continue
        made = plain(maker, thing.recipe, None, thing.query)
        lists = [
            one
            for one in distribution.operations
            if one.noun == maker.noun and not one.parameters and one.method == "GET"
        ]
        for _ in range(2):
            drill: Drill = [(signup, plain(signup)), (signup, plain(signup))]
            drill.append((maker, replace(made, user=first)))
            asked = distribution.rng.sample(about, min(_ASKED, len(about)))
            # what ends it comes last
            asked.sort(key=lambda one: one.ends is not None)
            for one in [*lists[:1], *asked]:
                draft = _of(distribution, one, kind)
                drill += [(one, replace(draft, user=second)), (one, replace(draft, user=first))]
                if one.method != "GET":
                    drill.append((one, draft))
            yield drill


def _grants(
    distribution: Distribution, signup: FuzzOperation, session: str, user: str
) -> Iterator[Drill]:
    """The same questions before and after each change of what somebody may do."""
    who = Ref(session, Wish.LATEST)
    changes = [one for one in distribution.catalogue.operations.values() if one.grants]
    asked = [one for one in distribution.operations if one.users]
    if not changes or not asked:
        return
    for one in changes:
        for _ in range(_ROUNDS):
            questions = distribution.rng.sample(asked, min(_ASKED, len(asked)))
            step: Drill = [(each, replace(plain(each), user=who)) for each in questions]
            drill: Drill = [(signup, plain(signup)), *step]
            for change in (one, distribution.rng.choice(changes)):
                drill += [(change, granted(distribution, change, user)), *step]
            yield drill


def granted(distribution: Distribution, change: FuzzOperation, user: str) -> Draft:
    """The change, made about the user who came last."""
    draft = plain(change, distribution.rng.randrange(max(1, len(change.examples))))
    path = aimed(change, Ref(user, Wish.LATEST), user)
    for name, known in change.path.items():
        if isinstance(known, list) and name in path:
            path[name] = str(distribution.rng.choice(known))
        elif isinstance(known, str) and known != user:
            seeded = distribution.catalogue.things[known].seeded
            path[name] = Ref(known, pick=distribution.rng.randrange(max(1, len(seeded))))
    body: dict[str, Json] = {}
    for name, value in members(draft.body).items():
        body[name] = value
        kind = value[2:-1] if isinstance(value, str) and value.startswith("${") else ""
        if kind == user:
            body[name] = Ref(user, Wish.LATEST)
        elif kind in distribution.catalogue.things:
            seeded = distribution.catalogue.things[kind].seeded
            body[name] = Ref(kind, pick=distribution.rng.randrange(max(1, len(seeded))))
    return replace(draft, path=path, body=body) if body else replace(draft, path=path)


def _of(distribution: Distribution, operation: FuzzOperation, kind: str) -> Draft:
    number = distribution.rng.randrange(max(1, len(operation.examples)))
    return replace(plain(operation, number), path=aimed(operation, Ref(kind, Wish.LATEST), kind))
