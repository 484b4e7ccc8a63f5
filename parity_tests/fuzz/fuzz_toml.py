"""The file `fuzz.toml` as a model: what `parity fuzz` has to know beyond what the two documents tell."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from parity_core.files.sentence import nearest
from parity_core.files.table import Integer, Named, Strings, Table, WrongValue
from parity_tests.parity_toml import ServiceName

Values = tuple[dict[str, Any], ...]
Count = Annotated[Integer, Field(ge=0)]


class ProfileTable(Table):
    """How both stacks are set up."""

    settings: Strings = Field(default_factory=dict)
    """Environment variables."""
    services: tuple[ServiceName, ...] | None = None
    """Servers beside the stacks; a profile that says none has those of [profile]."""


class ThingTable(Table):
    """A kind of thing that requests are about."""

    seeded: tuple[str, ...] = ()
    """Ids that the seed has."""
    recipe: Count = 0
    """Which of its operation's bodies makes one, from 0."""
    query: Count = 0
    """Which of its operation's queries makes one, from 0."""


class LogInTable(Table):
    """How somebody proves to be somebody."""

    operation: Named
    """The operation that logs in."""
    name: Named
    """The field of its body with the name."""
    secret: Named
    """The field of its body with the password."""
    mailed: str = ""
    """The kind of thing that a new secret is that comes by mail."""
    user: Named = "user"
    """The kind of thing that logs in."""
    session: Named = "session"
    """The kind of thing that stands for one who has logged in."""


class RefusedTable(Table):
    """Who the API must not let in, as a journey's `as` writes it."""

    token: Any = None
    """A token as it is."""
    authorization: Any = None
    """The whole header."""
    minted: dict[str, Any] | None = None
    """The claims of a token; `exp` and `iat` in seconds from now."""
    secret: Any = None
    """The key that signs it."""
    alg: Any = None
    """The algorithm that signs it."""
    header: Any = None
    """Further fields of the token's header."""
    login: Any = None
    """A name and a password to log in with."""


class MakesTable(Table):
    """A request that makes a new thing."""

    kind: Named
    """The thing's name among [things]."""
    at: str
    """A JSON pointer to its id in the reply; `path:idx`: in the request's path; `body:/id`: in its body; `mail:/REGEX/`: in a mail."""
    where: str | None = None
    """What must be true in the reply."""
    row: str | None = None
    """The table that must have got a row; without it the replies must be successes."""


class OperationTable(Table):
    """What is known of the operations that match. Later entries go over earlier ones."""

    match: Annotated[tuple[Named, ...], Field(min_length=1)]
    """Globs of operations, as `GET /thing/*`."""
    users: tuple[str, ...] = Field((), alias="as")
    """Who is allowed."""
    path: dict[str, Any] = Field(default_factory=dict)
    """By parameter of the path: a kind of thing, or a list of values."""
    bodies: tuple[Any, ...] = Field((), alias="json")
    """Bodies that are valid."""
    form: Values = ()
    """Forms that are valid."""
    query: Values = ()
    """Queries that are valid."""
    makes: tuple[MakesTable, ...] = ()
    """The things that it makes."""
    grants: str | None = None
    """The kind of thing whose rights it changes."""
    ends: str | None = None
    """The kind of thing that is gone after it."""


class FuzzFile(Table):
    """`fuzz.toml`: what to draw requests from."""

    branches: tuple[Named, ...] = ()
    """Folders of the ported package whose branches guide what is drawn, and are listed when nothing reached them."""
    profile: ProfileTable = ProfileTable()
    """The usual setup of both stacks."""
    profiles: dict[str, ProfileTable] = Field(default_factory=dict)
    """Other setups by name: what differs from the usual one."""
    log_in: LogInTable | None = None
    """How somebody logs in."""
    things: dict[str, ThingTable] = Field(default_factory=dict)
    """What there is, by name."""
    fields: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    """What a field of this name holds, in bodies and queries."""
    refused: tuple[RefusedTable, ...] = ()
    """Who must not get in."""
    operation: tuple[OperationTable, ...] = ()
    """What is known of operations."""

    @model_validator(mode="after")
    def _things_are_described(self) -> Self:
        for number, entry in enumerate(self.operation):
            for place, made in enumerate(entry.makes):
                self._check(made.kind, number, "makes", place, "kind")
            for name, kind in entry.path.items():
                if isinstance(kind, str):
                    self._check(kind.partition("#")[0], number, "path", name)
        return self

    def _check(self, kind: str, number: int, *loc: str | int) -> None:
        if kind not in self.things:
            problem = f"no [things.{kind}] in the file{nearest(kind, self.things)}"
            raise WrongValue(problem, "operation", number, *loc)
