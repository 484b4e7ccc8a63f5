"""The files that a report may be written to; every command that compares offers the same options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from parity_core.model import ParityError
from parity_tests.report import badge, html, junit, markdown
from parity_tests.report import document as json_report
from parity_tests.report.document import Document
from parity_tests.report.results import Report
from parity_tests.report.save import save

_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)
_FORMATS = {
    "html": "one file for a browser, offline: coverage, pairs side by side, filters",
    "junit": "JUnit XML",
    "markdown": "Markdown, for a pull request",
    "badge": "a badge, as SVG",
}

Files = dict[str, Path | None]


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --json, --html, --junit, --markdown and --badge; `chosen` takes them out again."""
    command = rendered(command)
    command = click.option(
        "--since",
        "since_file",
        type=_FILE,
        metavar="REPORT",
        help="An earlier report, as JSON: since when a kind of difference is known. May be the one that is written.",
    )(command)
    return click.option("--json", "json_file", type=_FILE, help="Write the report as JSON.")(
        command
    )


def observed_before(file: Path | None) -> dict[str, str]:
    """By key of a kind of difference: since when an earlier report knows it."""
    if file is None:
        return {}
    report = json_report.load(file)
    finished = str(report.get("finished", ""))
    moments = {name: kind.get("since", finished) for name, kind in report["kinds"].items()}
    return {name: since for name, since in moments.items() if since}


def rendered(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same but for --json: for a command that reads it."""
    for name, words in reversed(_FORMATS.items()):
        help_text = f"Write the report as {words}."
        command = click.option(f"--{name}", f"{name}_file", type=_FILE, help=help_text)(command)
    return command


def chosen(values: dict[str, Any]) -> Files:
    """The output options among a command's, removed from them."""
    names = [name for name in ("json", *_FORMATS) if f"{name}_file" in values]
    return {name: values.pop(f"{name}_file") for name in names}


def write(report: Document, files: Files) -> list[Path]:
    """What was written. One that can't be does not keep the others from it; then it is raised."""
    texts: dict[str, Callable[[], str | bytes]] = {
        "json": lambda: json_report.text(report),
        "html": lambda: html.render(report),
        "junit": lambda: junit.of_document(report),
        "markdown": lambda: markdown.render(report),
        "badge": lambda: badge.render(report),
    }
    written: list[Path] = []
    errors: list[Exception] = []
    for name, file in files.items():
        if file is None:
            continue
        try:
            save(file, texts[name]())
            written.append(file)
        except Exception as error:
            errors.append(error)
    if errors and all(isinstance(error, ParityError) for error in errors):
        raise ParityError("; ".join(map(str, errors)))
    if errors:
        raise errors[0]
    return written


def deliver(report: Report, files: Files, show: Callable[[], None]) -> None:
    """Files first: what is shown may be lost. And shown it is, though a file can't be written."""
    try:
        if any(files.values()):
            write(json_report.document(report), files)
    finally:
        show()
