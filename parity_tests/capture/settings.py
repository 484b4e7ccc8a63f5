"""The table `[capture]` of a configuration: who a recorded user is, and which values of requests are ids."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from parity_core.compare.rules import Rule, Rules, parse
from parity_core.model import ParityError
from parity_tests.config import Config

_KEYS = {"users", "mint", "secret", "password", "id"}


@dataclass(frozen=True)
class CaptureSettings:
    users: Mapping[str, str] = field(default_factory=dict)
    """A fingerprint or a recorded name, to a seeded user's name or to a name that tokens are minted for."""
    mint: Mapping[str, Any] | None = None
    """The claims of a token; `${username}` is whose."""
    secret: str = ""
    """The variable of [environment] that signs minted tokens."""
    password: str = "Replayed-pw1!"
    """Stands for a recorded password that nobody knows any more."""
    ids: Rules = field(default_factory=Rules)
    """Ids in requests: `path/<name>`, `query/<name>`, `body/<pointer>`."""


def load(config: Config) -> CaptureSettings:
    """What an older file does not have is the default."""
    table = tomllib.loads(config.path.read_text(encoding="utf-8")).get("capture", {})
    try:
        unknown = table.keys() - _KEYS
        if unknown:
            raise ValueError(f"unknown key {', '.join(sorted(unknown))}")
        return CaptureSettings(
            users=dict(table.get("users", {})),
            mint=table.get("mint"),
            secret=table.get("secret", ""),
            password=table.get("password", CaptureSettings.password),
            ids=Rules([_id(entry) for entry in table.get("id", ())]),
        )
    except (KeyError, ValueError, AttributeError, TypeError) as error:
        raise ParityError(f"{config.path}: [capture]: {error}") from None


def _id(entry: dict[str, Any]) -> Rule:
    return parse({**entry, "kind": f"id:{entry['kind'].removeprefix('id:')}"})
