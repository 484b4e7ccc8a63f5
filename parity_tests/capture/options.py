"""What a replay is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from parity_tests.capture.schedule import Order
from parity_tests.journeys.model import Profile


@dataclass(frozen=True)
class ReplayOptions:
    captures: tuple[Path, ...]
    database: str = "sqlite"
    seed: str | None = None
    """The URL of a database that is copied in place of the configuration's seed."""
    parallel: int = 1
    order: Order = Order.RECORDED
    rows: bool = True
    state: Path | None = None
    limit: int | None = None
    users: Mapping[str, str] = field(default_factory=dict)
    everybody: str | None = None
    profile: Profile = field(default_factory=Profile)
    max_drift: float = 0.1
    fail_fast: bool = False
    keep: bool = False
    legacy: str | None = None
    ported: str | None = None
    legacy_db: str | None = None
    ported_db: str | None = None
    today: date = field(default_factory=date.today)
