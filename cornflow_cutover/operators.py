"""Who may operate the bridge of this pair: the application's admins, told by the port's own guard."""

from typing import Any

import httpx
from fastapi import FastAPI
from starlette.requests import Request


class CornflowOperators:
    """`access.Operators`: tokens and roles as the port reads them, so a role that is taken counts at once."""

    def __init__(self, port: FastAPI, root: str) -> None:
        self._port = port
        self._root = root.rstrip("/")

    async def log_in(self, client: httpx.AsyncClient, user: str, password: str) -> str | None:
        reply = await client.post(
            f"{self._root}/login/", json={"username": user, "password": password}
        )
        if reply.status_code >= 500:
            raise httpx.HTTPStatusError(
                f"status {reply.status_code}", request=reply.request, response=reply
            )
        token: Any = reply.json().get("token") if reply.status_code == 200 else None
        return token if isinstance(token, str) else None

    async def admin(self, token: str) -> str | None:
        from cornflow_f.errors import CornflowError
        from cornflow_f.web.deps import username_of

        request = Request({"type": "http", "app": self._port, "headers": []})
        try:
            name = await username_of(token, request)
        except CornflowError:
            return None
        return name if await self.is_admin(name) else None

    async def is_admin(self, name: str) -> bool:
        from cornflow_f.constants import Action
        from cornflow_f.services import grant

        async with self._port.state.reading_sessions() as session:
            grant_held = await grant.look_up(session, name, "/user/", Action.GET)
        return grant_held is not None and grant_held.user.is_admin
