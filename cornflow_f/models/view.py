"""A view: the name and the URL rule of an endpoint, the rule written as Flask writes it."""

from typing import TYPE_CHECKING

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cornflow_f.database.engine import Base

if TYPE_CHECKING:
    from cornflow_f.models.permission import Permission


class View(Base):
    __tablename__ = "api_view"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128), unique=True)
    url_rule: Mapped[str] = mapped_column(String(128))
    description: Mapped[str | None] = mapped_column(Text)

    permissions: Mapped[list["Permission"]] = relationship(
        primaryjoin="and_(View.id == Permission.api_view_id, Permission.deleted_at.is_(None))",
        cascade="all, delete",
        lazy="raise",
    )

    def __repr__(self) -> str:
        return f"<View {self.name}>"
