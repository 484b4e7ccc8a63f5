"""The real pair with bugs that can be planted in the port while it serves. Only a rehearsal uses it.

`CUTOVER_ASSEMBLY=cornflow_cutover.rehearsal.bugs:assemble`; the file that `REHEARSAL_BUGS` names
holds the names of the planted ones, a line each.
"""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cornflow_cutover.assembly import assemble as assemble_cornflow
from legacy_bridge.assembly import Assembly


@dataclass(frozen=True)
class Bug:
    """A mistake of the port at one operation."""

    name: str
    operation: str
    about: str
    method: str
    path: re.Pattern[str]


WRONG_REPLY = Bug(
    "wrong-reply",
    "GET /case/<int:idx>/",
    "the port says another schema than the case has",
    "GET",
    re.compile(r"/case/\d+/"),
)
FAILS = Bug(
    "fails",
    "PUT /instance/<string:idx>/",
    "the port fails before it has written",
    "PUT",
    re.compile(r"/instance/[^/]+/"),
)
BUGS = (WRONG_REPLY, FAILS)


class PlantedError(RuntimeError):
    """The planted bug that fails."""


class Saboteur:
    """The port with the bugs that are planted now."""

    def __init__(self, port: ASGIApp, file: Path) -> None:
        self._port = port
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        bug = self._planted(scope) if scope["type"] == "http" else None
        if bug is FAILS:
            raise PlantedError(bug.about)
        await self._port(scope, receive, send if bug is None else _with_another_schema(send))

    def _planted(self, scope: Scope) -> Bug | None:
        for bug in BUGS:
            if scope["method"] == bug.method and bug.path.fullmatch(scope["path"]):
                try:
                    names = self._file.read_text().split()
                except OSError:
                    return None
                return bug if bug.name in names else None
        return None


def _with_another_schema(send: Send) -> Send:
    """Letters are exchanged, so the length stays."""

    async def send_wrong(message: Message) -> None:
        body = message.get("body", b"")
        if body:
            message = {**message, "body": body.replace(b'"rehearsal"', b'"lasraeher"')}
        await send(message)

    return send_wrong


def assemble() -> Assembly:
    made = assemble_cornflow()
    return replace(made, ported=Saboteur(made.ported, Path(os.environ["REHEARSAL_BUGS"])))
