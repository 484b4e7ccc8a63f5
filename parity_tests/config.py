"""What to compare: a TOML file that describes two targets, how to seed them and how to log in."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parity_core.model import ParityError

_VARIABLE = re.compile(r"\{(\w+)\}")
_STARTER = "starter"


def shipped() -> dict[str, Path]:
    """The configurations that come with this package, by the name of their folder."""
    found = sorted(Path(__file__).parent.glob("*/parity.toml"))
    return {path.parent.name: path for path in found if path.parent.name != _STARTER}


DEFAULT = next(iter(shipped().values()))


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


@dataclass(frozen=True)
class Login:
    """The request that turns a name and a password into a token."""

    path: str
    json: Mapping[str, Any]
    token: str
    id: str | None = None
    method: str = "POST"


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
    login: Login | None
    users: Mapping[str, User]
    census: tuple[tuple[str, ...], ...]
    census_pythonpath: tuple[Path, ...]
    environment: Mapping[str, str]
    ignored_tables: tuple[str, ...]
    services: Mapping[str, ServiceConfig]
    variables: Mapping[str, str]
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
            word = _VARIABLE.sub(lambda found: known.get(found[1], found[0]), word)
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
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ParityError(
            f"the configuration can not be read: {error}; give --config FILE"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ParityError(f"{path}: {error}") from None
    try:
        return _config(path.resolve(), data, overrides or {})
    except KeyError as error:
        raise ParityError(f"{path}: {error.args[0]} is missing") from None


def _config(path: Path, data: dict[str, Any], overrides: Mapping[str, str]) -> Config:
    here = path.parent

    def paths(names: Sequence[str]) -> tuple[Path, ...]:
        return tuple((here / name).resolve() for name in names)

    def target(name: str) -> Target:
        table = data[name]
        return Target(
            command=_command(name, table),
            url=table.get("url"),
            database=table.get("database"),
            health=table.get("health", "/"),
            environment=_strings(table.get("environment", {})),
            pythonpath=paths(table.get("pythonpath", ())),
            source=table.get("source"),
            beside=tuple(table.get("beside", ())),
            start_timeout=float(table.get("start_timeout", 60)),
        )

    seed = data.get("seed", {})
    operations = data.get("operations", {})
    login = data.get("login")
    users = [User(**user) for user in data.get("users", ())]
    variables = {**_strings(data.get("variables", {})), **overrides}
    return Config(
        path=path,
        name=data.get("name", path.stem),
        journeys=here / data.get("journeys", "journeys"),
        rules=here / data.get("rules", "rules.toml"),
        waivers=here / data.get("waivers", "waivers.toml"),
        mutants=here / data.get("mutants", "mutants.toml"),
        matrix=here / data.get("matrix", "matrix.yaml"),
        fuzz=here / data.get("fuzz", "fuzz.toml"),
        legacy=target("legacy"),
        ported=target("ported"),
        seed=Seed(
            commands=tuple(tuple(command) for command in seed.get("commands", ())),
            sql=here / seed["sql"] if "sql" in seed else None,
            environment=_strings(seed.get("environment", {})),
            pythonpath=paths(seed.get("pythonpath", ())),
            legacy=tuple(tuple(command) for command in seed.get("legacy", ())),
            ported_only=tuple(seed.get("ported_only", ())),
        ),
        login=Login(**login) if login else None,
        users={user.name: user for user in users},
        census=tuple(tuple(command) for command in operations.get("commands", ())),
        census_pythonpath=paths(operations.get("pythonpath", ())),
        environment=_strings(data.get("environment", {})),
        ignored_tables=tuple(data.get("rows", {}).get("ignore", ())),
        services={
            name: ServiceConfig(_strings(table.get("environment", {})), table, here)
            for name, table in data.get("services", {}).items()
        },
        variables=variables,
        timeout=float(data.get("timeout", 60)),
    )


def _command(name: str, table: Mapping[str, Any]) -> tuple[str, ...]:
    """How a stack is started: said, or made from the application that is named."""
    ways = [way for way in ("command", "wsgi", "asgi", "url") if way in table]
    if len(ways) != 1:
        said = " and ".join(ways) or "none"
        raise ParityError(
            f"[{name}] says {said} of command, wsgi, asgi and url; it needs one: how to start the "
            "stack, the application to serve (module:app or module:factory()), or where it runs"
        )
    if ways == ["url"]:
        return ()
    if ways == ["command"]:
        return tuple(table["command"])
    return (
        "{python}",
        "-m",
        "parity_tests.stage.services.servers.app",
        ways[0],
        table[ways[0]],
        "{port}",
    )


def _strings(table: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in table.items()}
