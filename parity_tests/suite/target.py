"""Where a suite's requests go: a module, named on the command line or in a `parity.toml`.

The module has `LEGACY` (the packages of the Flask application), `settings_from(flask_app,
database_url)`, asked again before each request so that what a test writes into `app.config` counts,
and `create_port(settings, flask_app)`, an ASGI application for these settings: the port, or a bridge.
`database_url(flask_app)`, if it is there, says where the suite's database is that Flask-SQLAlchemy does not know of;
`prepare(stack)`, if it is there, is called at the start of each run, to give it a database of its own.
`SUITE` names the packages of the suite itself where those lie inside the legacy's: what is made there
is nobody's to port. Without it these are the packages called `tests` directly below `LEGACY`.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parity_core.files.read import read_toml
from parity_core.model import ParityError
from parity_tests.config import shipped
from parity_tests.parity_toml import SuiteFile


@dataclass(frozen=True)
class Reference:
    """Where the module is found."""

    module: str
    pythonpath: tuple[Path, ...] = ()

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        paths = [*map(str, self.pythonpath), *filter(None, [base.get("PYTHONPATH")])]
        return {**base, "PYTHONPATH": os.pathsep.join(paths)} if paths else dict(base)


@dataclass(frozen=True)
class SuiteTarget:
    name: str
    legacy: tuple[str, ...]
    settings_from: Callable[[Any, str | None], Hashable]
    create_port: Callable[[Any, Any], Any]
    suite: tuple[str, ...] = ()
    database_url: Callable[[Any], str | None] | None = None
    """Of a suite whose database Flask-SQLAlchemy does not know of."""
    prepare: Callable[[str], None] | None = None
    """Called with `legacy` or `ported` before a run collects its tests."""

    def has(self, module: str | None) -> bool:
        """Whether a module is the legacy's."""
        return _within(module, self.legacy) and not self.is_suite(module)

    def is_suite(self, module: str | None) -> bool:
        """Whether a module is told to be the suite's."""
        return _within(module, self.suite)


def reference(text: str) -> Reference:
    """`module[:attribute]`, a configuration file, or the name of one that is shipped."""
    path = Path(text)
    if path.suffix != ".toml":
        if text not in (known := shipped()):
            return Reference(text)
        path = known[text]
    table = read_toml(path, SuiteFile).suite
    if table is None:
        raise ParityError(
            f"{path}: `suite` is missing; a suite needs [suite] with target = 'module'"
        )
    return Reference(
        table.target, tuple((path.parent / name).resolve() for name in table.pythonpath)
    )


def load(name: str) -> SuiteTarget:
    """Imports the module. Raises ParityError that says what it lacks."""
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    module, _, attribute = name.partition(":")
    try:
        target: Any = importlib.import_module(module)
        if attribute:
            target = getattr(target, attribute)
        legacy = _names(target.LEGACY)
        usual = tuple(f"{package}.tests" for package in legacy)
        suite = _names(getattr(target, "SUITE", usual))
        return SuiteTarget(
            name,
            legacy,
            target.settings_from,
            target.create_port,
            suite,
            getattr(target, "database_url", None),
            getattr(target, "prepare", None),
        )
    except (ImportError, AttributeError, ValueError) as error:
        raise ParityError(
            f"the target {name} can not be used: {error}. It is a module with LEGACY, "
            "settings_from(flask_app, database_url) and create_port(settings, flask_app)"
        ) from error


def _within(module: str | None, packages: Iterable[str]) -> bool:
    return module is not None and any(
        module == package or module.startswith(f"{package}.") for package in packages
    )


def _names(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
