"""A user. `password` is a bcrypt hash, or NULL for users of an external provider."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import DateTime, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cornflow_f.database.clock import database_now
from cornflow_f.models.base import TracedBase

if TYPE_CHECKING:
    from cornflow_f.models.case import Case
    from cornflow_f.models.dag_permission import DagPermission
    from cornflow_f.models.instance import Instance
    from cornflow_f.models.user_role import UserRole


class User(TracedBase):
    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("username", name="c_unique_users_username"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    first_name: Mapped[str | None] = mapped_column(String(128))
    last_name: Mapped[str | None] = mapped_column(String(128))
    username: Mapped[str] = mapped_column(String(128))
    password: Mapped[str | None] = mapped_column(String(128))
    pwd_last_change: Mapped[datetime | None] = mapped_column(DateTime)
    email: Mapped[str] = mapped_column(String(128), unique=True)

    # Deleting a user takes these along. Hidden instances and cases stay and then refuse the delete,
    # as in the legacy: only a foreign key knows them.
    user_roles: Mapped[list["UserRole"]] = relationship(cascade="all, delete", lazy="raise")
    instances: Mapped[list["Instance"]] = relationship(
        primaryjoin="and_(User.id == Instance.user_id, Instance.deleted_at.is_(None))",
        cascade="all, delete",
        lazy="raise",
    )
    cases: Mapped[list["Case"]] = relationship(
        primaryjoin="and_(User.id == Case.user_id, Case.deleted_at.is_(None))",
        cascade="all, delete",
        lazy="raise",
    )
    dag_permissions: Mapped[list["DagPermission"]] = relationship(
        cascade="all, delete", lazy="raise"
    )

    def __init__(self, **values: Any) -> None:
        values.setdefault("pwd_last_change", database_now())
        super().__init__(**values)

    @property
    def roles(self) -> dict[int, str]:
        """Number and name of each role; `user_roles` must be loaded."""
        return {assigned.role.id: assigned.role.name for assigned in self.user_roles}

    @property
    def comes_from_external_provider(self) -> bool:
        return self.password is None

    def __repr__(self) -> str:
        return f"<Username {self.username}>"
