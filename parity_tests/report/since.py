"""Since when a kind of difference is known: when this run met it, or an earlier report says. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from parity_core.model import Finding
from parity_tests.report.keys import key


def moment(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def observed(findings: Iterable[Finding]) -> dict[str, str]:
    """By key: when the first request that shows it was sent. What was not sent at all has no moment."""
    first: dict[str, str] = {}
    for one in findings:
        if one.pair.legacy.started:
            now = moment(one.pair.legacy.started)
            first[key(one)] = min(now, first.get(key(one), now))
    return first


def earliest(*known: Mapping[str, str]) -> dict[str, str]:
    result: dict[str, str] = {}
    for one in known:
        for name, since in one.items():
            result[name] = min(since, result.get(name, since))
    return result
