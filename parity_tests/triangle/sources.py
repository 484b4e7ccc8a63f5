"""Where the two descriptions come from: files, addresses, or the stacks of the configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from parity_core.model import ParityError, Request, Side
from parity_tests.config import Config
from parity_tests.journeys.model import Profile
from parity_tests.report.listening import Voice
from parity_tests.stage import databases
from parity_tests.stage.stage import open_stage
from parity_tests.stage.workplace import workplace
from parity_tests.triangle.compare import Accepted


def load(
    config: Config, places: Mapping[Side, str | None], voice: Voice
) -> dict[Side, dict[str, Any]]:
    """Both descriptions; for one that is not given both stacks are started, and it is asked for."""
    documents = {side: _read(where) for side, where in places.items() if where}
    missing = [side for side in Side if side not in documents]
    if missing:
        paths = _paths(config)
        with workplace(False) as folder:
            made = databases.create("sqlite", folder, "parity_triangle")
            try:
                voice.message("starting both stacks for their descriptions")
                made.seed(config)
                with open_stage(config, Profile(), made, "d", folder) as stage:
                    for side in missing:
                        world = stage.legacy if side is Side.LEGACY else stage.ported
                        reply = world.send(Request("GET", paths[side]))
                        where = f"{paths[side]} of the {side} stack"
                        if reply.status != 200:
                            raise ParityError(f"{where} answers {reply.status or reply.error}")
                        documents[side] = _json(where, reply.body)
            finally:
                made.close()
    return documents


def accepted(config: Config) -> list[Accepted]:
    """`[[documents.accepted]]` of the configuration: `operation`, `name` (globs) and `reason`."""
    return [Accepted(one.operation, one.name, one.reason) for one in config.documents.accepted]


def _paths(config: Config) -> dict[Side, str]:
    """`[documents]` of the configuration: `legacy = "/swagger/"`, `ported = "/openapi.json"`."""
    legacy, ported = config.documents.legacy, config.documents.ported
    if legacy is None or ported is None:
        raise ParityError(
            f"{config.path} has no [documents] with `legacy` and `ported`, the paths of the "
            "descriptions; or give --legacy-document and --ported-document"
        )
    return {Side.LEGACY: legacy, Side.PORTED: ported}


def _read(where: str) -> dict[str, Any]:
    if where.startswith(("http://", "https://")):
        try:
            reply = httpx.get(where, timeout=30, follow_redirects=True).raise_for_status()
        except httpx.HTTPError as error:
            raise ParityError(f"{where} can not be read: {error}") from None
        return _json(where, reply.content)
    try:
        return _json(where, Path(where).read_bytes())
    except OSError as error:
        raise ParityError(f"the description can not be read: {error}") from None


def _json(where: str, raw: bytes) -> dict[str, Any]:
    try:
        document = json.loads(raw)
    except ValueError as error:
        raise ParityError(f"{where} is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise ParityError(f"{where} is no description")
    return document
