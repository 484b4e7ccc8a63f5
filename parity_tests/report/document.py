"""A report as JSON: the totals, every operation, every difference, the pairs they came from.

Its schema is `report.schema.json` beside this file. All other renderings but the terminal's are made
from this document, so that they can be made later and elsewhere.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from parity_core.model import MISSING, Exchange, Finding, Pair, ParityError, Waiver
from parity_tests.report import curl, masking
from parity_tests.report.keys import group, key, outcome, shape
from parity_tests.report.results import Report
from parity_tests.report.save import save
from parity_tests.report.since import earliest, observed
from parity_tests.report.values import json_safe, numbers

FORMAT = "parity-report/1"
SCHEMA = Path(__file__).with_name("report.schema.json")

_BODY_LIMIT = 20_000
"""Bytes of a body, characters of a value."""
_ROW_LIMIT = 200

Document = dict[str, Any]


def document(report: Report) -> Document:
    """`differences` counts what no waiver accepts, `waived` the rest; `details` lists both."""
    census, covered = report.census, report.covered
    pairs = _Pairs()
    details = [
        _finding(number, one, pairs.number(one.pair))
        for number, one in enumerate(report.findings, 1)
    ]
    for pair in report.samples:
        pairs.number(pair)
    return {
        "format": FORMAT,
        "name": report.name,
        "database": report.database,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "complete": report.complete,
        "exit": int(report.exit),
        "exchanges": report.exchanges,
        "journeys": report.journeys,
        "operations_covered": len(covered),
        "operations_total": len(census.operations),
        "operations_ported": len(census.ported),
        "operations_ported_covered": len(census.ported & covered),
        "operations_not_covered": sorted(set(census.operations) - covered),
        "differences": len(report.differences),
        "waived": len(report.waived),
        "waivers": [_waiver(one) for one in report.waivers],
        "waiver_problems": [_short(one) for one in report.waiver_problems],
        "broken": [_short(one) for one in report.broken],
        "unclear": [_unclear(pair, pairs.number(pair)) for pair in report.unclear],
        "retried": [_short(one) for one in report.retried],
        "notes": [_short(one) for one in report.notes],
        "rows_changed": report.rows_changed,
        "seconds": round(report.seconds, 3),
        "exchanges_per_second": round(report.exchanges / (report.replay_seconds or 1), 1),
        "seconds_in_stacks": round(report.waiting, 3),
        "operations": {
            entry.label: {
                "class": entry.place.value,
                "group": group(entry.label),
                "ported": entry.label in census.ported,
                "exchanges": entry.exchanges,
                "statuses": dict(sorted(entry.statuses.items())),
                "differences": entry.differences,
                "waived": entry.waived,
                "seconds": {side: round(s, 4) for side, s in entry.seconds.items()},
                "observed": entry.observed.document(),
            }
            for entry in sorted(report.operations.values(), key=lambda entry: entry.label)
        },
        "kinds": kinds(details, earliest(report.since, observed(report.findings))),
        "details": details,
        "pairs": pairs.documents,
    }


def kinds(details: list[Document], since: Mapping[str, str] | None = None) -> Document:
    """The kinds of difference by key: how often each, in how many requests, the first of each, since when."""
    kinds_by_key: Document = {}
    requests: dict[str, set[int]] = {}
    for one in details:
        kind = kinds_by_key.setdefault(
            one["key"],
            {
                "operation": one["operation"],
                "place": one["shape"],
                "statuses": one["statuses"],
                "first": one["id"],
                "differences": 0,
                "waived": 0,
            },
        )
        if since and one["key"] in since:
            kind["since"] = since[one["key"]]
        kind["waived" if one["waiver"] else "differences"] += 1
        requests.setdefault(one["key"], set()).add(one["pair"])
        kind["requests"] = len(requests[one["key"]])
    return kinds_by_key


def render(report: Report) -> str:
    return text(document(report))


def text(report: Document) -> str:
    return json_safe(json.dumps(report, indent=2, ensure_ascii=False, default=str)) + "\n"


def write(report: Document, file: Path) -> None:
    save(file, text(report))


def load(file: Path) -> Document:
    """A report that `--json` wrote; ParityError for anything else."""
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ParityError(
            f"the report can not be read: {error}; `parity run --json {file.name}` writes one"
        ) from None
    except ValueError as error:
        raise ParityError(f"{file} is not JSON: {error}") from None
    if not isinstance(report, dict) or report.get("format") != FORMAT:
        raise ParityError(f"{file} is no report of this version; write it again with --json")
    needed = json.loads(SCHEMA.read_text(encoding="utf-8"))["required"]
    if missing := [f"`{name}`" for name in needed if name not in report]:
        raise ParityError(f"{file} lacks {', '.join(missing)}; write it again with --json")
    return report


class _Pairs:
    """Every pair once, numbered in the order in which it was first met."""

    def __init__(self) -> None:
        self.documents: list[Document] = []
        # the pairs are kept: an id of an object that is gone is given to the next one
        self._numbers: dict[int, tuple[Pair, int]] = {}

    def number(self, pair: Pair) -> int:
        if id(pair) not in self._numbers:
            self._numbers[id(pair)] = (pair, len(self.documents) + 1)
            self.documents.append(_pair(len(self.documents) + 1, pair))
        return self._numbers[id(pair)][1]


def _pair(number: int, pair: Pair) -> Document:
    request = pair.legacy.request
    return {
        "id": number,
        "operation": pair.operation.label,
        "class": pair.operation.place.value,
        "journey": pair.journey,
        "step": pair.step,
        "where": _short(pair.where),
        "user": _short(pair.user),
        "note": _short(pair.note),
        "method": request.method,
        "target": _short(masking.target(request)),
        "curl": _short(curl.curl(request, pair.legacy.origin)),
        "replies": {
            exchange.side.value: _reply(exchange) for exchange in (pair.legacy, pair.ported)
        },
    }


def _unclear(pair: Pair, number: int) -> Document:
    return {
        "pair": number,
        "operation": pair.operation.label,
        "journey": pair.journey,
        "step": pair.step,
        "where": _short(pair.where),
        "why": _short(pair.unclear),
    }


def unclear(one: Document) -> str:
    """One of `unclear` as a line."""
    return f"{one['operation']} in {one['journey']}, step {one['step']}: {one['why']}"


def _finding(number: int, finding: Finding, pair_number: int) -> Document:
    pair, difference = finding.pair, finding.difference
    return {
        "id": number,
        "key": key(finding),
        "pair": pair_number,
        "operation": pair.operation.label,
        "class": pair.operation.place.value,
        "statuses": [outcome(pair.legacy), outcome(pair.ported)],
        "place": _short(difference.place),
        "shape": _short(shape(difference.place)),
        "why": _short(difference.why),
        "legacy": _value(difference.legacy, difference.place),
        "ported": _value(difference.ported, difference.place),
        "journey": pair.journey,
        "step": pair.step,
        "where": _short(pair.where),
        "user": _short(pair.user),
        "note": _short(pair.note),
        "waiver": _short(str(finding.waiver)) if finding.waiver else None,
    }


def _waiver(waiver: Waiver) -> Document:
    return {
        "name": str(waiver),
        "where": waiver.where,
        "operation": waiver.operation,
        "covers": str(waiver.scope),
        "owner": waiver.owner,
        "reason": waiver.reason,
        "expires": waiver.expires.isoformat(),
        "database": waiver.database,
        "used": waiver.used,
    }


def _value(value: Any, place: str = "") -> Any:
    """The value; `{"missing": true}`, `{"base64": …}` or `{"cut": …}` for what JSON can't say or is too long."""
    if value is MISSING:
        return {"missing": True}
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(masking.binary(value)[:_BODY_LIMIT]).decode()}
    shown = masking.value(value, place)
    if shown is None or isinstance(shown, bool | int | float):
        return numbers(shown)
    if isinstance(shown, str):
        return _short(shown)
    written = json.dumps(shown, ensure_ascii=False, default=str)
    return {"cut": _short(written)} if len(written) > _BODY_LIMIT else numbers(json.loads(written))


def _short(body: str) -> str:
    if len(body) <= _BODY_LIMIT:
        return body
    return f"{body[:_BODY_LIMIT]} … ({len(body) - _BODY_LIMIT} more characters)"


def _reply(exchange: Exchange) -> Document:
    reply = exchange.reply
    return {
        "status": reply.status,
        "error": reply.error,
        "headers": [[_short(name), _short(value)] for name, value in masking.masked(reply.headers)],
        "body": _body(reply.body),
        "body_bytes": len(reply.body),
        "cut": len(reply.body) > _BODY_LIMIT,
        "rows": [
            {
                "table": r.table,
                "change": r.change,
                "key": [_value(part) for part in r.key],
                "columns": _columns(r.columns),
            }
            for r in exchange.rows[:_ROW_LIMIT]
        ],
        "effects": {name: _value(sent) for name, sent in exchange.effects.items() if sent},
    }


def _body(raw: bytes) -> str:
    # hidden first and cut then: half a document is no JSON, and half a token no token
    shown = masking.body(raw)
    if shown is None:
        shown = masking.text(raw.decode(errors="replace"))
    return shown[:_BODY_LIMIT]


def _columns(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {_short(name): _value(value, name) for name, value in columns.items()}
