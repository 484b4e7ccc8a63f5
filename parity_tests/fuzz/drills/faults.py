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
from parity_tests.fuzz.drills.deal import Deal, Drill, members

_CHUNK = 10
_PAIRS = 30
_MANY = 3
"""Draws of a pair of fields that both can be nearly right."""
_DAMAGES = (Damage.TRUNCATED, Damage.PLAIN, Damage.EMPTY, Damage.TRAILING, Damage.NO_TYPE)

Fault = Callable[[Draft], Draft]


def faults(deal: Deal) -> list[Drill]:
    found: list[Drill] = []
    for one in deal.operations:
        steps = [(one, draft) for draft in _of(deal, one)]
        found += [steps[at : at + _CHUNK] for at in range(0, len(steps), _CHUNK)]
    return found


def _of(deal: Deal, operation: FuzzOperation) -> list[Draft]:
    slots = _slots(deal, operation)
    near = {name: options for name, (options, is_near) in slots.items() if is_near}
    pairs = list(combinations(slots, 2))
    told = deal.rng.sample(pairs, min(_PAIRS, len(pairs)))
    told += [pair for pair in pairs if near.keys() >= set(pair)] * _MANY
    found = []
    for pair in told:
        draft = plain(operation, deal.rng.randrange(max(1, len(operation.examples))))
        # what is done to the whole body comes last
        for name in sorted(pair, key=lambda one: one == "body"):
            draft = deal.rng.choice(slots[name][0])(draft)
        found.append(draft)
    return found


def _slots(deal: Deal, operation: FuzzOperation) -> Mapping[str, tuple[list[Fault], bool]]:
    """By the part of the request, what may be wrong with it; and whether that is a right text but for one rule."""
    found: dict[str, tuple[list[Fault], bool]] = {}
    if operation.users:
        users: list[Json | Ref] = [None, {"authorization": "Bearer x.y.z"}, *deal.catalogue.refused]
        session = deal.catalogue.log_in.session if deal.catalogue.log_in else "session"
        if deal.catalogue.maker(session):
            users += [Ref(session, Wish.NEW)] * 2
        found["user"] = [_by(user) for user in users], False
    for name, _ in operation.parameters:
        known = operation.path.get(name)
        ids: list[str | Ref] = ["0", "x"]
        if isinstance(known, str):
            kind = reference(known).kind
            ids = [Ref(kind, wish) for wish in (Wish.NEVER, Wish.GONE, Wish.OTHERS)]
        found[f"path {name}"] = [_at(name, one) for one in ids], False
    for name, schema in operation.shape.query.items():
        if values.kind(schema) in ("integer", "boolean") or schema.get("format") == "date-time":
            found["query"] = [_asked(name, one) for one in ("x", "", "-1")], False
    for name in fields(operation):
        found[f"field {name}"] = _of_field(deal, operation, name)
    if operation.examples:
        found["more"] = [_with("unknown", 1), _with("id", 1)], False
        found["body"] = [_damaged(one) for one in _DAMAGES], False
    return found


def _of_field(deal: Deal, operation: FuzzOperation, name: str) -> tuple[list[Fault], bool]:
    given = operation.examples or operation.forms
    known = operation.shape.form if operation.forms else operation.shape.body
    schema = known.get(name, {})
    told = [one[name] for one in given if name in one]
    near = near_values(name, schema, told, deal.catalogue)
    wrong: list[Json] = [None, "", *values.WRONG.get(values.kind(schema) or "", ())]
    if operation.forms:
        wrong = ["", "x", "-1"]
    options: list[object] = near or wrong
    if near:
        options = [*near, *deal.rng.sample(wrong, min(2, len(wrong)))]
    return [_with(name, one) for one in (DROP, *options)], bool(near)


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
