"""Accepted differences: which there are, which a difference falls under, which are worn out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from parity_core.compare.places import operation_matches, place_matches
from parity_core.model import MISSING, Difference, Pair, Waiver, same

_REQUIRED = ("operation", "place", "owner", "reason", "expires")
_CONDITIONS = ("legacy_status", "ported_status", "legacy", "ported", "database", "path")


def parse(table: dict[str, Any]) -> Waiver:
    missing = [key for key in _REQUIRED if not table.get(key)]
    if missing:
        raise ValueError(f"{', '.join(missing)} missing; a waiver has {', '.join(_REQUIRED)}")
    unknown = table.keys() - {*_REQUIRED, *_CONDITIONS}
    if unknown:
        raise ValueError(f"unknown key {', '.join(sorted(unknown))}")
    if not isinstance(table["expires"], date):
        raise ValueError("`expires` is a date without quotes, as 2027-01-31")
    places = table["place"]
    return Waiver(
        operation=table["operation"],
        places=tuple(places) if isinstance(places, list) else (places,),
        owner=table["owner"],
        reason=table["reason"],
        expires=table["expires"],
        legacy_status=table.get("legacy_status"),
        ported_status=table.get("ported_status"),
        legacy=table.get("legacy", MISSING),
        ported=table.get("ported", MISSING),
        database=table.get("database"),
        path=table.get("path"),
    )


def covers(waiver: Waiver, pair: Pair, difference: Difference, database: str, today: date) -> bool:
    if waiver.expires < today or waiver.database not in (None, database):
        return False
    if not operation_matches(waiver.operation, pair.operation.label):
        return False
    if not any(place_matches(place, difference.place) for place in waiver.places):
        return False
    if waiver.path and not operation_matches(waiver.path, pair.legacy.request.path):
        return False
    if waiver.legacy_status not in (None, pair.legacy.reply.status):
        return False
    if waiver.ported_status not in (None, pair.ported.reply.status):
        return False
    return all(
        wanted is MISSING or same(wanted, value)
        for wanted, value in (
            (waiver.legacy, difference.legacy),
            (waiver.ported, difference.ported),
        )
    )


def find(
    waivers: Sequence[Waiver], pair: Pair, difference: Difference, database: str, today: date
) -> Waiver | None:
    """The first waiver that covers a difference, marked as used."""
    for waiver in waivers:
        if covers(waiver, pair, difference, database, today):
            waiver.used += 1
            return waiver
    return None


def problems(waivers: Iterable[Waiver], database: str, today: date, complete: bool) -> list[str]:
    """Why the waivers themselves fail a run: expired ones always, unused ones on a complete run."""
    told = []
    for waiver in waivers:
        if waiver.expires < today:
            told.append(f"expired on {waiver.expires}: {waiver}")
        elif complete and not waiver.used and waiver.database in (None, database):
            told.append(f"unused, so remove it: {waiver}")
    return told
