"""Two clients or more at the same moment: one name twice, one thing changed twice, two who ask, rights that change. Pure.

A request that is marked `at_once` is sent at the same time as the one before it. Each group is asked from the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from parity_core.model import Json
from parity_tests.fuzz.catalogue import FuzzOperation
from parity_tests.fuzz.draw.draft import Draft, Ref, Wish, plain
from parity_tests.fuzz.drills.distribution import Distribution, Drill, aimed, kinds_of
from parity_tests.fuzz.drills.people import granted

_GROUPS = 4
"""Groups that share one scene, and what was made for it."""
_READS = ("GET", "HEAD", "OPTIONS")


def at_once(distribution: Distribution) -> list[Drill]:
    return [
        *_twins(distribution),
        *_of_one_thing(distribution),
        *_two_who_ask(distribution),
        *_rights(distribution),
    ]


def _group(*asked: tuple[FuzzOperation, Draft]) -> Drill:
    first, *others = asked
    return [first, *((one, replace(draft, at_once=True)) for one, draft in others)]


def _twins(distribution: Distribution) -> Iterator[Drill]:
    """The same thing made by two at once: one of them comes second, and nobody knows which."""
    for operation in distribution.operations:
        if operation.method != "POST":
            continue
        for number in range(max(1, len(operation.examples), len(operation.forms))):
            one = plain(operation, number)
            others = [user for user in operation.users if user != one.user]
            other = replace(one, again=True)
            drill = _group((operation, one), (operation, other))
            if others:
                by_another = replace(other, user=distribution.rng.choice(others))
                drill += _group((operation, one), (operation, by_another))
            yield drill


def _of_one_thing(distribution: Distribution) -> Iterator[Drill]:
    """Changes of one thing, two by two: what one writes the other must not lose, or find half."""
    for kind, thing in distribution.catalogue.things.items():
        maker = distribution.catalogue.maker(kind)
        about = [one for one in distribution.operations if kind in kinds_of(one)]
        changes = [one for one in about if one.method not in _READS]
        if maker is None or not changes:
            continue
        made = (maker, plain(maker, thing.recipe, None, thing.query))
        groups = []
        for change in changes:
            others = [one for one in about if one is not change]
            for other in (change, *distribution.rng.sample(others, min(2, len(others)))):
                asked = [(one, _aimed(distribution, one, kind)) for one in (change, other)]
                distribution.rng.shuffle(asked)
                groups.append(_group(*asked))
        distribution.rng.shuffle(groups)
        yield from _scenes([made], groups)


def _two_who_ask(distribution: Distribution) -> Iterator[Drill]:
    """The same request by two users, who must not be taken for each other."""
    groups: dict[str, list[Drill]] = {}
    for operation in distribution.operations:
        users: Sequence[Json] = operation.users
        if len(users) < 2:
            continue
        one, other = distribution.rng.sample(users, 2)
        drafts = [replace(plain(operation), user=user) for user in (one, other)]
        group = _group(*((operation, draft) for draft in drafts))
        groups.setdefault(operation.noun, []).append(group)
    for noun, some in groups.items():
        maker = next(
            (
                one
                for one in distribution.catalogue.operations.values()
                if one.noun == noun and one.makes and one.users and not one.parameters
            ),
            None,
        )
        # each has something of their own to be shown
        made = [(maker, replace(plain(maker), user=user)) for user in maker.users] if maker else []
        distribution.rng.shuffle(some)
        yield from _scenes(made, some)


def _rights(distribution: Distribution) -> Iterator[Drill]:
    """Somebody asks while what they may do changes: as before or as after, and nothing between."""
    how = distribution.catalogue.log_in
    signup = distribution.catalogue.maker(how.session) if how else None
    asked = [one for one in distribution.operations if one.users]
    if how is None or signup is None or not asked:
        return
    who = Ref(how.session, Wish.LATEST)
    for change in distribution.catalogue.operations.values():
        if not change.grants:
            continue
        groups = []
        for question in distribution.rng.sample(asked, min(_GROUPS, len(asked))):
            draft = replace(plain(question), user=who)
            groups.append(
                _group((change, granted(distribution, change, how.user)), (question, draft))
            )
        yield from _scenes([(signup, plain(signup))], groups)


def _scenes(made: Drill, groups: Sequence[Drill]) -> Iterator[Drill]:
    for start in range(0, len(groups), _GROUPS):
        yield [*made, *(one for group in groups[start : start + _GROUPS] for one in group)]


def _aimed(distribution: Distribution, operation: FuzzOperation, kind: str) -> Draft:
    number = distribution.rng.randrange(max(1, len(operation.examples)))
    draft = plain(operation, number)
    return replace(draft, path=aimed(operation, Ref(kind, Wish.LATEST), kind))
