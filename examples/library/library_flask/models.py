"""Members, books, loans, and the tokens that members log in with."""

import secrets
from datetime import UTC, datetime
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from werkzeug.security import check_password_hash, generate_password_hash

db = SQLAlchemy()


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


class Member(db.Model):
    __tablename__ = "members"
    id = db.Column(db.Integer, primary_key=True)
    email = db.Column(db.String(200), nullable=False, unique=True)
    name = db.Column(db.String(200), nullable=False)
    password = db.Column(db.String(200), nullable=False)
    librarian = db.Column(db.Boolean, nullable=False, default=False)

    def set_password(self, plain: str) -> None:
        self.password = generate_password_hash(plain, "pbkdf2:sha256:1000")

    def knows(self, plain: str) -> bool:
        return check_password_hash(self.password, plain)

    def log_in(self) -> str:
        """A new token, not yet committed."""
        token = secrets.token_hex(16)
        db.session.add(Token(token=token, member_id=self.id, created_at=now()))
        return token

    def show(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "email": self.email,
            "name": self.name,
            "librarian": self.librarian,
        }


class Token(db.Model):
    __tablename__ = "tokens"
    token = db.Column(db.String(32), primary_key=True)
    member_id = db.Column(db.ForeignKey("members.id"), nullable=False)
    created_at = db.Column(db.DateTime, nullable=False)


class Book(db.Model):
    __tablename__ = "books"
    id = db.Column(db.Integer, primary_key=True)
    isbn = db.Column(db.String(20), nullable=False, unique=True)
    title = db.Column(db.String(200), nullable=False)
    author = db.Column(db.String(200), nullable=False)
    year = db.Column(db.Integer)
    copies = db.Column(db.Integer, nullable=False, default=1)
    loans = db.relationship("Loan", back_populates="book", order_by="Loan.id")

    @property
    def free(self) -> int:
        return self.copies - sum(loan.returned_at is None for loan in self.loans)

    def show(self) -> dict[str, Any]:
        fields = ("id", "isbn", "title", "author", "year", "copies", "free")
        return {name: getattr(self, name) for name in fields}


class Loan(db.Model):
    __tablename__ = "loans"
    id = db.Column(db.Integer, primary_key=True)
    book_id = db.Column(db.ForeignKey("books.id"), nullable=False)
    member_id = db.Column(db.ForeignKey("members.id"), nullable=False)
    lent_at = db.Column(db.DateTime, nullable=False)
    due_at = db.Column(db.DateTime, nullable=False)
    returned_at = db.Column(db.DateTime)
    book = db.relationship("Book", back_populates="loans")

    def show(self) -> dict[str, Any]:
        returned = self.returned_at
        return {
            "id": self.id,
            "book": self.book_id,
            "member": self.member_id,
            "lent_at": self.lent_at.isoformat(),
            "due_at": self.due_at.isoformat(),
            "returned_at": None if returned is None else returned.isoformat(),
        }
