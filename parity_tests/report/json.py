"""A report as JSON: the totals, every operation, every difference."""

from __future__ import annotations

import base64
import json
from typing import Any

from parity_tests.compose import curl
from parity_tests.model import MISSING, Exchange, Finding
from parity_tests.run import Report

_BODY_LIMIT = 20_000


def document(report: Report) -> dict[str, Any]:
    """`differences` counts what no waiver accepts, `waived` the rest; `details` lists both."""
    census, covered = report.census, report.covered
    return {
        "name": report.name,
        "database": report.database,
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
        "waiver_problems": report.waiver_problems,
        "broken": report.broken,
        "notes": report.notes,
        "rows_changed": report.rows_changed,
        "seconds": round(report.seconds, 3),
        "exchanges_per_second": round(report.exchanges / (report.replay_seconds or 1), 1),
        "operations": {
            entry.label: {
                "class": entry.place.value,
                "ported": entry.label in census.ported,
                "exchanges": entry.exchanges,
                "statuses": dict(sorted(entry.statuses.items())),
                "differences": entry.differences,
                "waived": entry.waived,
                "seconds": {side: round(s, 4) for side, s in entry.seconds.items()},
            }
            for entry in sorted(report.operations.values(), key=lambda entry: entry.label)
        },
        "details": [_finding(number, one) for number, one in enumerate(report.findings, 1)],
    }


def render(report: Report) -> str:
    return json.dumps(document(report), indent=2, ensure_ascii=False, default=str) + "\n"


def _finding(number: int, finding: Finding) -> dict[str, Any]:
    pair, difference = finding.pair, finding.difference
    return {
        "id": number,
        "operation": pair.operation.label,
        "class": pair.operation.place.value,
        "place": difference.place,
        "why": difference.why,
        "legacy": _value(difference.legacy),
        "ported": _value(difference.ported),
        "journey": pair.journey,
        "step": pair.step,
        "where": pair.where,
        "user": pair.user,
        "note": pair.note,
        "curl": curl(pair.legacy.request, pair.legacy.origin),
        "replies": {
            exchange.side.value: _reply(exchange) for exchange in (pair.legacy, pair.ported)
        },
        "waiver": str(finding.waiver) if finding.waiver else None,
    }


def _value(value: Any) -> Any:
    if value is MISSING:
        return {"missing": True}
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value[:_BODY_LIMIT]).decode()}
    return value


def _reply(exchange: Exchange) -> dict[str, Any]:
    reply = exchange.reply
    return {
        "status": reply.status,
        "error": reply.error,
        "headers": [list(header) for header in reply.headers],
        "body": reply.body[:_BODY_LIMIT].decode(errors="replace"),
        "rows": [
            {"table": r.table, "change": r.change, "key": list(r.key), "columns": r.columns}
            for r in exchange.rows
        ],
    }
