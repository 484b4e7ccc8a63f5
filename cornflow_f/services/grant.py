"""Whether a user may do something on a view: everything the guard needs, in one statement.

Source: ``shared/authentication/auth.py``, _get_permission_for_request.
"""

from dataclasses import dataclass

from sqlalchemy import Table, and_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.constants import Action
from cornflow_f.identity import CurrentUser
from cornflow_f.models import Permission, User, UserRole, View


@dataclass(frozen=True, slots=True)
class Grant:
    """What is known about a user and a view."""

    user: CurrentUser
    view_known: bool
    granted: bool


def _tables() -> tuple[Table, ...]:
    tables = [model.__table__ for model in (User, UserRole, View, Permission)]
    return tuple(table for table in tables if isinstance(table, Table))


_users, _assignments, _views, _permissions = _tables()

# parity: of two views with one rule the legacy takes whichever the database gives first
_view_id = (
    select(_views.c.id).where(_views.c.url_rule == bindparam("rule")).limit(1).scalar_subquery()
)

# Built once, on tables and not on entities: it runs before every guarded request.
_STATEMENT = (
    select(
        _users.c.id,
        _assignments.c.role_id,
        _view_id.label("view_id"),
        _permissions.c.id.label("permission_id"),
    )
    .select_from(_users)
    .outerjoin(
        _assignments,
        and_(_assignments.c.user_id == _users.c.id, _assignments.c.deleted_at.is_(None)),
    )
    .outerjoin(
        _permissions,
        and_(
            _permissions.c.role_id == _assignments.c.role_id,
            _permissions.c.api_view_id == _view_id,
            _permissions.c.action_id == bindparam("action"),
            _permissions.c.deleted_at.is_(None),
        ),
    )
    .where(_users.c.username == bindparam("username"), _users.c.deleted_at.is_(None))
)


async def look_up(session: AsyncSession, username: str, rule: str, action: Action) -> Grant | None:
    """The user, the roles and whether one of them may do this on the view. None: no such user."""
    connection = await session.connection()
    wanted = {"username": username, "rule": rule, "action": action.value}
    rows = (await connection.execute(_STATEMENT, wanted)).all()
    if not rows:
        return None
    roles = frozenset(row.role_id for row in rows if row.role_id is not None)
    return Grant(
        user=CurrentUser(rows[0].id, username, roles),
        view_known=rows[0].view_id is not None,
        granted=any(row.permission_id is not None for row in rows),
    )
