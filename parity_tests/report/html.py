"""A report as one HTML file that needs nothing else: no network, no other file.

What it holds is bounded: see `EMBEDDED`. The page allows only its own script (by hash) and no
connection, so that a reply that was recorded can do nothing in the browser of whoever reads it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from parity_tests.report.document import Document, unclear
from parity_tests.report.values import described, visible
from parity_tests.report.verdict import verdict

EMBEDDED = 8_000_000
"""Characters of pairs in the file; of pairs beyond, the differences are there and the replies not."""
DETAILS = 20_000
"""Differences in the file."""
_VALUE = 2_000
"""Characters of one value of a difference; the reply that it stands in has more."""

_HERE = Path(__file__).parent


def render(report: Document, embedded: int = EMBEDDED) -> str:
    report = visible(report)
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined
    )
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("page.html").render(
        report=report,
        verdict=verdict(report),
        kinds=open_kinds(report),
        described=described,
        unclear=[unclear(one) for one in report.get("unclear", ())],
        style=Markup((_HERE / "page.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_digest=digest,
        data=Markup(_inert(_data(report, embedded))),
    )


def open_kinds(report: Document) -> list[Document]:
    """Kinds that no waiver accepts, each with its first difference and that one's request."""
    first: dict[str, Document] = {}
    for one in report["details"]:
        if not one["waiver"]:
            first.setdefault(one["key"], one)
    curls = {pair["id"]: pair["curl"] for pair in report["pairs"]}
    return [
        {**report["kinds"][key], "key": key, "one": one, "curl": curls[one["pair"]]}
        for key, one in first.items()
    ]


def _data(report: Document, embedded: int) -> Document:
    details = [
        {
            # as text: a browser takes 1.0 for 1
            key: described(value, _VALUE) if key in ("legacy", "ported") else value
            for key, value in one.items()
            if key in _DETAIL
        }
        for one in report["details"][:DETAILS]
    ]
    return {
        "operations": report["operations"],
        "not_covered": report["operations_not_covered"],
        "kinds": report["kinds"],
        "details": details,
        "details_left": max(0, len(report["details"]) - DETAILS),
        "pairs": list(_pairs(report, embedded)),
    }


_DETAIL = {"id", "key", "pair", "place", "why", "legacy", "ported", "waiver"}


def _pairs(report: Document, budget: int) -> Iterator[Document]:
    """All pairs, with their replies while the budget lasts: first of each kind of difference first."""
    details = {one["id"]: one["pair"] for one in report["details"]}
    first = {details[kind["first"]] for kind in report["kinds"].values()}
    with_differences = {one["pair"] for one in report["details"] if not one["waiver"]}
    order = sorted(
        report["pairs"],
        key=lambda p: (p["id"] not in first, p["id"] not in with_differences, p["id"]),
    )
    kept: set[int] = set()
    for pair in order:
        budget -= len(json.dumps(pair, default=str))
        if budget < 0:
            break
        kept.add(pair["id"])
    for pair in report["pairs"]:
        if pair["id"] in kept:
            yield pair
        else:
            left = {key: value for key, value in pair.items() if key not in ("replies", "curl")}
            yield left | {
                "statuses": [pair["replies"][side]["status"] for side in ("legacy", "ported")]
            }


def _inert(data: Document) -> str:
    """JSON that no HTML parser takes for the end of the element it stands in."""
    text = json.dumps(data, separators=(",", ":"), default=str)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
