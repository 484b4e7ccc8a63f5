"""External applications: models, migrations, routes, roles and permissions beside Cornflow's own.

With `EXTERNAL_APP=1` the module that `EXTERNAL_APP_MODULE` names is imported, and its attribute
`application` is an `ExternalApplication`. See docs/extending.md.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from sqlalchemy import Table

from cornflow_f.config import Settings
from cornflow_f.constants import Action, Role
from cornflow_f.errors import ConfigurationError
from cornflow_f.models import CORE_TABLES, Base
from cornflow_f.view_spec import AnyRole, CustomRole, ViewSpec
from cornflow_f.views.common import guarded_router, public_router
from cornflow_f.web.census import is_guarded
from cornflow_f.web.route import PortRoute

__all__ = ["CustomRole", "ExternalApplication", "guarded_router", "load", "public_router"]

ATTRIBUTE = "application"

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}\Z")
_TAKEN = frozenset(("alembic", "cornflow_f"))


@dataclass(frozen=True)
class ExternalApplication:
    """All that an external application adds. Views are told by the names of their routes."""

    name: str
    """Lower case letters, digits and `_`. Its migrations are recorded in the table `<name>_version`."""

    routers: Sequence[APIRouter]
    """Made by `guarded_router`, or `public_router` for what needs no permission."""

    roles_with_access: Mapping[str, Sequence[AnyRole]]
    """For every view with a guard the roles that have access, as ROLES_WITH_ACCESS of the legacy."""

    descriptions: Mapping[str, str] = field(default_factory=dict)
    """What the list of views says of them."""

    extra_permissions: Sequence[tuple[AnyRole, Action, str]] = ()
    """Role, action and view, one of Cornflow's or its own: EXTRA_PERMISSION_ASSIGNATION of the legacy."""

    public: frozenset[str] = frozenset()
    """The operations that need no permission, e.g. ``"GET /plant/legend/"``, as Flask writes the rule."""

    migrations: Path | None = None
    """The folder with its Alembic revisions."""

    legacy_revision: str | None = None
    """The head of the migrations of the legacy's external application whose database is taken over."""

    @property
    def version_table(self) -> str:
        return f"{self.name}_version"

    @property
    def routes(self) -> list[PortRoute]:
        return [r for router in self.routers for r in router.routes if isinstance(r, PortRoute)]

    @property
    def tables(self) -> dict[str, Table]:
        """The tables of its models."""
        tables = Base.metadata.tables
        return {name: table for name, table in tables.items() if name not in CORE_TABLES}

    def views(self) -> list[ViewSpec]:
        rules = {route.name: route.rule for route in self.routes}
        return [
            ViewSpec(
                name,
                rule,
                tuple(self.roles_with_access.get(name, ())),
                self.descriptions.get(name, ""),
            )
            for name, rule in rules.items()
        ]

    def added_to(self, core: Sequence[ViewSpec]) -> tuple[ViewSpec, ...]:
        """All views, its own first as in the legacy, with the permissions it grants besides.

        Raises ConfigurationError when they can't be joined.
        """
        own = self.views()
        known = {view.name for view in core} | {view.name for view in own}
        self._refuse(self._clashes(core, own))
        self._refuse(
            f"extra_permissions names the view '{name}', which does not exist"
            for _, _, name in self.extra_permissions
            if name not in known
        )
        extra: dict[str, list[tuple[AnyRole, Action]]] = {}
        for role, action, name in self.extra_permissions:
            extra.setdefault(name, []).append((role, action))
        return tuple(
            replace(view, extra_permissions=tuple(extra.get(view.name, ())))
            for view in chain(own, core)
        )

    def check(self) -> None:
        """Raises ConfigurationError, with all that is wrong in the application itself."""
        self._refuse(chain(self._wrong_name(), self._wrong_routes(), self._wrong_roles()))

    def _refuse(self, problems: Iterable[str]) -> None:
        sentence = "; ".join(problems)
        if sentence:
            raise ConfigurationError(f"The external application '{self.name}': {sentence}")

    def _wrong_name(self) -> Iterator[str]:
        if not _NAME.match(self.name) or self.name in _TAKEN:
            yield (
                "its name must be lower case letters, digits and '_', and not one of "
                + ", ".join(sorted(_TAKEN))
            )
        if self.migrations is not None and not self.migrations.is_dir():
            yield f"its folder of migrations {self.migrations} does not exist"

    def _wrong_routes(self) -> Iterator[str]:
        rules: dict[str, str] = {}
        unguarded = set()
        for router in self.routers:
            for route in router.routes:
                if not isinstance(route, PortRoute):
                    path = getattr(route, "path", type(route).__name__)
                    yield (
                        f"{path} was not made by guarded_router or public_router of "
                        "cornflow_f.external; routers can't be nested either"
                    )
                    continue
                if rules.setdefault(route.name, route.rule) != route.rule:
                    yield f"two rules have the view name '{route.name}': give each its own"
                if ":path}" in route.path or route.path.startswith("/{"):
                    yield f"{route.path} must begin with a fixed part, and no parameter may take slashes"
                if not is_guarded(route.dependant):
                    unguarded |= {f"{method} {route.rule}" for method in route.methods or ()}
        for operation in sorted(unguarded - self.public):
            yield (
                f"{operation} has no permission check: make its router with guarded_router, or list "
                "the operation in `public`"
            )
        for operation in sorted(self.public - unguarded):
            yield f"`public` lists {operation}, which is guarded or does not exist"

    def _wrong_roles(self) -> Iterator[str]:
        guarded = {route.name for route in self.routes if is_guarded(route.dependant)}
        for name in sorted(guarded - self.roles_with_access.keys()):
            yield f"roles_with_access lacks the view '{name}': nobody could use it"
        for name in sorted(self.roles_with_access.keys() - guarded):
            yield f"roles_with_access names '{name}', which is no guarded view of it"
        roles: dict[int, AnyRole] = {int(role): role for role in Role}
        listed = [role for roles in self.roles_with_access.values() for role in roles]
        if Role.DUMMY in listed:
            yield "Role.DUMMY has no actions of its own: use extra_permissions"
        for role in [*listed, *(role for role, _, _ in self.extra_permissions)]:
            if roles.setdefault(int(role), role) != role:
                yield f"two roles have the number {int(role)}: {roles[int(role)]!r} and {role!r}"

    @staticmethod
    def _clashes(core: Sequence[ViewSpec], own: Sequence[ViewSpec]) -> Iterator[str]:
        names = {view.name for view in core}
        rules = {view.url_rule for view in core}
        for view in own:
            if view.name in names:
                yield f"Cornflow has a view '{view.name}': choose another name"
            if view.url_rule in rules:
                yield f"Cornflow has {view.url_rule}: choose another path"


def load(settings: Settings) -> ExternalApplication | None:
    """The external application these settings ask for, checked. None when they ask for none."""
    name = settings.external_module
    if name is None:
        return None
    module = _import(name)
    application = getattr(module, ATTRIBUTE, None)
    if isinstance(application, ExternalApplication):
        application.check()
        return application
    if application is None and hasattr(module, "create_wsgi_app"):
        raise ConfigurationError(
            f"EXTERNAL_APP_MODULE={name} is an external application of the legacy. Write one for this "
            "program (docs/extending.md) and name it in CORNFLOW_F_EXTERNAL_APP_MODULE while the "
            "legacy runs beside it"
        )
    what = "has none" if application is None else f"has a {type(application).__name__} there"
    raise ConfigurationError(
        f"The external application's module {name} must have `{ATTRIBUTE}`, an "
        f"ExternalApplication of cornflow_f.external; it {what}"
    )


def _import(name: str) -> Any:
    # As in the legacy: the module may lie in the current folder (cli/utils.py, get_app).
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise ConfigurationError(
                f"The external application {name} needs the module {error.name}, which is not installed"
            ) from error
        raise ConfigurationError(
            f"EXTERNAL_APP=1, and there is no module {name}. Install it, put it into the current "
            "folder, or correct EXTERNAL_APP_MODULE"
        ) from error
    except Exception as error:
        raise ConfigurationError(
            f"The external application {name} can't be imported: {type(error).__name__}: {error}"
        ) from error
