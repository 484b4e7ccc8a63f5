"""A journey: an ordered list of requests with captured values, and the settings it is played under."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from parity_core.model import MISSING, Json


@dataclass(frozen=True)
class Wait:
    pointer: str
    until: tuple[Json, ...]
    timeout: float = 60.0


@dataclass(frozen=True)
class Step:
    """One request of a journey, before its templates are filled."""

    method: str
    target: str
    line: int
    user: Json = None
    """A role's name, None for nobody, or a mapping (`token`, `authorization`, `minted`, `login`); or a session."""
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Json = MISSING
    form: Mapping[str, Json] | None = None
    body: str | bytes | None = None
    content_type: str | None = None
    encoding: str | None = None
    capture: Mapping[str, str] = field(default_factory=dict)
    wait: Wait | None = None
    days_later: int = 0
    """Days that pass before the request: all times in both databases become so much older."""
    note: str = ""


@dataclass(frozen=True)
class Journey:
    name: str
    path: Path
    steps: tuple[Step, ...]
    about: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    services: tuple[str, ...] = ()

    @property
    def profile(self) -> Profile:
        return Profile(tuple(sorted(self.settings.items())), tuple(sorted(self.services)))


@dataclass(frozen=True, order=True)
class Profile:
    """What two processes need to be told; journeys with equal profiles share a pair of processes."""

    settings: tuple[tuple[str, str], ...] = ()
    services: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"{k}={v}" for k, v in self.settings] + list(self.services)
        return ", ".join(parts) or "default settings"
