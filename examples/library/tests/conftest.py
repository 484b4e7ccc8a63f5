"""Fixtures of the Flask app's own suite, as they were before anybody thought of a port."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from library_flask import create_app
from library_flask.models import Book, Member, db


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/test.db"})
    with app.app_context():
        db.create_all()
        yield app
        db.session.remove()
        db.drop_all()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def make_member(name: str, librarian: bool = False) -> Member:
    member = Member(email=f"{name}@library.example", name=name, librarian=librarian)
    member.set_password("secret")
    db.session.add(member)
    db.session.commit()
    return member


def make_book(**values: Any) -> Book:
    book = Book(**{"isbn": "1", "title": "Dust", "author": "Ola", "copies": 1, **values})
    db.session.add(book)
    db.session.commit()
    return book


@pytest.fixture
def ann(app: Flask) -> Member:
    return make_member("ann")


@pytest.fixture
def desk(app: Flask) -> Member:
    return make_member("desk", librarian=True)


def header(member: Member) -> dict[str, str]:
    token = member.log_in()
    db.session.commit()
    return {"Authorization": f"Bearer {token}"}
