"""The tables that both stacks share, and an asynchronous engine for them."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, func, make_url, select
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, column_property, mapped_column

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}


class Base(DeclarativeBase): ...


class Member(Base):
    __tablename__ = "members"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(200), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    password: Mapped[str] = mapped_column(String(200))
    librarian: Mapped[bool]


class Token(Base):
    __tablename__ = "tokens"
    token: Mapped[str] = mapped_column(String(32), primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"))
    created_at: Mapped[datetime]


class Loan(Base):
    __tablename__ = "loans"
    id: Mapped[int] = mapped_column(primary_key=True)
    book_id: Mapped[int] = mapped_column(ForeignKey("books.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"))
    lent_at: Mapped[datetime]
    due_at: Mapped[datetime]
    returned_at: Mapped[datetime | None]


class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
    isbn: Mapped[str] = mapped_column(String(20), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    author: Mapped[str] = mapped_column(String(200))
    year: Mapped[int | None]
    copies: Mapped[int] = mapped_column(default=1)
    lent: Mapped[int] = column_property(
        select(func.count(Loan.id))
        .where(Loan.book_id == id, Loan.returned_at.is_(None))
        .correlate_except(Loan)
        .scalar_subquery()
    )
    """Copies that are with members now."""


def create_engine(url: str) -> AsyncEngine:
    parsed = make_url(url)
    return create_async_engine(parsed.set(drivername=_DRIVERS[parsed.get_backend_name()]))
