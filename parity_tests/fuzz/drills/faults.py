"""Two things wrong with one request: which is answered, and that neither is done. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import combinations

from parity_core.model import Json
from parity_tests.fuzz.catalogue import FuzzOperation
from parity_tests.fuzz.draw import values
from parity_tests.fuzz.draw.draft import Damage, Draft, Ref, Wish, plain, reference
from parity_tests.fuzz.draw.filled import fields
from parity_tests.fuzz.draw.variants import DROP, near_values
from parity_tests.fuzz.drills.distribution import Distribution, Drill, members

_CHUNK = 10
_PAIRS = 30
_MANY = 3
"""Draws of a pair of fields that both can be nearly right."""
_DAMAGES = (Damage.TRUNCATED, Damage.PLAIN, Damage.EMPTY, Damage.TRAILING, Damage.NO_TYPE)

Fault = Callable[[Draft], Draft]


def faults(distribution: Distribution) -> list[Drill]:
    drills: list[Drill] = []
    for one in distribution.operations:
        steps = [(one, draft) for draft in _of(distribution, one)]
        drills += [steps[at : at + _CHUNK] for at in range(0, len(steps), _CHUNK)]
    return drills


def _of(distribution: Distribution, operation: FuzzOperation) -> list[Draft]:
    slots = _slots(distribution, operation)
    boundary = {name: options for name, (options, is_near) in slots.items() if is_near}
    pairs = list(combinations(slots, 2))
    chosen = distribution.rng.sample(pairs, min(_PAIRS, len(pairs)))
    chosen += [pair for pair in pairs if boundary.keys() >= set(pair)] * _MANY
    drafts = []
    for pair in chosen:
        draft = plain(operation, distribution.rng.randrange(max(1, len(operation.examples))))
        # what is done to the whole body comes last
        for name in sorted(pair, key=lambda one: one == "body"):
            draft = distribution.rng.choice(slots[name][0])(draft)
        drafts.append(draft)
    return drafts


def _slots(
    distribution: Distribution, operation: FuzzOperation
) -> Mapping[str, tuple[list[Fault], bool]]:
    """By the part of the request, what may be wrong with it; and whether that is a right text but for one rule."""
    slots: dict[str, tuple[list[Fault], bool]] = {}
    if operation.users:
        users: list[Json | Ref] = [
            None,
            {"authorization": "Bearer x.y.z"},
            *distribution.catalogue.refused,
        ]
        session = (
            distribution.catalogue.log_in.session if distribution.catalogue.log_in else "session"
        )
        if distribution.catalogue.maker(session):
            users += [Ref(session, Wish.NEW)] * 2
        slots["user"] = [_by(user) for user in users], False
    for name, _ in operation.parameters:
        known = operation.path.get(name)
        ids: list[str | Ref] = ["0", "x"]
        if isinstance(known, str):
            kind = reference(known).kind
            ids = [Ref(kind, wish) for wish in (Wish.NEVER, Wish.GONE, Wish.OTHERS)]
        slots[f"path {name}"] = [_at(name, one) for one in ids], False
    for name, schema in operation.shape.query.items():
        if values.kind(schema) in ("integer", "boolean") or schema.get("format") == "date-time":
            slots["query"] = [_asked(name, one) for one in ("x", "", "-1")], False
    for name in fields(operation):
        slots[f"field {name}"] = _of_field(distribution, operation, name)
    if operation.examples:
        slots["more"] = [_with("unknown", 1), _with("id", 1)], False
        slots["body"] = [_damaged(one) for one in _DAMAGES], False
    return slots


def _of_field(
    distribution: Distribution, operation: FuzzOperation, name: str
) -> tuple[list[Fault], bool]:
    bodies = operation.examples or operation.forms
    known = operation.shape.form if operation.forms else operation.shape.body
    schema = known.get(name, {})
    examples = [one[name] for one in bodies if name in one]
    boundary = near_values(name, schema, examples, distribution.catalogue)
    wrong: list[Json] = [None, "", *values.WRONG.get(values.kind(schema) or "", ())]
    if operation.forms:
        wrong = ["", "x", "-1"]
    options: list[object] = boundary or wrong
    if boundary:
        options = [*boundary, *distribution.rng.sample(wrong, min(2, len(wrong)))]
    return [_with(name, one) for one in (DROP, *options)], bool(boundary)


def _by(user: Json | Ref) -> Fault:
    return lambda draft: replace(draft, user=user)


def _at(name: str, value: str | Ref) -> Fault:
    return lambda draft: replace(draft, path={**draft.path, name: value})


def _asked(name: str, value: str) -> Fault:
    return lambda draft: replace(draft, query=(*draft.query, (name, value)))


def _damaged(damage: Damage) -> Fault:
    return lambda draft: replace(draft, damage=damage)


def _with(name: str, value: object) -> Fault:
    def change(draft: Draft) -> Draft:
        body = dict(members(draft.body if draft.form is None else dict(draft.form)))
        if value is DROP:
            body.pop(name, None)
        else:
            body[name] = value
        return replace(draft, body=body) if draft.form is None else replace(draft, form=body)

    return change
