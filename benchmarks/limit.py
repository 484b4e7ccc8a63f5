"""The limit: the same SQL, checks and bytes by hand, with Starlette and asyncpg and nothing between.

Only for `benchmarks/throughput.py`, which compares the port with it: no errors, no other routes.
"""

import asyncio
import gzip
import hashlib
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import bcrypt
import jwt
from jsonschema import Draft7Validator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

SECRET = os.environ["SECRET_KEY"]
_GUARD = """
SELECT u.id, ur.role_id, v.id, p.id
FROM users u
LEFT JOIN user_role ur ON ur.user_id = u.id AND ur.deleted_at IS NULL
LEFT JOIN api_view v ON v.url_rule = $2
LEFT JOIN permission_view p ON p.role_id = ur.role_id AND p.api_view_id = v.id
     AND p.action_id = $3 AND p.deleted_at IS NULL
WHERE u.username = $1 AND u.deleted_at IS NULL
"""
_SUMMARY = "id, name, description, created_at, user_id, data_hash, schema"


async def _user(connection: Any, request: Request, rule: str, action: int) -> int:
    token = request.headers["authorization"].split(" ")[1]
    username = jwt.decode(token, SECRET, algorithms=["HS256"])["sub"]
    rows = await connection.fetch(_GUARD, username, rule, action)
    if not any(row[3] for row in rows):
        raise PermissionError
    return int(rows[0][0])


def _summary(row: Any) -> dict[str, Any]:
    return {**dict(row), "created_at": row["created_at"].isoformat()}


def _json(content: Any, status: int = 200) -> Response:
    return Response(json.dumps(content).encode(), status, media_type="application/json")


async def list_instances(request: Request) -> Response:
    async with request.app.state.pool.acquire() as connection:
        user = await _user(connection, request, "/instance/", 1)
        rows = await connection.fetch(
            f"SELECT {_SUMMARY} FROM instances WHERE deleted_at IS NULL AND user_id = $1 "
            "ORDER BY created_at DESC LIMIT 10 OFFSET 0",
            user,
        )
    return _json([_summary(row) for row in rows])


async def get_instance(request: Request) -> Response:
    async with request.app.state.pool.acquire() as connection:
        user = await _user(connection, request, "/instance/<string:idx>/", 1)
        row = await connection.fetchrow(
            f"SELECT {_SUMMARY} FROM instances WHERE id = $1 AND deleted_at IS NULL AND user_id = $2",
            request.path_params["idx"],
            user,
        )
        executions = await connection.fetch(
            "SELECT id, name, state FROM executions WHERE instance_id = $1 AND deleted_at IS NULL",
            row["id"],
        )
    return _json({**_summary(row), "executions": [dict(execution) for execution in executions]})


async def get_data(request: Request) -> Response:
    async with request.app.state.pool.acquire() as connection:
        user = await _user(connection, request, "/instance/<string:idx>/data/", 1)
        row = await connection.fetchrow(
            f"SELECT {_SUMMARY}, data::text AS data FROM instances "
            "WHERE id = $1 AND deleted_at IS NULL AND user_id = $2",
            request.path_params["idx"],
            user,
        )
    head = json.dumps(_summary({key: row[key] for key in row.keys() if key != "data"}))  # noqa: SIM118
    body = f'{head[:-1]}, "data": {row["data"]}}}'.encode()
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(body, media_type="application/json")
    packed = await asyncio.to_thread(gzip.compress, body, 4)
    return Response(packed, media_type="application/json", headers={"Content-Encoding": "gzip"})


async def create_instance(request: Request) -> Response:
    body = await request.json()
    async with request.app.state.pool.acquire() as connection:
        user = await _user(connection, request, "/instance/", 3)
        schema = await connection.fetchval(
            "SELECT instance_schema::text FROM deployed_workflows WHERE id = $1", body["schema"]
        )
        text = await asyncio.to_thread(_checked, schema, body["data"])
        now = datetime.now(UTC).replace(tzinfo=None)
        idx = hashlib.sha1(f"{now}+00:00 {user}".encode()).hexdigest()
        await connection.execute(
            "INSERT INTO instances (id, data, checks, name, data_hash, schema, user_id, created_at, "
            "updated_at) VALUES ($1, $2, 'null', $3, $4, $5, $6, $7, $7)",
            *(idx, text, body["name"], hashlib.sha256(text.encode()).hexdigest()),
            *(body["schema"], user, now),
        )
    return _json({"id": idx}, 201)


def _checked(schema: str, data: Any) -> str:
    for error in Draft7Validator(json.loads(schema)).iter_errors(data):
        raise error
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


async def log_in(request: Request) -> Response:
    body = await request.json()
    async with request.app.state.pool.acquire() as connection:
        row = await connection.fetchrow(
            "SELECT id, password FROM users WHERE username = $1", body["username"]
        )
    if not await asyncio.to_thread(
        bcrypt.checkpw, body["password"].encode(), row["password"].encode()
    ):
        raise PermissionError
    claims = {"sub": body["username"], "exp": datetime.now(UTC) + timedelta(hours=1)}
    return _json({"token": jwt.encode(claims, SECRET), "id": row["id"]})


async def get_status(request: Request) -> Response:
    async with request.app.state.pool.acquire() as connection:
        user = await _user(connection, request, "/execution/<string:idx>/status/", 1)
        row = await connection.fetchrow(
            "SELECT id, state, state_message, data_hash FROM executions "
            "WHERE id = $1 AND deleted_at IS NULL AND user_id = $2",
            request.path_params["idx"],
            user,
        )
    return _json(dict(row))


async def health(_: Request) -> Response:
    return _json({})


def create_app() -> Starlette:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], max_size=10)
        yield
        await app.state.pool.close()

    return Starlette(
        lifespan=lifespan,
        routes=[
            Route("/health/", health),
            Route("/instance/", list_instances),
            Route("/instance/", create_instance, methods=["POST"]),
            Route("/instance/{idx}/", get_instance),
            Route("/instance/{idx}/data/", get_data),
            Route("/execution/{idx}/status/", get_status),
            Route("/login/", log_in, methods=["POST"]),
        ],
    )
