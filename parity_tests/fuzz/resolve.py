"""Turns a draft into a step: which things it means, how its body is written. Pure but for what it remembers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from parity_core.model import MISSING, Json
from parity_tests.fuzz.catalogue import Catalogue, FuzzOperation
from parity_tests.fuzz.draw.draft import Damage, Draft, Ref, Spelling, Wish, plain
from parity_tests.journeys.model import Step

_WHOLE = re.compile(r"\$\{(\w+)\}")
_ALIKE = 4
"""Letters at their beginnings by which two names are taken for names of one thing."""
_BOUNDARY = "parity"
_NEVER = "987654321"
_LONGEST = 300


class Wanted(Exception):
    """A thing of this kind has to be made first, for this user."""

    def __init__(self, ref: Ref, user: Json) -> None:
        super().__init__(ref.kind)
        self.ref = ref
        self.user = user


@dataclass
class Made:
    """A thing that a request made: `id` is a template, or a text that is the same on both sides."""

    kind: str
    id: str
    owner: Json
    gone: bool = False
    field: str = ""
    """Of the reply, for values."""


@dataclass
class Pool:
    """All that there is by now."""

    catalogue: Catalogue
    made: list[Made] = field(default_factory=list)
    hopeless: set[tuple[str, Wish]] = field(default_factory=set)
    """What could not be made; it is asked for by an id that nothing has."""

    busy: set[tuple[str, Wish]] = field(default_factory=set)
    """What is being made right now."""
    fresh: dict[str, str] = field(default_factory=dict)
    """By kind, what was made for the request that is resolved now."""

    def recipe(self, maker: FuzzOperation, wanted: Wanted) -> Draft:
        """The request that makes what is wanted: for its user, or for another than that."""
        mine = wanted.ref.wish is not Wish.OTHERS
        user = wanted.user
        if mine != self.may_make(wanted.ref.kind, user) or not mine:
            user = next((name for name in maker.users if (name == wanted.user) == mine), None)
        if mine and user is None and maker.users:
            user = maker.users[0]
        thing = self.catalogue.things[wanted.ref.kind]
        return plain(maker, thing.recipe, user, thing.query)

    def add(self, kind: str, identity: str, owner: Json, field: str = "") -> None:
        self.made.append(Made(kind, identity, owner, field=field))

    def end(self, template: str) -> None:
        for one in self.made:
            if template == one.id:
                one.gone = True

    def find(self, ref: Ref, user: Json) -> str:
        """A template or a value; Wanted when it must be made."""
        if ref.wish is Wish.NEVER:
            return _NEVER
        if ref.wish is Wish.NEW and ref.kind in self.fresh:
            return self.fresh[ref.kind]
        same = [one for one in self.made if one.kind == ref.kind]
        same = [one for one in same if alike(one.field, ref.like)] or same
        if ref.wish is Wish.GONE:
            return _picked([one.id for one in same if one.gone], [], ref.pick) or _NEVER
        mine = ref.wish is not Wish.OTHERS
        made = [one.id for one in same if not one.gone and (one.owner == user) == mine]
        if mine and not made and not self.may_make(ref.kind, user):
            made = [one.id for one in same if not one.gone]
        thing = self.catalogue.things.get(ref.kind)
        seeded = thing.seeded if thing else ()
        if ref.wish is Wish.SECOND:
            made, seeded = made[1:], seeded[1:]
        if ref.wish is Wish.LATEST:
            made = [one.id for one in same if not one.gone][::-1]
        picked = None if ref.wish is Wish.NEW else _picked(made, seeded, ref.pick)
        if picked is None and (ref.kind, ref.wish) in self.hopeless:
            return _NEVER
        if picked is None:
            raise Wanted(ref, user)
        return picked

    def may_make(self, kind: str, user: Json) -> bool:
        maker = self.catalogue.maker(kind)
        # who signed up may do what a usual user may
        return maker is not None and (
            not maker.users or user in maker.users or isinstance(user, dict)
        )


def alike(name: str, other: str) -> bool:
    """`created_at` and `creation_date_gte`: both begin with `crea`."""
    return name[:_ALIKE] == other[:_ALIKE]


def _picked(made: Sequence[str], seeded: Sequence[str], pick: int) -> str | None:
    candidates = [*made, *seeded]
    return candidates[pick % len(candidates)] if candidates else None


def resolve(operation: FuzzOperation, draft: Draft, pool: Pool, number: int) -> Step:
    """The step with templates for what it refers to; `number` stands for `{n}`."""
    return _Resolver(operation, draft, pool, number).step()


class _Resolver:
    def __init__(self, operation: FuzzOperation, draft: Draft, pool: Pool, number: int) -> None:
        self.operation = operation
        self.draft = draft
        self.pool = pool
        self.number = str(number)
        self.kinds = pool.catalogue.things
        self.user: Json = draft.user
        if isinstance(draft.user, Ref):
            self.user = {"token": pool.find(draft.user, None)}

    def step(self) -> Step:
        draft = self.draft
        path = {name: self.segment(value) for name, value in draft.path.items()}
        target = _spelled(self.operation.target(path), draft.spelling)
        query = "&".join(f"{_quoted(name)}={self.segment(value)}" for name, value in draft.query)
        content = self.content()
        return Step(
            method=draft.method or self.operation.method,
            target=f"{target}?{query}" if query else target,
            line=0,
            user=self.user,
            headers={**self.headers(), **content.pop("headers", {})},
            days_later=draft.days_later,
            **content,
        )

    def headers(self) -> dict[str, str]:
        return {
            name: "".join(
                str(self.filled(part)) for part in (value if isinstance(value, tuple) else (value,))
            )
            for name, value in self.draft.headers.items()
        }

    def segment(self, value: Any) -> str:
        """Of a path or query: templates stay, everything else is escaped."""
        if isinstance(value, bool):
            value = "true" if value else "false"
        value = self.filled(value)
        text = value if isinstance(value, str) else json.dumps(value)
        return text if _WHOLE.fullmatch(text) or text.startswith("${") else _quoted(text)

    def filled(self, value: Any) -> Json:
        """The value with references, `${kind}` and `{n}` replaced."""
        if isinstance(value, Ref):
            text = self.pool.find(value, self.user)
            if value.change and text.startswith("${"):
                return f"{text[:-1]}|{value.change}}}"
            return text
        if isinstance(value, str):
            whole = _WHOLE.fullmatch(value)
            if whole and whole[1] in self.kinds:
                return self.pool.find(Ref(whole[1]), self.user)
            return value.replace("{n}", self.number)
        if isinstance(value, Mapping):
            return {str(key): self.filled(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.filled(item) for item in value]
        return value

    def content(self) -> dict[str, Any]:
        """The step's body, content type, encoding and the headers that go with them."""
        draft = self.draft
        if draft.form is not None:
            body = _multipart({key: self.filled(value) for key, value in draft.form.items()})
            multipart = {"body": body, "content_type": f"multipart/form-data; boundary={_BOUNDARY}"}
            return _damaged(multipart, draft.damage)
        if draft.body is MISSING:
            return {}
        value = self.filled(draft.body)
        if draft.damage is Damage.NONE:
            return {"json": value}
        return _damaged(
            {"body": json.dumps(value), "content_type": "application/json"}, draft.damage
        )


def _damaged(content: dict[str, Any], damage: Damage) -> dict[str, Any]:
    body: str = content["body"]
    if damage is Damage.DUPLICATE_KEY and body.startswith('{"'):
        key = body[1 : body.index('"', 2) + 1]
        content["body"] = f"{{{key}: 1, {body[1:]}"
    elif damage is Damage.TRUNCATED:
        content["body"] = body[: len(body) * 2 // 3]
    elif damage is Damage.TRAILING:
        content["body"] = body + ","
    elif damage is Damage.EMPTY:
        content["body"] = ""
    elif damage is Damage.TEXT:
        content["body"] = "no JSON"
    elif damage is Damage.PLAIN:
        content["content_type"] = "text/plain"
    elif damage is Damage.CHARSET:
        content["content_type"] = "application/json; charset=latin-1"
    elif damage is Damage.NO_TYPE:
        content["content_type"] = ""
    elif damage is Damage.GZIP:
        content["encoding"] = "gzip"
    elif damage is Damage.FAKE_GZIP:
        content["headers"] = {"Content-Encoding": "gzip"}
    elif damage is Damage.BOM:
        content["body"] = "\ufeff" + body
    return content


def _multipart(fields: Mapping[str, Json]) -> str:
    parts = []
    for name, value in fields.items():
        more, text = "", value
        if isinstance(value, Mapping) and "filename" in value:
            more = f'; filename="{value["filename"]}"\r\nContent-Type: application/octet-stream'
            text = value["text"]
        text = text if isinstance(text, str) else json.dumps(text)
        # half a surrogate pair can not be sent as it is
        text = text.encode("utf-8", "replace").decode()
        parts.append(
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{text}\r\n'
        )
    return "".join(parts) + f"--{_BOUNDARY}--\r\n"


def _quoted(text: str) -> str:
    """Escaped, and short enough that the HTTP server before the stack still takes the line."""
    return quote(text.encode("utf-8", "replace")[:_LONGEST], safe="")


def _spelled(target: str, spelling: Spelling) -> str:
    if spelling is Spelling.NO_SLASH:
        return target.rstrip("/")
    if spelling is Spelling.DOUBLE_SLASH:
        return "/" + target
    return target
