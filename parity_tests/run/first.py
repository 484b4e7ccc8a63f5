"""The first exchange of a run: the seed, made by each stack's own commands."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass

from parity_core.compare.correspond import Window
from parity_core.compare.rules import Rules
from parity_core.model import (
    Attribution,
    Difference,
    Exchange,
    Pair,
    Place,
    Reply,
    Request,
    Side,
)
from parity_tests.config import Config
from parity_tests.run.seeds import Seed, compare
from parity_tests.stage.databases import Databases
from parity_tests.stage.rows.reader import RowReader

LABEL = "SEED /"


def first(
    config: Config, made: Databases, filled: str, rules: Rules
) -> tuple[Pair, list[Difference]]:
    """Compares a database that the legacy's commands have filled, by its URL, with the seed, which `made` has.

    The former is dropped.
    """
    return judge(config, _taken(made, filled, time.time()), made.seed_url, rules)


@dataclass(frozen=True)
class LegacySeed:
    """What the legacy's commands made: any number of the port's seeds can be compared with it."""

    rows: Seed
    started: float
    """Seconds since the epoch."""


def legacy_seed(config: Config, made: Databases) -> LegacySeed:
    """Of a database that is gone afterwards. ParityError when the commands fail."""
    started = time.time()
    return _taken(made, made.seed_by_legacy(config), started)


def _taken(made: Databases, url: str, started: float) -> LegacySeed:
    """Its rows; the database is dropped."""
    try:
        return LegacySeed(_read(url, ()), started)
    finally:
        made.drop(url)


def judge(
    config: Config,
    legacy: LegacySeed,
    url: str,
    rules: Rules,
    started: float | None = None,
) -> tuple[Pair, list[Difference]]:
    """The database that the port's commands filled from `started` on: as a rule when the legacy's did."""
    ported = _read(url, config.seed.ported_only)
    moments = {Side.LEGACY: legacy.started, Side.PORTED: started or legacy.started}
    ended = time.time()
    legacy_side, ported_side = (
        Exchange(
            side,
            f"the {side} stack's own commands",
            Request("SEED", "/"),
            Reply(200),
            moments[side],
            ended,
            replied=ended,
        )
        for side in Side
    )
    pair = Pair(
        "seed",
        1,
        f"{config.path.name}: [seed]",
        Attribution(LABEL, Place.SEED),
        legacy_side,
        ported_side,
        note="made by the commands of each stack",
    )
    # how long seeding takes is nobody's promise
    window = Window(moments[Side.LEGACY], moments[Side.PORTED], 1, _HOUR, _HOUR)
    return pair, compare(legacy.rows, ported, rules, window, config.environment)


_HOUR = 3600.0


def _read(url: str, ignored: tuple[str, ...]) -> Seed:
    with ExitStack() as stack:
        reader = RowReader(url, ignored)
        stack.callback(reader.close)
        return reader.rows()
