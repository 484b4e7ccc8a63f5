"""The first exchange of a run: the seed, made by each stack's own commands."""

from __future__ import annotations

import time
from contextlib import ExitStack

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
    started = time.time()
    try:
        legacy = _read(filled, ())
        ported = _read(made.seed_url, config.seed.ported_only)
    finally:
        made.drop(filled)
    ended = time.time()
    legacy_side, ported_side = (
        Exchange(
            side,
            f"the {side} stack's own commands",
            Request("SEED", "/"),
            Reply(200),
            started,
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
    # both were made in the last minutes: how long seeding takes is nobody's promise
    window = Window(started, started, 1, _HOUR, _HOUR)
    return pair, compare(legacy, ported, rules, window, config.environment)


_HOUR = 3600.0


def _read(url: str, ignored: tuple[str, ...]) -> Seed:
    with ExitStack() as stack:
        reader = RowReader(url, ignored)
        stack.callback(reader.close)
        return reader.rows()
