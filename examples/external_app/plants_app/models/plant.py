"""A plant, and who changed it last."""

from sqlalchemy import Float, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from cornflow_f.models.base import TracedBase


class Plant(TracedBase):
    __tablename__ = "plants"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128), unique=True)
    capacity: Mapped[float] = mapped_column(Float)
    """Tons a day."""
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))

    def __repr__(self) -> str:
        return f"<Plant {self.name}>"
