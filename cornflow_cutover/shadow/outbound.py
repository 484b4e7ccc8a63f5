"""What the legacy said to others while it answered, and the same answers for the port.

The legacy speaks to orchestrators through requests and to the mail server through smtplib. While a
request is recorded, its calls and their answers are noted; the port, asked in isolation, gets the same
answers again. Nothing is sent twice.
"""

import json
import smtplib
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from legacy_bridge.shadow.rows.recording import Call, Mail, Recording, current

_DROPPED = ("content-encoding", "content-length", "transfer-encoding", "connection")
_TALK = ("health", "/auth/token", "/oidc/", "get-status")
"""Calls that find out how to talk: not compared, as each stack remembers the answer its own way."""

_installed = False


def install() -> None:
    """Hooks into requests and smtplib, once."""
    global _installed
    if _installed:
        return
    _installed = True
    from requests.adapters import HTTPAdapter

    adapter: Any = HTTPAdapter
    smtp: Any = smtplib.SMTP
    adapter.send = _noting_calls(adapter.send)
    smtp.sendmail = _noting_mails(smtp.sendmail)
    smtp.connect = _noting_failure(smtp.connect)
    smtp.login = _noting_failure(smtp.login)


def _recording() -> Recording | None:
    recording = current()
    return recording if recording is not None and recording.watching else None


def _noting_calls(send: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(send)
    def noting(adapter: Any, request: Any, *args: Any, **options: Any) -> Any:
        recording = _recording()
        if recording is None:
            return send(adapter, request, *args, **options)
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else bytes(body)
        try:
            reply = send(adapter, request, *args, **options)
            content = reply.content
        except Exception as error:
            failed = Call(request.method, request.url, body, None, error=type(error).__name__)
            recording.calls.append(failed)
            raise
        recording.calls.append(
            Call(request.method, request.url, body, reply.status_code, dict(reply.headers), content)
        )
        return reply

    return noting


def _noting_mails(sendmail: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(sendmail)
    def noting(server: Any, sender: str, to: Any, message: Any, *args: Any, **options: Any) -> Any:
        recording = _recording()
        try:
            done = sendmail(server, sender, to, message, *args, **options)
        except Exception:
            if recording is not None:
                recording.mail_failed = True
            raise
        if recording is not None:
            receivers = [to] if isinstance(to, str) else list(to)
            content = message.encode() if isinstance(message, str) else bytes(message)
            recording.mails.append(Mail(sender, receivers, content))
        return done

    return noting


def _noting_failure(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def noting(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except Exception:
            recording = _recording()
            if recording is not None:
                recording.mail_failed = True
            raise

    return noting


class Replayed(httpx.AsyncBaseTransport):
    """Answers as the legacy was answered. `calls` are what was asked here."""

    def __init__(self, recorded: Iterable[Call]) -> None:
        self._left = list(recorded)
        self._used: list[Call] = []
        self.calls: list[Call] = []
        self.unknown: list[str] = []
        """Questions whose answer nobody knows: the legacy has not asked them."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        url = str(request.url)
        known = self._known(request.method, url)
        if known is None:
            self.calls.append(Call(request.method, url, body, None))
            if request.method == "GET" or is_talk(url):
                self.unknown.append(f"{request.method} {urlsplit(url).path}")
            raise httpx.ConnectError("in isolation nobody knows the answer", request=request)
        self.calls.append(Call(request.method, url, body, known.status))
        if known.status is None:
            raise httpx.ConnectError(known.error, request=request)
        headers = {k: v for k, v in known.headers.items() if k.lower() not in _DROPPED}
        return httpx.Response(known.status, headers=headers, content=known.content, request=request)

    def _known(self, method: str, url: str) -> Call | None:
        wanted = _address(method, url)
        for call in self._left:
            if _address(call.method, call.url) == wanted:
                self._left.remove(call)
                self._used.append(call)
                return call
        if method != "GET":
            return None
        return next((c for c in reversed(self._used) if _address(c.method, c.url) == wanted), None)


def _address(method: str, url: str) -> tuple[Any, ...]:
    parts = urlsplit(url)
    query = tuple(sorted((k, tuple(v)) for k, v in parse_qs(parts.query).items()))
    return method, parts.netloc, unquote(parts.path), query


def is_talk(url: str) -> bool:
    path = urlsplit(url).path
    return any(word in path for word in _TALK)


def effects(calls: Iterable[Call], services: Mapping[str, str]) -> dict[str, list[Any]]:
    """Calls by service, as the comparison describes them. `services`: names by the address they are at."""
    calls_of: dict[str, list[Call]] = {}
    for call in calls:
        name = next((n for base, n in services.items() if call.url.startswith(base)), None)
        if name is not None and not is_talk(call.url):
            calls_of.setdefault(name, []).append(call)
    return {name: [_as_row(call) for call in _ordered(some)] for name, some in calls_of.items()}


def _ordered(calls: Iterable[Call]) -> list[Call]:
    """Reads in a row have no order."""
    ordered: list[Call] = []
    reads: list[Call] = []
    for call in calls:
        if call.method == "GET":
            reads.append(call)
            continue
        ordered += [*sorted(reads, key=lambda read: read.url), call]
        reads = []
    return ordered + sorted(reads, key=lambda read: read.url)


def _as_row(call: Call) -> dict[str, Any]:
    parts = urlsplit(call.url)
    try:
        body = json.loads(call.body) if call.body else None
    except ValueError:
        body = call.body.decode(errors="replace")
    return {
        "method": call.method,
        "path": unquote(parts.path),
        "query": parse_qs(parts.query),
        "body": body,
    }
