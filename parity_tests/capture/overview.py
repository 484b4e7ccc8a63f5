"""What is in a capture: operations, users, period. In one pass, in constant memory."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from parity_core.capture.fingerprint import FingerprintKey
from parity_tests.capture.read import CaptureReader

_MOST = 10_000
"""Different operations, or users, that are counted one by one."""
_OTHERS = "(others)"


@dataclass
class Overview:
    exchanges: int = 0
    first: float = 0.0
    last: float = 0.0
    operations: Counter[str] = field(default_factory=Counter)
    statuses: dict[str, Counter[str]] = field(default_factory=dict)
    users: Counter[str] = field(default_factory=Counter)
    """Fingerprints; those without a token are `nobody`."""
    incomplete: int = 0
    """Whose request's body was not kept: they are not replayed."""
    files: int = 0
    problems: list[str] = field(default_factory=list)

    def named(self, key: FingerprintKey | None, names: list[str]) -> dict[str, str]:
        """Fingerprints of the names that occur; the key is that of the capture."""
        known = {key.subject(name): name for name in names} if key else {}
        return {print_: name for print_, name in known.items() if print_ in self.users}

    def document(self) -> dict[str, Any]:
        return {
            "exchanges": self.exchanges,
            "first": _iso(self.first) if self.exchanges else None,
            "last": _iso(self.last) if self.exchanges else None,
            "files": self.files,
            "not_replayable": self.incomplete,
            "operations": {
                label: {"exchanges": count, "statuses": dict(sorted(self.statuses[label].items()))}
                for label, count in self.operations.most_common()
            },
            "users": dict(self.users.most_common()),
            "problems": self.problems,
        }


def overview(capture: CaptureReader) -> Overview:
    result = Overview(files=len(capture.files))
    for one in capture:
        result.exchanges += 1
        result.first = min(result.first or one.at, one.at)
        result.last = max(result.last, one.ended)
        label = one.operation or f"{one.method} {_shape(one.path)}"
        if label not in result.operations and len(result.operations) >= _MOST:
            label = _OTHERS
        result.operations[label] += 1
        result.statuses.setdefault(label, Counter())[str(one.status or "none")] += 1
        user = one.user or "nobody"
        if user not in result.users and len(result.users) >= _MOST:
            user = _OTHERS
        result.users[user] += 1
        result.incomplete += not one.request_body.is_whole
    result.problems = list(capture.problems)
    return result


def _shape(path: str) -> str:
    """An imported path, whose operation nobody told, with its ids left open."""
    return re.sub(r"/(?:\d+|(?=[^/]*\d)[0-9A-Za-z_-]{16,})(?=/|$)", "/…", path)


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
