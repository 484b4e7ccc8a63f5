"""An alarm that a workflow can raise."""

from sqlalchemy import Float, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cornflow_f.models.base import TracedBase


class Alarm(TracedBase):
    __tablename__ = "alarms"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(256))
    criticality: Mapped[float] = mapped_column(Float)
    description: Mapped[str] = mapped_column(Text)
    schema: Mapped[str | None] = mapped_column(String(256))

    def __repr__(self) -> str:
        return f"<Alarm {self.id}>"
