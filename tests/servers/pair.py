"""The legacy and the port as processes, on equal databases, asked the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parity_core.model import Request
from parity_tests.config import DEFAULT, load
from parity_tests.journeys.model import Profile
from parity_tests.stage.databases import SqliteDatabases
from parity_tests.stage.stage import Stage, open_stage
from parity_tests.stage.world import World


@dataclass(frozen=True)
class Answer:
    status: int | None
    body: Any
    rows: tuple[tuple[str, str], ...]
    """Tables and kinds of change, in the order of the keys."""
    written: tuple[Mapping[str, Any], ...]

    @property
    def error(self) -> Any:
        return self.body.get("error")


@dataclass(frozen=True)
class Answers:
    legacy: Answer
    port: Answer

    @property
    def statuses(self) -> tuple[int | None, int | None]:
        return self.legacy.status, self.port.status


class Pair:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def ask(self, method: str, path: str, body: Any = None, token: str | None = None) -> Answers:
        headers = [("Host", "127.0.0.1"), ("Content-Type", "application/json")]
        if token is not None:
            headers.append(("Authorization", f"Bearer {token}"))
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            headers.append(("Content-Length", str(len(content))))
        request = Request(method, path, tuple(headers), content)

        def ask(world: World) -> Answer:
            assert world.reader is not None
            world.reader.start()
            reply = world.send(request)
            changes = world.reader.changes()
            return Answer(
                reply.status,
                json.loads(reply.body) if reply.body else reply.error,
                tuple((row.table, str(row.change)) for row in changes),
                tuple(row.columns for row in changes),
            )

        return Answers(*self.stage.both(ask))

    def log_in(
        self, username: str = "", password: str = "", *, token: str | None = None
    ) -> Answers:
        named = {"username": username, "password": password} if username else {}
        return self.ask("POST", "/login/", named, token)


@contextmanager
def pair_of_stacks(folder: Path, settings: Mapping[str, str]) -> Iterator[Pair]:
    """Seeded as for the journeys: admin, planner, viewer, service_user."""
    config = load(DEFAULT)
    made = SqliteDatabases(folder)
    made.seed(config)
    profile = Profile(tuple(sorted(settings.items())))
    with open_stage(config, profile, made, "pair", folder) as stage:
        yield Pair(stage)
    made.close()
