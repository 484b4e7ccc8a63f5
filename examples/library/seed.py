"""Creates the library's tables, two members and some books, in the database of `DATABASE_URL`."""

from library_flask import create_app
from library_flask.models import Book, Member, db

BOOKS = (
    ("978-0", "Mist over the dam", "Ina Vos", 1999, 1),
    ("978-1", "A short way home", "Ina Vos", 2004, 2),
    ("978-2", "Ledger of rain", "Tom Adeyemi", None, 1),
)


def fill() -> None:
    for email, name, librarian in (
        ("desk@library.example", "Desk", True),
        ("ann@library.example", "Ann", False),
    ):
        member = Member(email=email, name=name, librarian=librarian)
        member.set_password(f"{name}-pw")
        db.session.add(member)
    for isbn, title, author, year, copies in BOOKS:
        db.session.add(Book(isbn=isbn, title=title, author=author, year=year, copies=copies))
    db.session.commit()


if __name__ == "__main__":
    with create_app().app_context():
        db.create_all()
        fill()
