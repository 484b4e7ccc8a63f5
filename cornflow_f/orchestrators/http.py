"""One call to an orchestrator over HTTP: time-outs, retries where they are safe, errors in words.

A call that never reached the server is tried again, whatever it is. A connection that broke later is
tried again only for calls that change nothing or may be repeated. A time-out is never tried again:
the client's patience is used up, and the server may be at work.
"""

import asyncio
from typing import Any

import httpx

from cornflow_f import shadowing
from cornflow_f.errors import OrchestratorError

_ATTEMPTS = 2
REFUSES = frozenset((401, 403))
"""What an orchestrator says to an account that it does not know, or that may not do this."""
_PAUSE = 0.1
"""Seconds between attempts."""
_CONNECT_TIMEOUT = 5.0
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout)
_BROKEN = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
_REPEATABLE = frozenset(("GET", "PATCH"))
"""PATCH only ever sets a run to failed: doing it twice is doing it once."""


class NoReply(OrchestratorError):
    """The orchestrator could not be asked, or did not answer in time."""


class BadReply(OrchestratorError):
    """The orchestrator answered something that can't be understood."""


class AccountRefused(OrchestratorError):
    """The orchestrator refuses this server's own name and password: nothing that a client can mend."""


class HttpCaller:
    """Sends requests to one server. `name` is what messages call the server."""

    def __init__(self, name: str, client: httpx.AsyncClient, timeout: float) -> None:
        self._name = name
        self._client = client
        self._timeout = httpx.Timeout(timeout, connect=min(timeout, _CONNECT_TIMEOUT))

    async def send(self, method: str, url: str, **options: Any) -> httpx.Response:
        """The reply, whatever its status. Raises NoReply."""
        isolation = shadowing.current()
        client = self._client if isolation is None else isolation.http_client
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await client.request(
                    method, url, timeout=self._timeout, follow_redirects=True, **options
                )
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                if attempt == _ATTEMPTS or not _may_repeat(method, error):
                    words = f"{self._name} is not reachable ({type(error).__name__})"
                    raise NoReply(words, log=f"{words}: {method} {url}: {error}") from error
            await asyncio.sleep(_PAUSE)
        raise AssertionError("unreachable")

    def document(self, reply: httpx.Response) -> dict[str, Any]:
        """The JSON object in a reply. Raises BadReply."""
        try:
            document = reply.json()
        except ValueError as error:
            raise self.bad_reply("it is not JSON") from error
        if not isinstance(document, dict):
            raise self.bad_reply("it is no JSON object")
        return document

    def bad_reply(self, why: str) -> BadReply:
        return BadReply(f"{self._name} sent a reply that can't be understood: {why}")


def refusal(reply: httpx.Response, server: str, account: str) -> OrchestratorError:
    """The error for a status that is not the expected one: the server's own text and status.

    A 401 or 403 looks to a client like one of its own; the log says whose it is, by the settings in `account`.
    """
    # parity: the orchestrator's status becomes that of our reply, 5xx too (cornflow_client, OrchError)
    status = reply.status_code if reply.status_code >= 400 else 400
    if status in REFUSES:
        # Airflow 2 says 403 to a wrong password, too: it takes us for somebody without an account
        words = (
            f"{server} refuses the account of this server (HTTP {status}), not that of the client: "
            f"check {account}, and what that account may do"
        )
        return AccountRefused(
            reply.text, status=status, log=f"{words}. It says: {reply.text[:500]}"
        )
    return OrchestratorError(reply.text, status=status)


def _may_repeat(method: str, error: Exception) -> bool:
    if isinstance(error, _NOT_SENT):
        return True
    return isinstance(error, _BROKEN) and method in _REPEATABLE
