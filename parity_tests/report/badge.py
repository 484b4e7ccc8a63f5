"""A badge: a small SVG of our own for a project's front page."""

from __future__ import annotations

from xml.sax.saxutils import escape

from parity_tests.report.document import Document
from parity_tests.report.exit_code import Exit
from parity_tests.report.verdict import verdict

_COLOUR = {Exit.SAME: "#1a7f37", Exit.DIFFERENT: "#c62828", Exit.COULD_NOT_RUN: "#6e7781"}
_LABEL = "parity"
_CHARACTER = 6.6
"""Pixels; the text is stretched to its box, so that no font has to be measured."""
_PADDING = 7


def render(report: Document) -> str:
    judged = verdict(report)
    words = judged.words
    if judged.exit is Exit.SAME:
        words = f"same · {report['operations_covered']}/{report['operations_total']}"
    left, right = _width(_LABEL), _width(words)
    total, colour, name = left + right, _COLOUR[judged.exit], escape(f"{_LABEL}: {words}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="20" role="img" '
        f'aria-label="{name}"><title>{name}</title>'
        f'<clipPath id="c"><rect width="{total}" height="20" rx="4"/></clipPath>'
        f'<g clip-path="url(#c)"><rect width="{left}" height="20" fill="#3d444d"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/></g>'
        '<g fill="#fff" font-family="system-ui,Verdana,sans-serif" font-size="11">'
        f"{_text(_LABEL, 0, left)}{_text(words, left, right)}</g></svg>\n"
    )


def _width(text: str) -> int:
    return round(len(text) * _CHARACTER) + 2 * _PADDING


def _text(text: str, start: int, width: int) -> str:
    return (
        f'<text x="{start + _PADDING}" y="14" textLength="{width - 2 * _PADDING}">'
        f"{escape(text)}</text>"
    )
