"""The assembly: Cornflow's Flask application and its port. The one place that knows either.

Both are imported inside functions: the legacy reads the environment while it is imported.
"""

import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from cornflow_cutover.leftovers import leftovers
from cornflow_cutover.operators import CornflowOperators
from legacy_bridge.assembly import Assembly, AssemblyError, Proof
from legacy_bridge.database.address import AddressError, libpq_address, read
from legacy_bridge.operations.census import rules_from_file, rules_of_flask
from legacy_bridge.operations.operation import LegacyRule
from legacy_bridge.shadow import Comparer, Limits

COMMANDS = {
    "rehearse": "cornflow_cutover.rehearsal.command:rehearse",
    "up": "cornflow_cutover.up.command:up",
}
"""Commands that only make sense for this pair of applications, for the `cutover` command."""

GUARDS = Path(__file__).with_name("guards.toml")
"""Holes of the legacy that are refused while it still answers."""

_REQUIRED = {"SECRET_KEY": "signs the tokens of both stacks"}

_WARNED_OF = r"(cornflow|flask\w*|ldap3|marshmallow|webargs|apispec)(\.|$)"
"""The legacy and its libraries, which call each other in ways that are to go."""

_GUARD = "authenticate.<locals>.decorator"
"""The legacy's permission decorator, as its wrapper's code object names it."""


def assemble() -> Assembly:
    """The two applications the environment describes. Raises AssemblyError, saying what is missing."""
    check_environment(os.environ)
    database_url = _database_url()
    if database_url is None:
        # For a census. Both stacks want an address while they are built; neither opens it then.
        os.environ["DATABASE_URL"] = f"sqlite:///{Path(gettempdir(), 'census-only.db')}"
    rules_file = os.environ.get("CUTOVER_RULES")
    root = os.environ.get("APPLICATION_ROOT", "/")
    if rules_file:
        flask_app, rules = None, _rules_from(rules_file)
    else:
        with _legacys_address():
            flask_app = create_legacy()
        rules = legacy_rules(flask_app)
    # The legacy mounts itself below the root only when it is not somebody's plug-in.
    if int(os.environ.get("EXTERNAL_APP", "0")) != 0:
        root = "/"
    port = _create_port()
    from cornflow_f.main import ported_operations

    return Assembly(
        ported=port,
        ported_operations=ported_operations(port),
        wsgi=flask_app,
        rules=rules,
        database_url=database_url,
        root=root,
        comparer=_comparer(database_url),
        guards=GUARDS,
        operators=CornflowOperators(port, root),
        leftovers=leftovers,
        proof=Proof((sys.executable, "-m", "cornflow_cutover.proof")),
    )


def _database_url() -> str | None:
    """The shared database; of its parts, as the legacy's containers have them, with DEFAULT_POSTGRES."""
    from cornflow_f.config import database_url_from_environment

    if not os.environ.get("DATABASE_URL") and os.environ.get("DEFAULT_POSTGRES", "0") != "0":
        # Both stacks and all workers read it from here.
        os.environ["DATABASE_URL"] = database_url_from_environment()
    return os.environ.get("DATABASE_URL") or None


@contextmanager
def _legacys_address() -> Iterator[None]:
    """Gives the legacy the address as its driver takes it: no `postgres://`, nothing that only others know."""
    known = os.environ["DATABASE_URL"]
    try:
        os.environ["DATABASE_URL"] = libpq_address(read(known))
    except AddressError as error:
        raise AssemblyError(f"DATABASE_URL {error}") from error
    try:
        yield
    finally:
        os.environ["DATABASE_URL"] = known


def _comparer(database_url: str | None) -> Callable[[bool, Limits], Comparer] | None:
    if database_url is None:
        return None
    environment = dict(os.environ)

    def create(legacy_in_process: bool, limits: Limits) -> Comparer:
        from cornflow_cutover.shadow.comparer import CornflowComparer

        return CornflowComparer(
            database_url,
            environment=environment,
            legacy_in_process=legacy_in_process,
            body_limit=limits.body,
        )

    return create


def check_environment(environment: Mapping[str, str]) -> None:
    missing = [f"{name} ({what})" for name, what in _REQUIRED.items() if not environment.get(name)]
    if missing:
        raise AssemblyError("these environment variables are missing: " + "; ".join(missing))
    url = environment.get("DATABASE_URL", "")
    path = url.removeprefix("sqlite:///")
    if path != url and not Path(path).is_absolute():
        raise AssemblyError(
            f"DATABASE_URL={url} is relative, so the two stacks would use different files: write "
            f"sqlite:///{Path.cwd() / path}"
        )


def create_legacy() -> Any:
    """The real, unmodified Flask application."""
    try:
        # Its models say so at every start, and nobody here can change them.
        warnings.filterwarnings("ignore", message="relationship .* will copy column")
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=_WARNED_OF)
        with _kept_logging():
            if int(os.environ.get("EXTERNAL_APP", "0")) != 0:
                # As its own command line does: the external application makes it.
                from cornflow.cli.utils import get_app

                return get_app()
            from cornflow.app import create_app

            return create_app(os.environ.get("FLASK_ENV", "development"))
    except ImportError as error:
        raise AssemblyError(
            f"the legacy can't be imported: {error}. Install it here, or give its address "
            "(--legacy http://…) and its rules (CUTOVER_RULES=census.json, made by "
            "`cutover census --json` where it can be imported)"
        ) from error


def legacy_rules(flask_app: Any) -> list[LegacyRule]:
    """Its rules; static files and the API's own description are infrastructure."""

    def infrastructure(rule: str, endpoint: str) -> bool:
        return endpoint == "static" or endpoint.startswith("flask-apispec.")

    return rules_of_flask(
        flask_app,
        guarded=lambda view, method: is_guarded(view, method, flask_app.config),
        infrastructure=infrastructure,
    )


def is_guarded(view: Any, method: str, config: Mapping[str, Any]) -> bool:
    """Whether a view checks permissions for a method: its decorators are walked from the outside in.

    The decorator can be told a setting that switches it off; then that setting decides.
    """
    function = getattr(getattr(view, "view_class", None), method.lower(), None)
    while function is not None:
        code = getattr(function, "__code__", None)
        if code is not None and code.co_qualname.startswith(_GUARD):
            cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
            closure = {name: cell.cell_contents for name, cell in cells}
            setting = closure.get("optional_auth")
            return setting is None or config[setting] not in (closure.get("no_auth_list") or ())
        function = getattr(function, "__wrapped__", None)
    return False


def _create_port() -> Any:
    from pydantic import ValidationError

    from cornflow_f.config import Settings
    from cornflow_f.database.engine import DatabaseUrlError
    from cornflow_f.errors import CornflowError
    from cornflow_f.main import create_app

    try:
        return create_app(Settings())
    except (ValidationError, CornflowError, DatabaseUrlError) as error:
        raise AssemblyError(f"the port refuses its settings: {error}") from error


def _rules_from(path: str) -> list[LegacyRule]:
    try:
        return rules_from_file(Path(path))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AssemblyError(
            f"CUTOVER_RULES={path} can't be read ({error}): make it by `cutover census --json`"
        ) from error


@contextmanager
def _kept_logging() -> Iterator[None]:
    """Keeps the process's logging through the legacy's `dictConfig`.

    That call disables every logger that exists and takes the root logger for its own format. Here its
    handler serves the legacy's own logger, and everything else stays as it was.
    """
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    manager = logging.Logger.manager.loggerDict.items()
    before = {
        name: (logger.disabled, list(logger.handlers), logger.level, logger.propagate)
        for name, logger in list(manager)
        if isinstance(logger, logging.Logger)
    }
    try:
        yield
    finally:
        theirs = [handler for handler in root.handlers if handler not in handlers]
        own = logging.getLogger("cornflow")
        if theirs:
            own.handlers, own.level, own.propagate = theirs, root.level, False
        root.handlers = handlers
        root.setLevel(level)
        for name, (disabled, had, had_level, propagate) in before.items():
            if name == own.name or name.startswith(f"{own.name}."):
                continue
            logger = logging.getLogger(name)
            logger.disabled, logger.handlers = disabled, had
            logger.setLevel(had_level)
            logger.propagate = propagate
