"""Basic authentication, as Airflow's REST API version 1 has it."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from embedded_runner.replies import problem

Handler = Callable[[Request], Awaitable[Response]]


class BasicAuth:
    """Wraps handlers: only who knows the one user and password gets in."""

    def __init__(self, user: str, password: str) -> None:
        self._expected = f"{user}:{password}".encode()

    def __call__(self, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            if not self.knows(request.headers.get("authorization", "")):
                return problem(
                    401,
                    "Unauthorized",
                    "give AIRFLOW_USER and AIRFLOW_PWD the values the runner was started with",
                    {"WWW-Authenticate": "Basic"},
                )
            return await handler(request)

        return guarded

    def knows(self, header: str) -> bool:
        scheme, _, credentials = header.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            decoded = base64.b64decode(credentials, validate=True)
        except (binascii.Error, ValueError):
            return False
        return secrets.compare_digest(decoded, self._expected)
