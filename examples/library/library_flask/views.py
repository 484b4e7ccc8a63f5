"""The library's REST API: ten operations."""

import functools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify, request, url_for
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import HTTPException

from library_flask import post
from library_flask.checks import checked, count_of
from library_flask.models import Book, Loan, Member, Token, db, now
from library_flask.refusals import Refused

api = Blueprint("api", __name__)


@api.app_errorhandler(Refused)
def refused(error: Refused) -> tuple[Response, int]:
    db.session.rollback()
    return jsonify(error=error.error), error.status


@api.app_errorhandler(HTTPException)
def http_error(error: HTTPException) -> Any:
    reply = error.get_response()
    reply.data = current_app.json.dumps({"error": error.name})
    reply.content_type = "application/json"
    return reply


def member_only(view: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        stored = db.session.get(Token, token)
        if stored is None:
            raise Refused(401, "log in first")
        g.member = db.session.get(Member, stored.member_id)
        return view(*args, **kwargs)

    guarded.checks_member = True
    return guarded


def librarian_only(view: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if not g.member.librarian:
            raise Refused(403, "only for librarians")
        return view(*args, **kwargs)

    return member_only(guarded)


def find_book(idx: int) -> Book:
    book = db.session.get(Book, idx)
    if book is None:
        raise Refused(404, f"there is no book {idx}")
    return book


@api.post("/login")
def login() -> Response:
    body = checked(request.get_json(), text=("email", "password"))
    member = Member.query.filter_by(email=body["email"]).first()
    if member is None or not member.knows(body["password"]):
        raise Refused(400, "wrong e-mail or password")
    token = member.log_in()
    db.session.commit()
    return jsonify(token=token, id=member.id)


@api.post("/members")
def sign_up() -> tuple[Response, int]:
    if not current_app.config["SIGN_UP_OPEN"]:
        raise Refused(403, "ask at the desk")
    body = checked(request.get_json(), text=("email", "name", "password"))
    member = Member(email=body["email"], name=body["name"], librarian=False)
    member.set_password(body["password"])
    db.session.add(member)
    try:
        db.session.commit()
    except IntegrityError:
        raise Refused(409, "this e-mail is taken") from None
    post.send(member.email, "Welcome to the library")
    return jsonify(member.show()), 201


@api.get("/members/me")
@member_only
def me() -> Response:
    return jsonify(g.member.show())


@api.get("/books")
@member_only
def books() -> Response:
    query = Book.query
    if author := request.args.get("author"):
        query = query.filter_by(author=author)
    total = query.count()
    # a limit of 0 is no limit: the desk's old screens ask so
    limit = count_of(request.args.get("limit"), 20) or None
    query = query.order_by(Book.title, Book.id).limit(limit)
    page = query.offset(count_of(request.args.get("offset"), 0))
    reply = jsonify([book.show() for book in page])
    reply.headers["X-Total-Count"] = str(total)
    return reply


@api.post("/books")
@librarian_only
def add_book() -> tuple[Response, int, dict[str, str]]:
    fields = ("isbn", "title", "author")
    body = checked(request.get_json(), text=fields, whole=("year", "copies"))
    book = Book(**body)
    db.session.add(book)
    try:
        db.session.commit()
    except IntegrityError:
        raise Refused(409, "this ISBN is on the shelf") from None
    return jsonify(book.show()), 201, {"Location": url_for("api.book", idx=book.id)}


@api.get("/books/<int:idx>")
@member_only
def book(idx: int) -> Response:
    return jsonify(find_book(idx).show())


@api.put("/books/<int:idx>")
@librarian_only
def edit_book(idx: int) -> Response:
    book = find_book(idx)
    body = checked(request.get_json(), text=("title", "author"), whole=("year", "copies"))
    for name, value in body.items():
        setattr(book, name, value)
    db.session.commit()
    return jsonify(book.show())


@api.delete("/books/<int:idx>")
@librarian_only
def remove_book(idx: int) -> Response:
    book = find_book(idx)
    if book.loans:
        raise Refused(409, "a book that was lent stays in the records")
    db.session.delete(book)
    db.session.commit()
    # not 204: the desk's screens read the id
    return jsonify(removed=idx)


@api.get("/books/<int:idx>/loans")
@member_only
def loans(idx: int) -> Response:
    """A librarian sees all loans of a book, a member its own."""
    all_loans = find_book(idx).loans
    mine = [loan for loan in all_loans if g.member.librarian or loan.member_id == g.member.id]
    return jsonify([loan.show() for loan in mine])


@api.post("/books/<int:idx>/loans")
@member_only
def lend(idx: int) -> tuple[Response, int]:
    book = find_book(idx)
    if book.free < 1:
        raise Refused(409, "no copy is left")
    lent = now()
    loan = Loan(
        book_id=book.id,
        member_id=g.member.id,
        lent_at=lent,
        due_at=lent + timedelta(days=current_app.config["LOAN_DAYS"]),
    )
    db.session.add(loan)
    db.session.commit()
    return jsonify(loan.show()), 201


@api.post("/loans/<int:idx>/return")
@member_only
def give_back(idx: int) -> Response:
    loan = db.session.get(Loan, idx)
    if loan is None or (loan.member_id != g.member.id and not g.member.librarian):
        raise Refused(404, f"there is no loan {idx}")
    if loan.returned_at is not None:
        raise Refused(409, "this loan is over")
    loan.returned_at = now()
    db.session.commit()
    return jsonify(loan.show())
