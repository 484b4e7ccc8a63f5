"""The file `parity.toml` as a model: two stacks, their seed, who logs in, what stands beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from parity_core.files.table import Named, Number, Strings, Table, WrongValue

Command = tuple[str, ...]
SOURCE = re.compile(r"/|header:.|cookie:.|field:.|text:.|$")
"""What the source of a value in a reply begins with; an empty one is all of a JSON reply."""
SOURCES = "a JSON pointer, `header:Name`, `cookie:NAME`, `field:NAME` or `text:/regex/`"


def _source(text: str) -> str:
    if not SOURCE.match(text):
        raise ValueError(f"is {SOURCES}")
    return text


ServiceName = Literal["smtp", "ldap", "openid", "runner", "airflow", "databricks", "folder"]


class TargetTable(Table):
    """One stack. It says one of `command`, `wsgi`, `asgi` and `url`."""

    command: Command | None = None
    """The command that serves it; `{port}` is a free port."""
    wsgi: Named | None = None
    """A WSGI application to serve, `module:app` or `module:factory()`."""
    asgi: Named | None = None
    """An ASGI application to serve, `module:app` or `module:factory()`."""
    url: Named | None = None
    """Where it runs already."""
    database: Named | None = None
    """Of a stack that runs already: the URL of its database, to compare rows."""
    health: str = "/"
    """A path that answers below 500 once the stack is up."""
    environment: Strings = Field(default_factory=dict)
    """Environment variables of this stack alone."""
    pythonpath: tuple[str, ...] = ()
    """Folders, relative to the file, that go in front of PYTHONPATH."""
    source: Named | None = None
    """The package that `parity mutants` copies and changes."""
    beside: tuple[str, ...] = ()
    """What the package expects to lie beside its folder; the copy gets links to it."""
    start_timeout: Number = Field(60.0, gt=0)
    """Seconds until it must be up."""
    preload: tuple[Named, ...] = ()
    """Modules that a process imports once and is forked for each start of `{python} -m …` (Linux)."""

    @model_validator(mode="after")
    def _one_way_to_start(self) -> Self:
        ways = [way for way in ("command", "wsgi", "asgi", "url") if getattr(self, way) is not None]
        if len(ways) != 1:
            raise WrongValue(
                f"it says {' and '.join(ways) or 'none'} of command, wsgi, asgi and url, and needs one: how "
                "to start the stack, the application to serve (module:app or module:factory()), or where it runs"
            )
        return self


class SeedTable(Table):
    """What fills the database that each stack gets a copy of."""

    commands: tuple[Command, ...] = ()
    """Run one after the other, with the database's URL in DATABASE_URL."""
    sql: Named | None = None
    """A file of SQL, relative to this one."""
    environment: Strings = Field(default_factory=dict)
    """Environment variables of the commands."""
    pythonpath: tuple[str, ...] = ()
    """Folders, relative to the file, that go in front of PYTHONPATH."""
    legacy: tuple[Command, ...] = ()
    """Commands of the legacy that make the same seed by its own means, to compare with."""
    ported_only: tuple[str, ...] = ()
    """Tables of the port's own, which the legacy's seed can not have."""


class CsrfTable(Table):
    """A token against forged requests, which a page or a cookie brings."""

    token: Annotated[Named, AfterValidator(_source)]
    """Where it is in the reply: `field:csrf_token` of a form or `<meta>`, `cookie:NAME`, `header:Name`, a JSON pointer, `text:/regex/`."""
    before: Named | None = None
    """The path of a page to get before the log-in; its token is `${csrf}` in the log-in's body."""
    after: Named | None = None
    """The path of a page to get after it, where the session has a token of its own."""
    header: str = ""
    """The header that brings it with each later request that is not GET, HEAD or OPTIONS."""


class LoginTable(Table):
    """How somebody logs in: the request that turns a name and a password into a token or a session."""

    kind: Literal["request", "basic", "fixed", "function"] = "request"
    """`request`: as below; `basic`: name and password with every request; `fixed`: each user has a `token`; `function`: yours."""
    path: Named | None = None
    """Where the request is sent."""
    body: Any = Field(None, alias="json")
    """Its body, of any depth; `${username}` and `${password}` are a user's, `${csrf}` the page's token."""
    form: dict[str, Any] | None = None
    """Its body as a form instead."""
    token: Annotated[str, AfterValidator(_source)] | None = None
    """Where the token is in the reply: a JSON pointer, `header:Name`, `cookie:NAME`, `text:/regex/`. Without it the session is the cookies."""
    id: Annotated[str, AfterValidator(_source)] | None = None
    """Where the user's id is in the reply."""
    method: Named = "POST"
    """Its method."""
    header: Named = "Authorization"
    """The header that brings the token with each request."""
    scheme: str = "Bearer"
    """The word before the token: `Bearer`, `Token`, `JWT`; empty for the token alone, as for an API key."""
    csrf: CsrfTable | None = None
    """A token against forged requests."""
    check: str | None = None
    """`GET /me`: must be answered to whoever has logged in, at the start and at the end; else the run could not run."""
    function: str = ""
    """`module:name`, called with address, name and password; returns the headers of each request."""
    pythonpath: tuple[str, ...] = ()
    """Folders, relative to the file, where the function's module is."""

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        if self.kind == "request" and self.path is None:
            raise WrongValue("it has no `path`: a log-in by request is sent somewhere")
        if self.kind == "function" and ":" not in self.function:
            raise WrongValue("it has no `function`, `module:name`")
        if self.kind != "function" and self.function:
            raise WrongValue('is of `kind = "function"` only', "function")
        if self.body is not None and self.form is not None:
            raise WrongValue("a log-in has one body: `json` or `form`", "form")
        if self.check is not None and not re.fullmatch(r"[A-Z]+ /\S*", self.check):
            raise WrongValue("it is written as `GET /me`", "check")
        return self


class UserTable(Table):
    """A user of the seed, as journeys name one: `as: NAME`."""

    name: Named
    """What journeys call the user."""
    username: str = ""
    """What the user logs in with."""
    password: str = ""
    """The user's password."""
    token: Named | None = None
    """A token that the seed gives the user: nothing is asked for."""

    @model_validator(mode="after")
    def _logs_in_with_something(self) -> Self:
        if not self.username and self.token is None:
            raise WrongValue("it has no `username`: a user logs in with a name, or has a `token`")
        return self


class OperationsTable(Table):
    """How to list all operations of the legacy."""

    commands: tuple[Command, ...] = ()
    """The first that succeeds prints them as JSON: `["GET /thing/", …]`."""
    pythonpath: tuple[str, ...] = ()
    """Folders, relative to the file, that go in front of PYTHONPATH."""


class RowsTable(Table):
    """What is compared in the databases."""

    ignore: tuple[str, ...] = ()
    """Tables that are no part of the comparison."""


class AcceptedTable(Table):
    """Something that one of the two descriptions may leave out."""

    operation: Named
    """A glob of operations."""
    name: Named
    """A glob of what is not described."""
    reason: Named
    """Why that is right."""


class DocumentsTable(Table):
    """Where each stack describes itself, for `parity triangle` and `parity fuzz`."""

    legacy: Named | None = None
    """The path of the legacy's description."""
    ported: Named | None = None
    """The path of the port's description."""
    accepted: tuple[AcceptedTable, ...] = ()
    """What may be missing in them."""


class CaptureIdTable(Table):
    """An id in requests of a capture that replies do not call the same."""

    place: Named
    """Where it is: `path/<name>`, `query/<name>`, `body/<pointer>`."""
    kind: Named
    """Of what it is the id."""
    operation: Named = "*"
    """A glob of operations."""
    about: str = ""
    """For the reader."""


class CaptureTable(Table):
    """How `parity replay` plays recorded traffic."""

    users: dict[str, str] = Field(default_factory=dict)
    """A fingerprint or a recorded name, to a seeded user's name or a name that tokens are minted for."""
    mint: dict[str, Any] | None = None
    """The claims of a token; `${username}` is whose."""
    secret: str = ""
    """The variable of [environment] that signs minted tokens."""
    password: str = "Replayed-pw1!"
    """Stands for a recorded password that nobody knows any more."""
    id: tuple[CaptureIdTable, ...] = ()
    """Ids in requests."""


class SuiteTable(Table):
    """What answers a test suite, for `parity suite`."""

    target: Named
    """The module, as `parity_tests/suite/target.py` describes it."""
    pythonpath: tuple[str, ...] = ()
    """Folders, relative to the file, that go in front of PYTHONPATH."""


class ServiceTable(Table):
    """A server beside each stack, that journeys ask for with `services`."""

    environment: Strings = Field(default_factory=dict)
    """Environment variables of the stack; `{url}` and the like are the service's values."""


class DirectoryTable(ServiceTable):
    """A directory (slapd)."""

    ldif: Named
    """The file of its entries, relative to this one."""


class RunnerTable(ServiceTable):
    """What solves in an orchestrator's place."""

    command: Command
    """The command that serves it."""
    ready: tuple[Command, ...] = ()
    """Commands that are run once it and its stack are up."""
    health: str = "/"
    """A path that answers below 500 once it is up."""
    process: Strings = Field(default_factory=dict)
    """Environment variables of the service itself."""
    pythonpath: tuple[str, ...] = ()
    """Folders, relative to the file, that go in front of PYTHONPATH."""


class ServicesTable(Table):
    """The servers beside the stacks."""

    smtp: ServiceTable | None = None
    """A mail server."""
    ldap: DirectoryTable | None = None
    """A directory."""
    openid: ServiceTable | None = None
    """A provider of OpenID tokens, one for both sides."""
    runner: RunnerTable | None = None
    """What solves in an orchestrator's place."""
    airflow: ServiceTable | None = None
    """An Airflow that runs nothing."""
    databricks: ServiceTable | None = None
    """A Databricks that runs nothing."""
    folder: ServiceTable | None = None
    """An empty folder."""

    @property
    def configured(self) -> Mapping[str, ServiceTable]:
        return {name: table for name, table in self if table is not None}


class SuiteFile(Table):
    """What `parity suite` reads: the file may describe no more than the suite."""

    name: Named | None = None
    """What reports call the comparison; the file's own name."""
    journeys: Named = "journeys"
    """The folder of journeys, as all files relative to this one."""
    rules: Named = "rules.toml"
    """Values that each stack generates."""
    waivers: Named = "waivers.toml"
    """Accepted differences."""
    mutants: Named = "mutants.toml"
    """Bugs to plant, for `parity mutants`."""
    matrix: Named = "matrix.yaml"
    """Who may do what, for `parity matrix`."""
    fuzz: Named = "fuzz.toml"
    """What to draw requests from, for `parity fuzz`."""
    timeout: float = Field(default=60.0, gt=0)
    """Seconds that a stack has to answer a request."""
    variables: Strings = Field(default_factory=dict)
    """Words in braces in commands; `--set NAME=VALUE` replaces one."""
    environment: Strings = Field(default_factory=dict)
    """Environment variables of both stacks."""
    legacy: TargetTable | None = None
    """The stack that is the specification."""
    ported: TargetTable | None = None
    """The stack that is compared with it."""
    seed: SeedTable = SeedTable()
    """What is in the databases."""
    login: LoginTable | None = None
    """How a user gets a token."""
    users: tuple[UserTable, ...] = ()
    """Who is in the seed."""
    operations: OperationsTable = OperationsTable()
    """What the legacy can be asked."""
    documents: DocumentsTable = DocumentsTable()
    """Descriptions of the stacks."""
    rows: RowsTable = RowsTable()
    """Rows of the databases."""
    services: ServicesTable = ServicesTable()
    """Servers beside the stacks."""
    suite: SuiteTable | None = None
    """Of `parity suite`."""
    capture: CaptureTable = CaptureTable()
    """Of `parity replay`."""


class ParityFile(SuiteFile):
    """`parity.toml`: two stacks, and how to compare them."""

    legacy: TargetTable
    """The stack that is the specification."""
    ported: TargetTable
    """The stack that is compared with it."""
