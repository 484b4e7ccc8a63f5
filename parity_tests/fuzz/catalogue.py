"""The operations to draw from: what the documents tell, joined with what a configured file adds. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parity_core.compare.places import operation_matches
from parity_core.files.read import read_toml
from parity_core.model import Json
from parity_tests.fuzz.documents import DocumentedShape
from parity_tests.fuzz.fuzz_toml import FuzzFile, ProfileTable
from parity_tests.journeys.model import Profile

_PARAMETER = re.compile(r"<(?:(?P<converter>\w+)(?:\([^)]*\))?:)?(?P<name>\w+)>")
USUAL = "usual"
"""The profile that needs no name."""


@dataclass(frozen=True)
class Makes:
    """A request that makes a new thing: its kind, where its id is, and what must be true in the reply."""

    kind: str
    at: str
    """A JSON pointer into the reply; `path:idx`: the id in the request's path; `body:/id`: in its body."""
    where: str | None = None
    row: str | None = None
    """The table that must have got a row; without it the replies must be successes."""


@dataclass(frozen=True)
class FuzzOperation:
    """One operation of the census, and all that is known of how to ask it."""

    label: str
    shape: DocumentedShape = field(default_factory=DocumentedShape)
    users: tuple[str, ...] = ()
    """Who is allowed; nobody needs to be anybody when there are none."""
    path: Mapping[str, Json] = field(default_factory=dict)
    """By parameter: a kind of thing, or a list of values."""
    examples: tuple[Mapping[str, Json], ...] = ()
    forms: tuple[Mapping[str, Json], ...] = ()
    queries: tuple[Mapping[str, Json], ...] = ({},)
    makes: tuple[Makes, ...] = ()
    ends: str | None = None
    grants: str | None = None
    """It changes what this kind of thing may do."""

    @property
    def method(self) -> str:
        return self.label.partition(" ")[0]

    @property
    def rule(self) -> str:
        return self.label.partition(" ")[2]

    @property
    def noun(self) -> str:
        """`case` of `GET /case/<int:idx>/`: operations with one noun are about the same things."""
        return re.sub(r"\W+", "_", self.rule.strip("/").partition("/")[0]) or "root"

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """Name and converter of each variable of the rule."""
        return [(v["name"], v["converter"] or "string") for v in _PARAMETER.finditer(self.rule)]

    @property
    def name(self) -> str:
        """`POST /user/<int:user_id>/` as `post_user_user_id`: a name for programs and files."""
        return re.sub(r"\W+", "_", _PARAMETER.sub(r"\g<name>", self.label)).strip("_").lower()

    def target(self, values: Mapping[str, str]) -> str:
        return _PARAMETER.sub(lambda match: values[match["name"]], self.rule)


@dataclass(frozen=True)
class Thing:
    """A kind of thing: what the seed has of it, which body and which query of its operation make one."""

    seeded: tuple[str, ...] = ()
    recipe: int = 0
    query: int = 0


@dataclass(frozen=True)
class FuzzLogIn:
    """How somebody proves to be somebody: the operation, its fields, and the kind of what is mailed as a secret."""

    operation: str
    name: str
    secret: str
    mailed: str = ""
    user: str = "user"
    """The kind of thing that logs in."""
    session: str = "session"
    """The kind of thing that stands for one who has logged in."""


@dataclass(frozen=True)
class Knowledge:
    """The configured file, read."""

    profiles: Mapping[str, Profile]
    """All by name, the usual one first."""
    things: Mapping[str, Thing]
    fields: Mapping[str, Sequence[Json]]
    entries: tuple[Mapping[str, Any], ...]
    refused: tuple[Json, ...] = ()
    """Who the API must not let in, as a journey's `as` writes it: tokens that lapsed, of nobody, of another key."""
    log_in: FuzzLogIn | None = None
    branches: tuple[str, ...] = ()
    """Folders of the ported package that are looked at."""


@dataclass(frozen=True)
class Catalogue:
    operations: Mapping[str, FuzzOperation]
    things: Mapping[str, Thing]
    fields: Mapping[str, Sequence[Json]]
    refused: tuple[Json, ...] = ()
    log_in: FuzzLogIn | None = None

    def maker(self, kind: str) -> FuzzOperation | None:
        """The first operation that makes things of this kind."""
        for operation in self.operations.values():
            if any(made.kind == kind for made in operation.makes):
                return operation
        return None


def load(path: Path) -> Knowledge:
    """Raises ParityError: one sentence with the file, the line and the key that is wrong."""
    file = read_toml(path, FuzzFile, "the configuration's `fuzz` names the file")
    return Knowledge(
        profiles=_profiles(file),
        things={
            kind: Thing(table.seeded, table.recipe, table.query)
            for kind, table in file.things.items()
        },
        fields=file.fields,
        entries=tuple(one.model_dump(by_alias=True, exclude_unset=True) for one in file.operation),
        refused=tuple(one.model_dump(exclude_unset=True) for one in file.refused),
        log_in=FuzzLogIn(**file.log_in.model_dump()) if file.log_in else None,
        branches=file.branches,
    )


def _profiles(file: FuzzFile) -> dict[str, Profile]:
    """`[profile]`, and `[profiles.NAME]` with what is otherwise in that one."""
    usual = file.profile
    profiles = {}
    for name, table in {USUAL: ProfileTable(), **file.profiles}.items():
        services = usual.services if table.services is None else table.services
        profiles[name] = Profile(
            tuple(sorted({**usual.settings, **table.settings}.items())),
            tuple(sorted(services or ())),
        )
    return profiles


def build(
    knowledge: Knowledge, labels: Iterable[str], shapes: Mapping[str, DocumentedShape] | None = None
) -> Catalogue:
    """The operations of a census; entries that match it are joined, later ones over earlier ones."""
    operations = {}
    used: set[int] = set()
    order: dict[str, int] = {}
    for label in labels:
        merged: dict[str, Any] = {}
        path: dict[str, Json] = {}
        for number, entry in enumerate(knowledge.entries):
            if any(operation_matches(glob, label) for glob in entry["match"]):
                used.add(number)
                merged |= entry
                path |= entry.get("path", {})
                if entry.get("makes"):
                    order.setdefault(label, number)
        operations[label] = FuzzOperation(
            label=label,
            shape=(shapes or {}).get(label, DocumentedShape()),
            users=tuple(merged.get("as", ())),
            path=path,
            examples=tuple(merged.get("json", ())),
            forms=tuple(merged.get("form", ())),
            queries=tuple(merged.get("query", ({},))),
            makes=tuple(Makes(**made) for made in merged.get("makes", ())),
            ends=merged.get("ends"),
            grants=merged.get("grants"),
        )
    # makers in the order of the file: the first of a kind is the usual one
    ranked = sorted(operations, key=lambda label: (order.get(label, len(knowledge.entries)), label))
    return Catalogue(
        {label: operations[label] for label in ranked},
        knowledge.things,
        knowledge.fields,
        knowledge.refused,
        knowledge.log_in,
    )
