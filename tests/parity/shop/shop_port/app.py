"""The ported shop: the same replies and rows as the Flask shop, by other means."""

import json
import os
import sys
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import jwt
import sqlalchemy as sa
import uvicorn
from fastapi import Depends, FastAPI, Header, Request
from fastapi.responses import JSONResponse
from sqlalchemy.pool import NullPool
from starlette.exceptions import HTTPException

app = FastAPI()
engine = sa.create_engine(
    os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg2:"), poolclass=NullPool
)
SECRET = os.environ["SECRET_KEY"]


class Refused(Exception):
    def __init__(self, status: int, words: str) -> None:
        self.status, self.words = status, words


@app.exception_handler(Refused)
async def refused(_: Request, error: Refused) -> JSONResponse:
    return JSONResponse({"error": error.words}, error.status)


@app.exception_handler(HTTPException)
async def http_error(_: Request, error: HTTPException) -> JSONResponse:
    return JSONResponse({"error": error.detail}, error.status_code)


async def body_of(request: Request) -> Any:
    return json.loads(await request.body())


def current(authorization: Annotated[str, Header()] = "") -> Any:
    try:
        claims = jwt.decode(authorization.removeprefix("Bearer "), SECRET, algorithms=["HS256"])
    except jwt.ExpiredSignatureError:
        raise Refused(401, "the token has expired") from None
    except jwt.PyJWTError:
        raise Refused(401, "no valid token") from None
    with engine.connect() as connection:
        return connection.execute(
            sa.text("SELECT id, name FROM users WHERE name = :n"), {"n": claims["sub"]}
        ).first()


Body = Annotated[Any, Depends(body_of)]
User = Annotated[Any, Depends(current)]


@app.post("/login/")
def login(body: Body) -> dict[str, Any]:
    with engine.connect() as connection:
        row = connection.execute(
            sa.text("SELECT id, name FROM users WHERE name = :username AND password = :password"),
            body,
        ).first()
    if row is None:
        raise Refused(400, "Invalid credentials")
    now = int(time.time())
    token = jwt.encode({"sub": row.name, "iat": now, "exp": now + 3600}, SECRET, "HS256")
    return {"token": token, "id": row.id}


def show(row: Any) -> dict[str, Any]:
    item = dict(row._mapping)
    if isinstance(item["options"], str):
        item["options"] = json.loads(item["options"])
    return item


def find(connection: Any, idx: int) -> Any:
    row = connection.execute(sa.text("SELECT * FROM items WHERE id = :i"), {"i": idx}).first()
    if row is None:
        raise Refused(404, f"item {idx} does not exist")
    return row


def checked(body: Any) -> Any:
    wrong = {}
    if not isinstance(body.get("price"), int | float):
        wrong["price"] = ["Not a valid number."]
    if not isinstance(body.get("name"), str):
        wrong["name"] = ["Not a valid string."]
    if wrong:
        raise Refused(400, str(wrong))
    return body


def moment() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat()


def audit(connection: Any, idx: int, what: str) -> None:
    connection.execute(
        sa.text("INSERT INTO audit (item_id, what) VALUES (:i, :what)"), {"i": idx, "what": what}
    )


@app.get("/items/")
def items(user: User) -> JSONResponse:
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT * FROM items ORDER BY id")).all()
    content = [show(row) for row in rows]
    return JSONResponse(content, headers={"Cache-Control": "max-age=0, no-store"})


@app.post("/items/")
def create(request: Request, user: User, body: Body) -> JSONResponse:
    now = moment()
    checked(body)
    values = {
        "name": body["name"],
        "price": float(body["price"]),
        "note": body.get("note"),
        "options": json.dumps(body.get("options"), separators=(",", ":")),
        "owner": user.id,
        "now": now,
    }
    try:
        with engine.begin() as connection:
            row = connection.execute(
                sa.text(
                    "INSERT INTO items (name, price, note, options, owner_id, created_at, updated_at)"
                    " VALUES (:name, :price, :note, :options, :owner, :now, :now) RETURNING *"
                ),
                values,
            ).one()
            audit(connection, row.id, "created")
    except sa.exc.IntegrityError:
        raise Refused(409, "the name is taken") from None
    return JSONResponse(show(row), 201, headers={"Location": f"{request.base_url}items/{row.id}/"})


@app.get("/items/{idx:int}/")
def item(idx: int, user: User) -> dict[str, Any]:
    with engine.connect() as connection:
        return show(find(connection, idx))


@app.put("/items/{idx:int}/")
def edit(idx: int, user: User, body: Body) -> dict[str, str]:
    checked(body)
    with engine.begin() as connection:
        find(connection, idx)
        connection.execute(
            sa.text("UPDATE items SET name = :name, price = :price, updated_at = :u WHERE id = :i"),
            {"name": body["name"], "price": float(body["price"]), "u": moment(), "i": idx},
        )
        audit(connection, idx, "edited")
    return {"message": "edited"}


@app.delete("/items/{idx:int}/")
def delete(idx: int, user: User) -> dict[str, str]:
    if user.name != "admin":
        raise Refused(403, "only for the admin")
    with engine.begin() as connection:
        find(connection, idx)
        connection.execute(sa.text("DELETE FROM items WHERE id = :i"), {"i": idx})
    return {"message": "deleted"}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
