"""Databricks' jobs API. Source: ``cornflow_client.databricks.api`` and ``cornflow_client.constants``.

A token is got from the OAuth endpoint with the client's id and secret, and kept until it expires.
"""

import asyncio
import time
from typing import Any

import httpx

from cornflow_f.constants import ExecutionState
from cornflow_f.errors import OrchestratorError
from cornflow_f.orchestrators.base import Orchestrator, Workflow
from cornflow_f.orchestrators.http import HttpCaller, refusal

NO_HEALTH_PATH = "default path"
"""What `DATABRICKS_HEALTH_PATH` says when nobody has set it: the orchestrator then counts as down."""

_TERMINATED = "TERMINATED"
_TERMINATION = {
    "SUCCESS": ExecutionState.CORRECT,
    "USER_CANCELED": ExecutionState.STOPPED,
}
"""What the code of a terminated run means; any other code is an error."""
_STATES = {
    "BLOCKED": ExecutionState.QUEUED,
    "PENDING": ExecutionState.QUEUED,
    "QUEUED": ExecutionState.QUEUED,
    "RUNNING": ExecutionState.RUNNING,
    "TERMINATING": ExecutionState.RUNNING,
    "SUCCESS": ExecutionState.CORRECT,
    "USER_CANCELED": ExecutionState.STOPPED,
    "OTHER_FINISH_ERROR": ExecutionState.ERROR,
    "RUN_EXECUTION_ERROR": ExecutionState.ERROR,
}
_EARLY = 60.0
"""Seconds before its expiry that a token is given up."""


class Databricks(Orchestrator):
    name = "Databricks"
    default_workflow = "979073949072767"
    can_stop = False
    account = "DATABRICKS_CLIENT_ID and DATABRICKS_AUTH_SECRET"

    def __init__(
        self,
        url: str | None,
        client_id: str | None,
        secret: str | None,
        token_endpoint: str | None,
        health_path: str,
        client: httpx.AsyncClient,
        timeout: float = 30.0,
    ) -> None:
        self._url = url or ""
        self._auth = httpx.BasicAuth(client_id or "", secret or "")
        self._token_url = f"{self._url}{token_endpoint or ''}"
        self._health_path = health_path
        self._caller = HttpCaller(self.name, client, timeout)
        self._token: str | None = None
        self._token_until = 0.0
        self._token_lock = asyncio.Lock()

    async def is_alive(self) -> bool:
        if self._health_path == NO_HEALTH_PATH:
            return False
        try:
            reply = await self._call(
                "GET", "/api/2.0/workspace/get-status", params={"path": self._health_path}
            )
            return "error_code" not in self._caller.document(reply)
        except OrchestratorError:
            return False

    async def workflow(self, workflow: str, *, checks: bool = False) -> Workflow:
        reply = await self._call("GET", "/api/2.1/jobs/get/", params={"job_id": workflow})
        if "error_code" in self._caller.document(reply):
            raise OrchestratorError("JOB not available")
        return Workflow(is_paused=False)

    async def run(
        self, workflow: str, execution_id: str, *, checks: bool = False, case_id: int | None = None
    ) -> str | None:
        # parity: the number of a case is not told (cornflow_client, Databricks.run_workflow)
        parameters = {"checks_and_kpis_only": checks, "execution_id": execution_id}
        body = {"job_id": workflow, "job_parameters": parameters}
        reply = await self._call("POST", "/api/2.1/jobs/run-now/", json=body)
        run_id = self._caller.document(reply).get("run_id")
        return None if run_id is None else str(run_id)

    async def state_of(self, workflow: str, run_id: str, *, checks: bool = False) -> ExecutionState:
        reply = await self._call("GET", "/api/2.1/jobs/runs/get", json={"run_id": run_id})
        try:
            status = self._caller.document(reply)["status"]
            if status["state"] != _TERMINATED:
                return _STATES.get(str(status["state"]), ExecutionState.UNKNOWN)
            code = status["termination_details"]["code"]
            return _TERMINATION.get(str(code), ExecutionState.ERROR)
        except (KeyError, TypeError) as error:
            raise self._caller.bad_reply("it does not tell the state of the run") from error

    async def stop(self, workflow: str, run_id: str | None, *, checks: bool = False) -> None:
        raise NotImplementedError("asked for although `can_stop` is false")

    async def _call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A reply with status 200. Raises OrchestratorError."""
        token = await self._valid_token()
        reply = await self._send(method, path, token, options)
        if reply.status_code == 401:
            # Refused, so nothing was done: once more with a new token.
            token = await self._valid_token(instead_of=token)
            reply = await self._send(method, path, token, options)
        if reply.status_code != 200:
            raise refusal(reply, self.name, self.account)
        return reply

    async def _send(
        self, method: str, path: str, token: str, options: dict[str, Any]
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return await self._caller.send(method, f"{self._url}{path}", headers=headers, **options)

    async def _valid_token(self, instead_of: str | None = None) -> str:
        async with self._token_lock:
            stale = self._token == instead_of or time.monotonic() >= self._token_until
            if self._token is None or stale:
                self._token = None
                self._token, lifetime = await self._new_token()
                self._token_until = time.monotonic() + lifetime - _EARLY
            return self._token

    async def _new_token(self) -> tuple[str, float]:
        """A token and the seconds it lives; none told means that it is used once."""
        asked = {"grant_type": "client_credentials", "scope": "all-apis"}
        reply = await self._caller.send("POST", self._token_url, data=asked, auth=self._auth)
        if reply.status_code >= 300:
            raise refusal(reply, self.name, self.account)
        document = self._caller.document(reply)
        if "access_token" not in document:
            raise self._caller.bad_reply("it has no 'access_token'")
        lifetime = document.get("expires_in")
        seconds = float(lifetime) if isinstance(lifetime, int | float) else 0.0
        return str(document["access_token"]), seconds
