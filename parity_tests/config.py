"""What to compare: a TOML file that describes two targets, how to seed them and how to log in."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parity_core.files.read import at, near_file, read_toml, toml_line
from parity_core.files.sentence import Loc, dotted
from parity_core.model import ParityError
from parity_tests.parity_toml import (
    CaptureTable,
    DocumentsTable,
    LoginTable,
    ParityFile,
    TargetTable,
)

_VARIABLE = re.compile(r"\{(\w+)\}")
_STARTER = "starter"


def shipped() -> dict[str, Path]:
    """The configurations that come with this package, by the name of their folder."""
    paths = sorted(Path(__file__).parent.glob("*/parity.toml"))
    return {path.parent.name: path for path in paths if path.parent.name != _STARTER}


DEFAULT = next(iter(shipped().values()), Path("parity.toml"))
"""The first that is installed; without one, the file in the current folder that `parity init` writes."""


@dataclass(frozen=True)
class Target:
    """One stack: how to start it, and when it is up."""

    command: tuple[str, ...]
    """Empty for a stack that runs already."""
    url: str | None = None
    """Of a stack that runs already."""
    database: str | None = None
    """Of a stack that runs already: its database, to compare rows."""
    health: str = "/"
    environment: Mapping[str, str] = field(default_factory=dict)
    pythonpath: tuple[Path, ...] = ()
    source: str | None = None
    """The package that `parity mutants` copies and changes."""
    beside: tuple[str, ...] = ()
    """What the package expects to lie beside its folder; the copy gets links to it."""
    start_timeout: float = 60.0
    preload: tuple[str, ...] = ()
    """Modules that a process imports once, to be forked for each start."""


@dataclass(frozen=True)
class Seed:
    commands: tuple[tuple[str, ...], ...] = ()
    sql: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    pythonpath: tuple[Path, ...] = ()
    legacy: tuple[tuple[str, ...], ...] = ()
    """Commands of the legacy that make the same seed by its own means, to compare with."""
    ported_only: tuple[str, ...] = ()
    """Tables of the port's own, which the legacy's seed can not have."""


@dataclass(frozen=True)
class User:
    name: str
    username: str
    password: str
    token: str | None = None
    """A token that the seed gives; nothing is asked for."""


@dataclass(frozen=True)
class ServiceConfig:
    environment: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    folder: Path = Path()
    """What paths among the options are relative to."""


@dataclass(frozen=True)
class Config:
    path: Path
    name: str
    journeys: Path
    rules: Path
    waivers: Path
    mutants: Path
    matrix: Path
    fuzz: Path
    legacy: Target
    ported: Target
    seed: Seed
    login: LoginTable | None
    users: Mapping[str, User]
    census: tuple[tuple[str, ...], ...]
    census_pythonpath: tuple[Path, ...]
    environment: Mapping[str, str]
    ignored_tables: tuple[str, ...]
    services: Mapping[str, ServiceConfig]
    variables: Mapping[str, str]
    documents: DocumentsTable
    capture: CaptureTable
    timeout: float = 60.0
    """Seconds that a stack has to answer."""

    def expand(self, words: Sequence[str], **values: object) -> list[str]:
        """`{name}` from the given values and the file's variables; `{python}` is this interpreter."""
        known = {
            "python": sys.executable,
            **self.variables,
            **{k: str(v) for k, v in values.items()},
        }
        return [self._expand_one(word, known) for word in words]

    def _expand_one(self, word: str, known: Mapping[str, str]) -> str:
        # twice: a variable may be told in terms of {python}
        for _ in range(2):
            word = _VARIABLE.sub(lambda match: known.get(match[1], match[0]), word)
        return word

    def process_environment(
        self, extra: Mapping[str, str], pythonpath: Sequence[Path] = ()
    ) -> dict[str, str]:
        """This process's environment, the file's, then `extra`; `pythonpath` goes in front."""
        environment = {**os.environ, **self.environment, **extra}
        paths = [str(path) for path in pythonpath]
        if before := environment.get("PYTHONPATH"):
            paths.append(before)
        if paths:
            environment["PYTHONPATH"] = os.pathsep.join(paths)
        environment.setdefault("PYTHONUNBUFFERED", "1")
        return environment


def load(path: Path, overrides: Mapping[str, str] | None = None) -> Config:
    """Raises ParityError: one sentence with the file, the line and the key that is wrong."""
    file = read_toml(path, ParityFile, "give --config FILE, or write one by `parity init`")
    path = path.resolve()
    here = path.parent
    for named, name in (("rules", file.rules), ("waivers", file.waivers), ("seed", file.seed.sql)):
        # one that is not named need not be there
        if name and (named == "seed" or named in file.model_fields_set):
            _check_is_there(path, here / name, ("seed", "sql") if named == "seed" else (named,))

    def paths(names: Sequence[str]) -> tuple[Path, ...]:
        return tuple((here / name).resolve() for name in names)

    def target(table: TargetTable) -> Target:
        return Target(
            command=_command(table),
            url=table.url,
            database=table.database,
            health=table.health,
            environment=table.environment,
            pythonpath=paths(table.pythonpath),
            source=table.source,
            beside=table.beside,
            start_timeout=table.start_timeout,
            preload=table.preload,
        )

    return Config(
        path=path,
        name=file.name or path.stem,
        journeys=here / file.journeys,
        rules=here / file.rules,
        waivers=here / file.waivers,
        mutants=here / file.mutants,
        matrix=here / file.matrix,
        fuzz=here / file.fuzz,
        legacy=target(file.legacy),
        ported=target(file.ported),
        seed=Seed(
            commands=file.seed.commands,
            sql=here / file.seed.sql if file.seed.sql else None,
            environment=file.seed.environment,
            pythonpath=paths(file.seed.pythonpath),
            legacy=file.seed.legacy,
            ported_only=file.seed.ported_only,
        ),
        login=file.login,
        users={
            user.name: User(user.name, user.username, user.password, user.token)
            for user in file.users
        },
        census=file.operations.commands,
        census_pythonpath=paths(file.operations.pythonpath),
        environment=file.environment,
        ignored_tables=file.rows.ignore,
        services={
            name: ServiceConfig(table.environment, table.model_dump(), here)
            for name, table in file.services.configured.items()
        },
        variables={**file.variables, **(overrides or {})},
        documents=file.documents,
        capture=file.capture,
        timeout=file.timeout,
    )


def _check_is_there(path: Path, named: Path, key: Loc) -> None:
    if not named.is_file():
        line = toml_line(path.read_text(encoding="utf-8"), key)
        raise ParityError(
            f"{at(path, line)}: `{dotted(key)}`: there is no file {named}{near_file(named)}"
        )


def _command(table: TargetTable) -> tuple[str, ...]:
    """How a stack is started: said, or made from the application that is named; empty when it runs."""
    for kind, application in (("wsgi", table.wsgi), ("asgi", table.asgi)):
        if application:
            server = "parity_tests.stage.services.servers.app"
            return ("{python}", "-m", server, kind, application, "{port}")
    return table.command or ()
