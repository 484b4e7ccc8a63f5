"""What a workflow asks of Cornflow, over HTTP: data of an execution, its state, its results.

The same requests as a DAG makes (cornflow_client's dag_utilities). Large bodies pass as bytes, from
and to files, and are never decoded here.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx

from embedded_runner.model import ExecutionState, Json
from embedded_runner.settings import Account

_TIMEOUT = httpx.Timeout(120.0, connect=10.0)
_TOKEN_AGE = 3600.0
"""Seconds after which a new token is asked for; Cornflow's own default is a day."""
_JSON = {"Content-Type": "application/json"}


class Unreachable(Exception):
    """Cornflow does not answer, fails, or does not take our log-in: worth another attempt."""


class Refused(Exception):
    """Cornflow understood and said no; the same request will be refused again."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"Cornflow answered {status}: {text[:2000]}")
        self.status = status

    @property
    def gone(self) -> bool:
        return self.status == 404


class Cornflow:
    def __init__(self, account: Account, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._account = account
        # not through a proxy of the environment: this is a server that we were given the address of
        self._http = httpx.AsyncClient(
            base_url=account.url.rstrip("/") + "/",
            timeout=_TIMEOUT,
            trust_env=False,
            transport=transport,
            limits=httpx.Limits(keepalive_expiry=1.0),
        )
        self._token = ""
        self._token_made = float("-inf")

    async def close(self) -> None:
        await self._http.aclose()

    async def fetch(self, execution: str, file: Path) -> None:
        """The execution's instance, config and data as one JSON object, into a file."""
        reply = await self._send("GET", f"dag/{execution}/")
        partial = file.with_suffix(".part")
        partial.write_bytes(reply.content)
        partial.rename(file)

    async def set_status(self, execution: str, state: ExecutionState) -> None:
        await self._send("PUT", f"execution/{execution}/status/", json={"status": int(state)})

    async def write_result(self, execution: str, body: bytes) -> None:
        await self._send("PUT", f"dag/{execution}/", content=body, headers=_JSON)

    async def write_verdict(self, execution: str, state: ExecutionState, log: str) -> None:
        # Both in one request: a PUT of the log alone sets the state to 1, "solved correctly".
        body = {"state": int(state), "log_text": log}
        await self._send("PUT", f"dag/{execution}/", json=body)

    async def write_instance_checks(self, instance: str, body: bytes) -> None:
        await self._send("PUT", f"dag/instance/{instance}/", content=body, headers=_JSON)

    async def write_case_checks(self, case: str, body: bytes) -> None:
        await self._send("PUT", f"dag/case/{case}/", content=body, headers=_JSON)

    async def write_files(self, execution: str, status: int, archive: bytes | None) -> None:
        files = None
        if archive is not None:
            files = {"execution_file": ("execution.zip", archive, "application/zip")}
        data = {"execution_files_status": str(status)}
        await self._send("POST", f"execution/files/{execution}/", data=data, files=files)

    async def deployed(self) -> dict[str, Json]:
        """The workflows that Cornflow knows, with their schemas, by name."""
        reply = await self._send("GET", "dag/deployed/")
        return {str(one["id"]): one for one in reply.json()}

    async def deploy(self, name: str, body: Json, known: bool) -> None:
        if known:
            await self._send("PUT", f"dag/deployed/{name}/", json=body)
        else:
            await self._send("POST", "dag/deployed/", json={"id": name, **body})

    async def _send(self, method: str, path: str, **body: Any) -> httpx.Response:
        """Raises Unreachable or Refused. A refused token is renewed once."""
        fresh = await self._log_in() if time.monotonic() - self._token_made > _TOKEN_AGE else False
        while True:
            headers = {**body.get("headers", {}), "Authorization": f"Bearer {self._token}"}
            reply = await self._ask(method, path, **{**body, "headers": headers})
            if reply.is_success:
                return reply
            # Cornflow says 400 for most tokens it does not take, as for bodies it does not take
            if reply.status_code in (400, 401) and not fresh:
                fresh = await self._log_in()
                continue
            raise Refused(reply.status_code, reply.text)

    async def _log_in(self) -> bool:
        account = {"username": self._account.user, "password": self._account.password}
        reply = await self._ask("POST", "login/", json=account)
        try:
            self._token = str(reply.json()["token"])
        except (ValueError, KeyError, TypeError):
            # the operator can mend this while results wait: an unknown user, another password
            raise Unreachable(
                f"Cornflow at {self._account.url} does not log in {self._account.user}"
                f" ({reply.status_code}: {reply.text[:300]}); check --user and --password"
            ) from None
        self._token_made = time.monotonic()
        return True

    async def _ask(self, method: str, path: str, **body: Any) -> httpx.Response:
        try:
            reply = await self._http.request(method, path, **body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unreachable(
                f"Cornflow at {self._account.url} does not answer: {type(error).__name__} {error}"
            ) from None
        # 501 is an answer: execution files are switched off in that Cornflow
        if (reply.status_code >= 500 and reply.status_code != 501) or reply.status_code == 429:
            raise Unreachable(f"Cornflow answered {reply.status_code}: {reply.text[:300]}")
        return reply
