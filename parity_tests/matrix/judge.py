"""Whether the port lets in somebody whom the legacy keeps out. Pure.

The requests are valid and name objects that exist, so a refusal is the guard's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from parity_core.model import MISSING, Difference, Finding, Pair
from parity_tests.matrix.model import CellVerdict

GUARD = (401, 403)
HIDDEN = 404
_ITEM = re.compile(r"body(/.+)?/\d+")


def judge(
    pair: Pair, findings: Sequence[Finding], passes: Collection[int] = ()
) -> tuple[CellVerdict, str]:
    """`passes` are statuses from 400 on that mean, for this operation, that the guard was passed."""
    why = lets_in(pair, [finding.difference for finding in findings], passes)
    if why:
        return CellVerdict.LETS_IN, why
    if any(finding.waiver is None for finding in findings):
        return CellVerdict.DIFFERENT, ""
    return (CellVerdict.WAIVED, "") if findings else (CellVerdict.SAME, "")


def lets_in(pair: Pair, differences: Sequence[Difference], passes: Collection[int] = ()) -> str:
    """What the port gives that the legacy does not, in words; empty when it keeps out as the legacy does."""
    legacy, ported = pair.legacy.reply.status, pair.ported.reply.status
    if legacy is None or ported is None:
        return ""
    if _passed(legacy, passes):
        more = [d for d in differences if d.legacy is MISSING and _ITEM.fullmatch(d.place)]
        if more and legacy < 400:
            return f"shows {len(more)} items more than the legacy"
        return ""
    if _passed(ported, passes):
        return f"answers {ported} where the legacy keeps out with {legacy}"
    if pair.ported.rows and not pair.legacy.rows:
        tables = ", ".join(sorted({row.table for row in pair.ported.rows}))
        return f"writes to {tables} where the legacy keeps out with {legacy}"
    if legacy in GUARD and ported not in (*GUARD, HIDDEN):
        return f"answers {ported}, past the guard, where the legacy keeps out with {legacy}"
    return ""


def _passed(status: int, passes: Collection[int]) -> bool:
    return status < 400 or status in passes
