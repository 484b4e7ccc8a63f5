"""An alarm that was raised."""

from sqlalchemy import Float, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cornflow_f.models.base import TracedBase


class MainAlarm(TracedBase):
    __tablename__ = "main_alarms"

    id: Mapped[int] = mapped_column(primary_key=True)
    id_alarm: Mapped[int] = mapped_column(ForeignKey("alarms.id"))
    criticality: Mapped[float] = mapped_column(Float)
    message: Mapped[str] = mapped_column(Text)
    schema: Mapped[str | None] = mapped_column(String(256))

    def __repr__(self) -> str:
        return f"<Main_Alarms {self.id}>"
