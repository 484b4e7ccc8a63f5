"""What servers and WSGI adapters get wrong about requests, put right before either stack sees them.

Here: header fields and the mount point, both pure, and the lifespan of apps that are not the server's
own. Bodies are in `spool.py`.
"""

import asyncio
import contextlib
import re
from collections.abc import Iterable
from random import getrandbits
from typing import Any, NamedTuple, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from legacy_bridge.operations.match import path_below

Headers = list[tuple[bytes, bytes]]

REQUEST_ID = b"x-request-id"
FORCE_STACK = b"x-force-stack"

_SAFE_ID = re.compile(rb"[A-Za-z0-9._:+/=@-]{1,128}")


class Fields(NamedTuple):
    """A request's header fields, put right, and what the bridge itself reads of them."""

    headers: Headers
    request_id: bytes
    force: bytes | None
    has_body: bool


def put_right(headers: Iterable[tuple[bytes, bytes]]) -> Fields:
    """Drops names with underscores, joins cookies that arrived split, makes sure of a request id.

    `X_Role` would become the same WSGI variable as `X-Role`, so a proxy that guards one is walked
    around with the other; gunicorn and nginx drop such names too. HTTP/2 may split cookies, which
    WSGI adapters join by a comma. A request id is kept when it can't forge log lines.
    """
    kept: Headers = [*headers]
    known = dict(kept)
    if len(known) != len(kept) or b"_" in b"".join(known):
        # Seldom: some name comes twice, or has an underscore.
        kept = _tidied(kept)
        known = dict(kept)
    request_id = known.get(REQUEST_ID)
    if request_id is None or not _SAFE_ID.fullmatch(request_id):
        if request_id is not None:
            kept = [field for field in kept if field[0] != REQUEST_ID]
        # To tell requests apart; nobody is kept out by it, so it need not be hard to guess.
        request_id = b"%016x" % getrandbits(64)
        kept.append((REQUEST_ID, request_id))
    return Fields(kept, request_id, known.get(FORCE_STACK), has_body(kept))


def has_body(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether an HTTP/1 request says that a body follows."""
    for name, value in headers:
        if name == b"transfer-encoding" or (name == b"content-length" and value != b"0"):
            return True
    return False


def _tidied(headers: Headers) -> Headers:
    """Without underscores, with one cookie field and one request id, which is the last."""
    kept: Headers = []
    cookies: list[bytes] = []
    request_id: bytes | None = None
    for field in headers:
        name = field[0]
        if name == b"cookie":
            cookies.append(field[1])
        elif name == REQUEST_ID:
            request_id = field[1]
        elif b"_" not in name:
            kept.append(field)
    if cookies:
        kept.append((b"cookie", b"; ".join(cookies)))
    if request_id is not None:
        kept.append((REQUEST_ID, request_id))
    return kept


class Mount(NamedTuple):
    """A request's path, split as WSGI splits it."""

    script_name: str
    path_info: str


def mount_point(scope: Scope) -> Mount:
    """Where the server mounts us and what is left of the path.

    Adapters compare the two as plain text, so that root path `/api` makes `v2/x` of `/apiv2/x`, and
    let the variable SCRIPT_NAME of the process override the mount.
    """
    path: str = scope["path"]
    root: str = scope.get("root_path", "").rstrip("/")
    below = path_below(path, root) if root else None
    return Mount("", path) if below is None else Mount(root, below)


def path_info(scope: Scope) -> str:
    """The path below the mount."""
    if not scope.get("root_path"):
        return cast(str, scope["path"])
    return mount_point(scope).path_info


class LifespanError(RuntimeError):
    """An app refused to start."""


class Lifespan:
    """Runs the lifespan of an app that has one, and does nothing for one that has none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._started = asyncio.Event()
        self._stopped = asyncio.Event()
        self._failure: str | None = None
        self._task: asyncio.Task[None] | None = None
        self.state: dict[str, Any] = {}
        """What the app gave its requests at start-up."""

    async def startup(self) -> None:
        self._task = asyncio.create_task(self._run(), name="lifespan")
        await self._to_app.put({"type": "lifespan.startup"})
        await self._started.wait()
        if self._failure is not None:
            raise LifespanError(self._failure)

    async def shutdown(self) -> None:
        if self._task is None or self._task.done():
            return
        await self._to_app.put({"type": "lifespan.shutdown"})
        await self._stopped.wait()
        with contextlib.suppress(Exception):
            await self._task
        if self._failure is not None:
            raise LifespanError(self._failure)

    async def _run(self) -> None:
        scope: Scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        try:
            await self._app(scope, self._to_app.get, self._send)
        except Exception:
            # ASGI: an app that raises here, before it has spoken, has no lifespan.
            if self._started.is_set() and self._failure is None and not self._stopped.is_set():
                self._failure = "the app's lifespan ended with an error"
        finally:
            self._started.set()
            self._stopped.set()

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind.endswith(".failed"):
            self._failure = message.get("message") or f"the app says {kind}"
        if kind.startswith("lifespan.startup"):
            self._started.set()
        elif kind.startswith("lifespan.shutdown"):
            self._stopped.set()


async def refuse_websocket(receive: Receive, send: Send) -> None:
    """Closing before accepting: the client sees HTTP 403."""
    await receive()
    await send({"type": "websocket.close", "code": 1000, "reason": ""})
