"""A report as Markdown: what a reviewer of a pull request needs, no more."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from parity_tests.report.document import Document, unclear
from parity_tests.report.values import described, visible
from parity_tests.report.verdict import verdict

_SHOWN = 30


def text_templates(folder: Path) -> Environment:
    """For templates of Markdown in a folder: nothing is escaped but what `cell` does."""
    environment = Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["cell"] = cell
    return environment


def render(report: Document, new: Collection[str] | None = None) -> str:
    """`new` are the keys that a baseline does not know; they are marked, and come first."""
    report = visible(report)
    environment = text_templates(Path(__file__).parent)
    details = {one["id"]: one for one in report["details"]}
    kinds = [
        {**kind, "key": key, "new": new is not None and key in new, "one": details[kind["first"]]}
        for key, kind in report["kinds"].items()
        if kind["differences"]
    ]
    kinds.sort(key=lambda kind: (not kind["new"], kind["operation"], kind["place"]))
    return environment.get_template("summary.md.jinja").render(
        report=report,
        verdict=verdict(report),
        kinds=kinds[:_SHOWN],
        left=len(kinds) - _SHOWN,
        new=None if new is None else sum(kind["new"] for kind in kinds),
        broken=report["broken"],
        unclear=[unclear(one) for one in report.get("unclear", ())],
        described=described,
    )


def cell(value: Any) -> str:
    """Text inside a table and inside `code`: one line, no bar that would end the cell."""
    text = " ".join(str(value).split())
    text = text if len(text) <= 120 else f"{text[:120]} …"
    # a run of backticks can't end code that is marked with more of them
    ticks = "`" * (max((len(run) for run in _ticks(text)), default=0) + 1)
    pad = " " if ticks != "`" else ""
    return f"{ticks}{pad}{text.replace('|', chr(92) + '|')}{pad}{ticks}" if text else ""


def _ticks(text: str) -> list[str]:
    return [run for run in "".join(c if c == "`" else " " for c in text).split() if run]
