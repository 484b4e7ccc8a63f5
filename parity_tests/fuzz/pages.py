"""A fuzz report's JSON as Markdown and as one page for a browser, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from parity_tests.report import html
from parity_tests.report.exit_code import Exit
from parity_tests.report.markdown import text_templates
from parity_tests.report.values import visible

_HERE = Path(__file__).parent
_WORDS = {Exit.SAME: "same", Exit.DIFFERENT: "different", Exit.COULD_NOT_RUN: "could not tell"}


def markdown(report: dict[str, Any]) -> str:
    return (
        text_templates(_HERE)
        .get_template("summary.md.jinja")
        .render(report=visible(report), verdict=_WORDS[Exit(report["exit"])])
    )


def page(report: dict[str, Any]) -> str:
    environment = Environment(
        loader=FileSystemLoader(_HERE), undefined=StrictUndefined, autoescape=True
    )
    style = Path(html.__file__).with_name("page.css").read_text(encoding="utf-8")
    return environment.get_template("page.html").render(
        report=visible(report), verdict=_WORDS[Exit(report["exit"])], style=Markup(style)
    )
