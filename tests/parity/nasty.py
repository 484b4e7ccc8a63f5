"""Texts that break what shows them, put wherever a stack can put a text."""

from __future__ import annotations

import json
from datetime import date

from parity_core.compare.expectation import Expected, RequestPattern
from parity_core.compare.scopes import ValueScope
from parity_core.model import (
    Attribution,
    Change,
    Difference,
    Exchange,
    Finding,
    Pair,
    Reply,
    Request,
    RowChange,
    Side,
    Waiver,
)
from parity_tests.operations import Census
from parity_tests.report.results import Report

LONE = "\udc80"
TEXTS = {
    "lone surrogate": f"a{LONE}b",
    "nul": "a\x00b",
    "escape sequence": "a\x1b[2J\x1b]0;title\x07b",
    "one-byte escape": "a\x9b2Jb",
    "carriage return": "good\rbad",
    "bidi override": "a\u202eb\u2066c",
    "line separator": "a\u2028b",
    "markup": "[bold]a[/] <script>alert(1)</script> ```|` </code>",
    "not a character": "a\uffffb",
    "long": "x" * 10_000_000,
}


def report_of(text: str) -> Report:
    """A report that has the text in every place that comes from a stack, a request or a journey."""
    body = json.dumps({text[:1000]: text, "n": float("nan")}).encode()
    exchanges: dict[Side, Exchange] = {}
    for side in Side:
        rows = [
            RowChange("t", Change.INSERTED, (text,), after={text[:1000]: text}, key_columns=("k",))
        ]
        exchanges[side] = Exchange(
            side, "http://127.0.0.1:1", Request("POST", f"/x/?{text}", (("X-A", text),), body),
            Reply(200, (("x-b", text),), body), 1.0, 2.0, rows, {"mail": [{"subject": text}]}, 1.5,
        )  # fmt: skip
    label = f"POST /x/{text[:50]}"
    pair = Pair(
        "j", 1, f"{text[:50]}:1", Attribution(label), exchanges[Side.LEGACY], exchanges[Side.PORTED],
        user=text, note=text,
    )  # fmt: skip
    report = Report("Shop", "sqlite", Census((label,)))
    scope = ValueScope(("body/w",), Expected(text), Expected("c"))
    waiver = Waiver(label, scope, RequestPattern(), "me", text, date(2999, 1, 1))
    place = f"body/{text[:1000]}"
    report.add(
        pair,
        [
            Finding(pair, Difference(place, text, "b", text)),
            Finding(pair, Difference("body/n", float("nan"), float("inf"))),
            Finding(
                pair, Difference("body", text.encode("utf-8", "surrogatepass"), {"deep": [text]})
            ),
            Finding(pair, Difference("body/w", text, "c"), waiver),
        ],
    )
    report.notes.append(text)
    report.waiver_problems.append(text)
    return report
