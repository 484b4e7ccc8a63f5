"""Accepted differences: which there are, which a difference falls under, which are worn out.

A waiver says the replies that it accepts, or one value, row or call of them; it accepts nothing that it does
not say. What a request did (rows, mails, calls) is never accepted with its reply.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from parity_core.compare.expectation import ExpectedReply, ExpectedRow, RequestPattern, expected
from parity_core.compare.places import operation_matches
from parity_core.compare.scopes import EffectScope, ReplyScope, RowScope, ValueScope
from parity_core.model import Difference, Finding, Pair, Scope, Waiver

_REQUIRED = ("operation", "owner", "reason", "expires", "legacy", "ported")
_CONDITIONS = (
    "place",
    "request",
    "database",
    "legacy_status",
    "ported_status",
    "at_most",
    "at_once",
)
_REPLY = ("status", "header", "body")


def parse(table: dict[str, Any], where: str = "") -> Waiver:
    missing = [key for key in _REQUIRED if key not in table or table[key] == ""]
    if missing:
        raise ValueError(f"{', '.join(missing)} missing; a waiver has {', '.join(_REQUIRED)}")
    unknown = table.keys() - {*_REQUIRED, *_CONDITIONS}
    if unknown:
        raise ValueError(f"unknown key {', '.join(sorted(unknown))}")
    if not isinstance(table["expires"], date):
        raise ValueError("`expires` is a date without quotes, as 2027-01-31")
    if not re.search(r"[A-Za-z]", table["operation"]):
        raise ValueError(f'`operation = "{table["operation"]}"` is every operation: say which')
    return Waiver(
        operation=table["operation"],
        scope=_scope(table),
        request=RequestPattern.parse(table.get("request", {})),
        owner=table["owner"],
        reason=table["reason"],
        expires=table["expires"],
        database=table.get("database"),
        at_once=table.get("at_once", False),
        where=where,
    )


def _scope(table: dict[str, Any]) -> Scope:
    legacy, ported = table["legacy"], table["ported"]
    statuses = {key: table[key] for key in ("legacy_status", "ported_status") if key in table}
    most = {"at_most": table["at_most"]} if "at_most" in table else {}
    if "place" not in table:
        if statuses or most:
            raise ValueError(
                "`at_most` and the statuses beside `legacy` and `ported` need a `place`"
            )
        return ReplyScope(
            ExpectedReply.parse(legacy, "legacy"), ExpectedReply.parse(ported, "ported")
        )
    places = table["place"] if isinstance(table["place"], list) else [table["place"]]
    if wide := [place for place in places if "*" in place.partition("/")[0]]:
        raise ValueError(
            f'`place = "{wide[0]}"` covers whatever differs, rows and outgoing calls too: leave `place` out '
            "for a reply and say both (`legacy = { status = 500, body = … }`, `ported = …`); a row or a "
            "call needs a waiver of its own, with its values"
        )
    roots = {place.partition("/")[0] for place in places}
    if roots <= {*_REPLY} or all(
        re.fullmatch(r"rows/[^/*]+/[^/]+/[^*]+", place) for place in places
    ):
        return ValueScope(tuple(places), expected(legacy), expected(ported), **statuses)
    if len(places) != 1:
        raise ValueError("a waiver of a row or of a call has one `place`")
    (place,) = places
    if roots == {"rows"}:
        table_name = re.fullmatch(r"rows/([^/*]+)", place)
        if table_name is None:
            raise ValueError(
                f"`{place}` names no table (`rows/users`) and no column (`rows/users/*/email`)"
            )
        return RowScope(
            table_name[1],
            ExpectedRow.parse(legacy, "legacy"),
            ExpectedRow.parse(ported, "ported"),
            **statuses,
            **most,
        )
    if "**" in place:
        raise ValueError(f"`{place}` is no single thing that left a stack, as `mail/*` is")
    return EffectScope(place, expected(legacy), expected(ported), **statuses, **most)


def covers(waiver: Waiver, pair: Pair, difference: Difference, database: str, today: date) -> bool:
    return (
        waiver.expires >= today
        and waiver.database in (None, database)
        and (pair.clients > 1 or not waiver.at_once)
        and operation_matches(waiver.operation, pair.operation.label)
        and waiver.request.accepts(pair.legacy.request)
        and waiver.scope.covers(pair, difference)
    )


def accept(
    waivers: Sequence[Waiver],
    pair: Pair,
    differences: Iterable[Difference],
    database: str,
    today: date,
) -> list[Finding]:
    """All differences of a pair, each with the first waiver that covers it, which counts it."""
    taken: Counter[int] = Counter()
    findings = []
    for difference in differences:
        waiver = None
        for one in waivers:
            most = one.scope.at_most
            if most is not None and taken[id(one)] >= most:
                continue
            if covers(one, pair, difference, database, today):
                waiver = one
                waiver.used += 1
                taken[id(one)] += 1
                break
        findings.append(Finding(pair, difference, waiver))
    return findings


def problems(waivers: Iterable[Waiver], database: str, today: date, complete: bool) -> list[str]:
    """Why the waivers themselves fail a run: expired ones always, unused ones on a complete run."""
    lines = []
    for waiver in waivers:
        if waiver.expires < today:
            lines.append(f"expired on {waiver.expires}: {waiver}")
        elif waiver.at_once:
            # no journey sends two requests at once
            continue
        elif complete and not waiver.used and waiver.database in (None, database):
            lines.append(f"unused, so remove it: {waiver}")
    return lines
