"""A small shop in Flask, as somebody may have written it years ago: the stack to be replaced."""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from flask import Flask, Response, g, jsonify, request
from sqlalchemy.pool import NullPool
from werkzeug.exceptions import HTTPException
from werkzeug.serving import run_simple

app = Flask(__name__)
engine = sa.create_engine(
    os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg2:"), poolclass=NullPool
)
SECRET = os.environ["SECRET_KEY"].encode()


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def make_token(name: str) -> str:
    now = int(time.time())
    claims = {"sub": name, "iat": now, "exp": now + 3600}
    signed = ".".join(
        encode(json.dumps(p).encode()) for p in ({"alg": "HS256", "typ": "JWT"}, claims)
    )
    return f"{signed}.{encode(hmac.new(SECRET, signed.encode(), hashlib.sha256).digest())}"


class Refused(Exception):
    def __init__(self, status: int, words: str) -> None:
        self.status, self.words = status, words


@app.errorhandler(Refused)
def refused(error: Refused) -> tuple[Response, int]:
    return jsonify(error=error.words), error.status


@app.errorhandler(HTTPException)
def http_error(error: HTTPException) -> Any:
    response = error.get_response()
    response.data = json.dumps({"error": error.name})
    response.content_type = "application/json"
    return response


@app.before_request
def guard() -> None:
    if request.url_rule is None or request.endpoint == "login":
        return
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    signed, _, signature = token.rpartition(".")
    if not hmac.compare_digest(
        signature, encode(hmac.new(SECRET, signed.encode(), hashlib.sha256).digest())
    ):
        raise Refused(401, "no valid token")
    payload = signed.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    if claims["exp"] < time.time():
        raise Refused(401, "the token has expired")
    with engine.connect() as connection:
        g.user = connection.execute(
            sa.text("SELECT id, name FROM users WHERE name = :n"), {"n": claims["sub"]}
        ).first()


@app.post("/login/")
def login() -> Response:
    body = request.get_json()
    with engine.connect() as connection:
        row = connection.execute(
            sa.text("SELECT id, name FROM users WHERE name = :username AND password = :password"),
            body,
        ).first()
    if row is None:
        raise Refused(400, "Invalid credentials")
    return jsonify(token=make_token(row.name), id=row.id)


def show(row: Any) -> dict[str, Any]:
    item = dict(row._mapping)
    options = item.pop("options")
    item["options"] = json.loads(options) if isinstance(options, str) else options
    return item


def find(connection: Any, idx: int) -> Any:
    row = connection.execute(sa.text("SELECT * FROM items WHERE id = :i"), {"i": idx}).first()
    if row is None:
        raise Refused(404, f"item {idx} does not exist")
    return row


def checked(body: dict[str, Any]) -> dict[str, Any]:
    wrong = {}
    if not isinstance(body.get("name"), str):
        wrong["name"] = ["Not a valid string."]
    if not isinstance(body.get("price"), int | float):
        wrong["price"] = ["Not a valid number."]
    # as the real one does: a dictionary turned into text, in no particular order
    if wrong:
        raise Refused(400, str(dict(sorted(wrong.items()))))
    return body


@app.get("/items/")
def items() -> Response:
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT * FROM items ORDER BY id")).all()
    response = jsonify([show(row) for row in rows])
    response.headers["Cache-Control"] = "no-store, max-age=0"
    return response


@app.post("/items/")
def create() -> tuple[Response, int, dict[str, str]]:
    body = checked(request.get_json())
    values = {
        "name": body["name"],
        "price": float(body["price"]),
        "note": body.get("note"),
        "options": json.dumps(body.get("options")),
        "owner": g.user.id,
        "created": datetime.now(UTC).replace(tzinfo=None).isoformat(),
        "updated": datetime.now(UTC).replace(tzinfo=None).isoformat(),
    }
    try:
        with engine.begin() as connection:
            row = connection.execute(
                sa.text(
                    "INSERT INTO items (name, price, note, options, owner_id, created_at, updated_at)"
                    " VALUES (:name, :price, :note, :options, :owner, :created, :updated) RETURNING *"
                ),
                values,
            ).one()
            connection.execute(
                sa.text("INSERT INTO audit (item_id, what) VALUES (:i, 'created')"), {"i": row.id}
            )
    except sa.exc.IntegrityError:
        raise Refused(409, "the name is taken") from None
    return jsonify(show(row)), 201, {"Location": f"{request.host_url}items/{row.id}/"}


@app.get("/items/<int:idx>/")
def item(idx: int) -> Response:
    with engine.connect() as connection:
        return jsonify(show(find(connection, idx)))


@app.put("/items/<int:idx>/")
def edit(idx: int) -> Response:
    body = checked(request.get_json())
    with engine.begin() as connection:
        find(connection, idx)
        connection.execute(
            sa.text("UPDATE items SET name = :name, price = :price, updated_at = :u WHERE id = :i"),
            {
                "name": body["name"],
                "price": float(body["price"]),
                "u": datetime.now(UTC).replace(tzinfo=None).isoformat(),
                "i": idx,
            },
        )
        connection.execute(
            sa.text("INSERT INTO audit (item_id, what) VALUES (:i, 'edited')"), {"i": idx}
        )
    return jsonify(message="edited")


@app.delete("/items/<int:idx>/")
def delete(idx: int) -> Response:
    if g.user.name != "admin":
        raise Refused(403, "only for the admin")
    with engine.begin() as connection:
        find(connection, idx)
        connection.execute(sa.text("DELETE FROM items WHERE id = :i"), {"i": idx})
    return jsonify(message="deleted")


if __name__ == "__main__":
    run_simple("127.0.0.1", int(sys.argv[1]), app, threaded=True)
