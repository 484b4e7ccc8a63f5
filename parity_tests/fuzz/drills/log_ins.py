"""Log-ins: after each way to get another password, with it and with what one may mistake for it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from parity_core.model import Json
from parity_tests.fuzz.catalogue import FuzzLogIn, FuzzOperation
from parity_tests.fuzz.draw.draft import Draft, Ref, Wish, plain
from parity_tests.fuzz.draw.secrets import mistaken, secrets
from parity_tests.fuzz.drills.distribution import Distribution, Drill, aimed, kinds_of, members

_MISTAKES = 7
_AGES = (2, 100, 400)
"""Days after which the same password is tried again."""


def log_ins(distribution: Distribution) -> list[Drill]:
    """For each operation that takes a secret, and each awkward secret."""
    how = distribution.catalogue.log_in
    if how is None or how.operation not in distribution.catalogue.operations:
        return []
    return [
        drill
        for setter in distribution.catalogue.operations.values()
        if _is_about(distribution, setter, how)
        for drill in _after(distribution, setter, how)
    ]


def _is_about(distribution: Distribution, setter: FuzzOperation, how: FuzzLogIn) -> bool:
    wanted = (how.operation, _signup(distribution, how).label, setter.label)
    return (
        any(one.label in wanted for one in distribution.operations)
        and setter.label != how.operation
        and (how.secret in _body(setter) or how.secret in setter.shape.body or _mails(setter, how))
    )


def _after(distribution: Distribution, setter: FuzzOperation, how: FuzzLogIn) -> Iterator[Drill]:
    signup = _signup(distribution, how)
    first = str(_body(signup).get(how.secret, "Secret-pw{n}!"))
    if _mails(setter, how):
        drill = [(signup, plain(signup)), (setter, _aimed(setter, how, _body(signup)))]
        new = Ref(how.mailed, Wish.LATEST)
        yield [*drill, *(_try(distribution, how, one) for one in (new, first, new))]
        return
    base = first.replace("{n}", "1")
    for secret in [base, *secrets(base)]:
        drill = []
        if setter is signup:
            drill.append(
                (signup, replace(plain(signup), body={**_body(signup), how.secret: secret}))
            )
        else:
            draft = _aimed(setter, how, {how.secret: secret})
            drill += [(signup, plain(signup)), (setter, draft)]
        wrong = mistaken(secret)
        tried = distribution.rng.sample(wrong, min(_MISTAKES, len(wrong)))
        drill += [_try(distribution, how, one) for one in (secret, *tried)]
        if setter is not signup:
            drill.append(_try(distribution, how, first))
        if secret == base:
            drill += [_try(distribution, how, secret, days) for days in _AGES]
            drill += [(one, replace(draft, again=True)) for one, draft in drill[1:2]]
            drill.append(_try(distribution, how, secret))
        yield drill


def _signup(distribution: Distribution, how: FuzzLogIn) -> FuzzOperation:
    """The first operation that makes who logs in, with a name and a secret that are known."""
    signups = (
        one
        for one in distribution.catalogue.operations.values()
        if any(made.kind == how.user for made in one.makes)
        and {how.name, how.secret} <= _body(one).keys()
    )
    return next(signups, distribution.catalogue.operations[how.operation])


def _aimed(setter: FuzzOperation, how: FuzzLogIn, body: dict[str, Json]) -> Draft:
    """The setter about the user who was made last: by an id in the path, or by what the body tells of it."""
    own = _body(setter)
    draft = plain(setter)
    if how.user in kinds_of(setter):
        path = aimed(setter, Ref(how.user, Wish.LATEST), how.user)
        return Draft(Ref(how.session, Wish.LATEST), path, body=body, again=True)
    return replace(draft, body={k: v for k, v in {**own, **body}.items() if k in own}, again=True)


def _try(
    distribution: Distribution, how: FuzzLogIn, secret: Json | Ref, days: int = 0
) -> tuple[FuzzOperation, Draft]:
    operation = distribution.catalogue.operations[how.operation]
    name = _body(_signup(distribution, how)).get(how.name)
    body = {**_body(operation), how.name: name, how.secret: secret}
    return operation, Draft(body=body, again=True, days_later=days)


def _mails(setter: FuzzOperation, how: FuzzLogIn) -> bool:
    return bool(how.mailed) and any(made.kind == how.mailed for made in setter.makes)


def _body(operation: FuzzOperation) -> dict[str, Json]:
    return members(operation.examples[0]) if operation.examples else {}
