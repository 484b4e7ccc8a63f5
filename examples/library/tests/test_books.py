"""The shelf, with pytest's fixtures and Flask's own client."""

from conftest import header, make_book
from flask import Flask, request
from flask.testing import FlaskClient
from library_flask.checks import count_of
from library_flask.models import Book, Loan, Member, db, now
from library_flask.refusals import Refused


def test_a_librarian_adds_a_book(client: FlaskClient, desk: Member) -> None:
    body = {"isbn": "9", "title": " Salt ", "author": "Mo", "year": "2011"}
    reply = client.post("/books", json=body, headers=header(desk))
    assert reply.status_code == 201
    assert reply.json["title"] == "Salt"
    stored = Book.query.filter_by(isbn="9").one()
    assert (stored.year, stored.copies) == (2011, 1)
    assert reply.headers["Location"] == f"/books/{stored.id}"


def test_all_that_is_wrong_is_told(client: FlaskClient, desk: Member) -> None:
    reply = client.post("/books", json={"copies": "many"}, headers=header(desk))
    assert reply.status_code == 400
    assert reply.get_json()["error"].keys() == {"isbn", "title", "author", "copies"}
    assert Book.query.count() == 0


def test_a_member_may_not_add_a_book(client: FlaskClient, ann: Member) -> None:
    assert client.post("/books", json={}, headers=header(ann)).status_code == 403


def test_a_list_is_cut_and_counted(client: FlaskClient, ann: Member) -> None:
    for number in range(5):
        make_book(isbn=str(number), title=f"Part {number}")
    reply = client.get("/books?limit=2&offset=1", headers=header(ann))
    assert [book["title"] for book in reply.json] == ["Part 1", "Part 2"]
    assert reply.headers["X-Total-Count"] == "5"


def test_what_the_test_has_not_committed_is_seen(client: FlaskClient, ann: Member) -> None:
    headers = header(ann)
    db.session.add(Book(isbn="7", title="Fresh", author="Ola", copies=1))
    assert len(client.get("/books", headers=headers).json) == 1


def test_an_object_of_the_test_shows_what_a_request_wrote(
    client: FlaskClient, desk: Member
) -> None:
    book = make_book()
    assert book.title == "Dust"
    client.put(f"/books/{book.id}", json={"title": "Ash", "author": "Ola"}, headers=header(desk))
    assert book.title == "Ash"


def test_an_object_whose_row_is_gone_is_still_readable(client: FlaskClient, desk: Member) -> None:
    book = make_book()
    idx = book.id
    assert client.delete(f"/books/{idx}", headers=header(desk)).json == {"removed": idx}
    assert (book.title, db.session.get(Book, idx)) == ("Dust", None)


def test_the_last_copy_can_be_lent_once(client: FlaskClient, ann: Member, desk: Member) -> None:
    book = make_book()
    address = f"/books/{book.id}/loans"
    assert client.post(address, headers=header(ann)).status_code == 201
    assert client.post(address, headers=header(desk)).status_code == 409
    assert book.free == 0
    assert Loan.query.one().member_id == ann.id


def test_a_loan_ends_when_the_settings_say(app: Flask, client: FlaskClient, ann: Member) -> None:
    app.config["LOAN_DAYS"] = 3
    client.post(f"/books/{make_book().id}/loans", headers=header(ann))
    loan = Loan.query.one()
    assert (loan.due_at - loan.lent_at).days == 3


def test_a_loan_is_given_back(client: FlaskClient, ann: Member) -> None:
    loan = Loan(book_id=make_book().id, member_id=ann.id, lent_at=now(), due_at=now())
    db.session.add(loan)
    db.session.commit()
    assert client.post(f"/loans/{loan.id}/return", headers=header(ann)).status_code == 200
    assert loan.returned_at is not None


def test_the_request_is_there_inside_the_block(client: FlaskClient, ann: Member) -> None:
    with client:
        client.get("/members/me?x=1", headers=header(ann))
        assert request.args["x"] == "1"
        assert request.endpoint == "api.me"


def test_a_number_that_is_none_counts_as_not_said() -> None:
    assert [count_of(text, 20) for text in (None, "", "x", "3")] == [20, 20, 20, 3]


def test_a_view_that_only_the_suite_has(app: Flask) -> None:
    @app.get("/broken")
    def broken() -> str:
        raise Refused(418, "as the errors of all views")

    assert app.test_client().get("/broken").json == {"error": "as the errors of all views"}
