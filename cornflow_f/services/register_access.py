"""Brings actions, roles, views and permissions in the database to what the code says. Idempotent.

Sources: the legacy's ``commands/access.py``, ``actions.py``, ``roles.py``, ``views.py`` and
``permissions.py``. Nothing here commits: the caller does, so that either all of it happens or nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.constants import (
    ACTION_NAMES,
    ALL_DEFAULT_ROLES,
    BASE_PERMISSIONS,
    EXTRA_PERMISSIONS,
    ROLE_NAMES,
)
from cornflow_f.constants import Role as RoleNumber
from cornflow_f.database.engine import Base
from cornflow_f.errors import InvalidUsage
from cornflow_f.models import Action, Permission, Role, View
from cornflow_f.view_spec import AnyRole, CustomRole, ViewSpec


@dataclass(frozen=True, slots=True)
class Changes:
    """What one registration did to one table, by name or by key."""

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccessChanges:
    actions: Changes
    roles: Changes
    views: Changes
    permissions: Changes


async def init_access(session: AsyncSession, views: Sequence[ViewSpec]) -> AccessChanges:
    """All four, in the order in which they refer to each other."""
    return AccessChanges(
        actions=await register_actions(session),
        roles=await register_roles(session, views),
        views=await register_views(session, views),
        permissions=await register_permissions(session, views),
    )


async def register_actions(session: AsyncSession) -> Changes:
    known = set(await session.scalars(select(Action.name)))
    added = [
        Action(id=int(number), name=name)
        for number, name in ACTION_NAMES.items()
        if name not in known
    ]
    session.add_all(added)
    await session.flush()
    await move_sequence_on(session, Action)
    return Changes(added=tuple(action.name for action in added))


async def register_roles(session: AsyncSession, views: Iterable[ViewSpec]) -> Changes:
    wanted = _role_names(views)
    # Roles marked as deleted still own their number.
    known = set(await session.scalars(select(Role.id)))
    added = [Role(id=number, name=wanted[number]) for number in sorted(wanted.keys() - known)]
    session.add_all(added)
    await session.flush()
    await move_sequence_on(session, Role)
    return Changes(added=tuple(role.name for role in added))


def _role_names(views: Iterable[ViewSpec]) -> dict[int, str]:
    """The roles that are granted anything, by number."""
    roles: list[AnyRole] = [
        *ALL_DEFAULT_ROLES,
        *(RoleNumber(role) for role, _, _ in EXTRA_PERMISSIONS),
    ]
    for view in views:
        roles += [*view.roles_with_access, *(role for role, _ in view.extra_permissions)]
    return {
        int(role): role.label if isinstance(role, CustomRole) else ROLE_NAMES[role]
        for role in roles
    }


async def register_views(session: AsyncSession, views: Sequence[ViewSpec]) -> Changes:
    wanted = {view.name: view for view in views}
    known = {view.name: view for view in await session.scalars(select(View).order_by(View.id))}

    added = [
        View(name=view.name, url_rule=view.url_rule, description=view.description)
        for view in views
        if view.name not in known
    ]
    session.add_all(added)
    updated, deleted = [], []
    for name, view in known.items():
        if name not in wanted:
            # Its permissions go with it.
            await session.delete(view)
            deleted.append(name)
        elif (view.url_rule, view.description) != (
            wanted[name].url_rule,
            wanted[name].description,
        ):
            view.url_rule, view.description = wanted[name].url_rule, wanted[name].description
            updated.append(name)
    await session.flush()
    await move_sequence_on(session, View)
    return Changes(tuple(view.name for view in added), tuple(updated), tuple(deleted))


async def register_permissions(session: AsyncSession, views: Sequence[ViewSpec]) -> Changes:
    """Adds what the code grants, deletes every other permission. The views must be registered."""
    numbers = {name: idx for idx, name in (await session.execute(select(View.id, View.name))).all()}
    unregistered = [view.name for view in views if view.name not in numbers]
    if unregistered:
        raise InvalidUsage(
            f"These views are not in the database: {', '.join(unregistered)}. "
            "Run: cornflow-f views init, or cornflow-f permissions init for everything"
        )
    wanted = _granted(views, numbers)
    # parity: the legacy looks at the rows not marked as deleted only and then fails on the others'
    # unique key; such a row stays as it is here (commands/permissions.py, get_db_permissions)
    known = {_key(row): row for row in await session.scalars(select(Permission))}

    added = [
        Permission(role_id=role, action_id=action, api_view_id=view)
        for role, action, view in wanted
        if (role, action, view) not in known
    ]
    deleted = [row for key, row in known.items() if key not in wanted and row.deleted_at is None]
    session.add_all(added)
    for row in deleted:
        await session.delete(row)
    await session.flush()
    await move_sequence_on(session, Permission)
    return Changes(added=tuple(map(str, added)), deleted=tuple(map(str, deleted)))


def _granted(
    views: Sequence[ViewSpec], numbers: dict[str, int]
) -> dict[tuple[int, int, int], None]:
    """Role, action and view number of every permission; a dict, for its order and its uniqueness."""
    keys = [
        (int(role), int(action), numbers[view.name])
        for role, action in BASE_PERMISSIONS
        for view in views
        if role in view.roles_with_access
    ]
    keys += [
        (int(role), int(action), numbers[name])
        for role, action, name in EXTRA_PERMISSIONS
        if name in numbers
    ]
    for view in views:
        grants = [
            *(
                (role, action)
                for role in _custom(view.roles_with_access)
                for action in role.actions
            ),
            *view.extra_permissions,
        ]
        keys += [(int(role), int(action), numbers[view.name]) for role, action in grants]
    return dict.fromkeys(keys)


def _custom(roles: Iterable[AnyRole]) -> Iterable[CustomRole]:
    return (role for role in roles if isinstance(role, CustomRole))


def _key(row: Permission) -> tuple[int, int, int]:
    return row.role_id, row.action_id, row.api_view_id


async def move_sequence_on(session: AsyncSession, model: type[Base]) -> None:
    """Rows written with their own ids don't move PostgreSQL's sequence; the next insert would clash.

    Does what the legacy intends: with SQLAlchemy 2 its own statement (db.engine.execute) fails.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    table = Base.metadata.tables[model.__tablename__]
    highest = select(func.max(table.c.id)).scalar_subquery()
    # An empty table has no highest id, and setval(…, NULL) does nothing.
    await session.execute(
        select(func.setval(func.pg_get_serial_sequence(table.name, "id"), highest))
    )
