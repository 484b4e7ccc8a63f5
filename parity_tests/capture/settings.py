"""The table `[capture]` of a configuration: who a recorded user is, and which values of requests are ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from parity_core.compare.rules import Rule, RuleKind, Rules
from parity_tests.config import Config
from parity_tests.parity_toml import CaptureIdTable


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
    table = config.capture
    return CaptureSettings(
        users=table.users,
        mint=table.mint,
        secret=table.secret,
        password=table.password,
        ids=Rules([_id(one) for one in table.id]),
    )


def _id(table: CaptureIdTable) -> Rule:
    return Rule(table.place, RuleKind.ID, table.operation, table.kind.removeprefix("id:"))
