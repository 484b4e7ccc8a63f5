"""The picture of a rehearsal: who answered, who owned the operations, and what happened when. One SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_WIDTH, _LEFT, _RIGHT = 1200, 70, 20
_PANEL, _GAP, _TOP = 170, 60, 60
_COLOURS = {
    "legacy": "#b07aa1",
    "shadow": "#9c9ede",
    "canary": "#f2b134",
    "mirror": "#76b7b2",
    "ported": "#2a9d8f",
    "failed": "#d62828",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, in seconds from the beginning."""

    at: float
    text: str
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Band:
    """What is stacked in one panel: a value of each layer at each time."""

    title: str
    unit: str
    times: Sequence[float]
    layers: Mapping[str, Sequence[float]]


def draw(title: str, bands: Sequence[Band], moments: Sequence[Moment], seconds: float) -> str:
    """SVG text."""
    scale = (_WIDTH - _LEFT - _RIGHT) / max(seconds, 1)
    labels = 22 * len(moments)
    height = _TOP + len(bands) * (_PANEL + _GAP) + labels + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        'font-family="system-ui, sans-serif" font-size="13">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="30" font-size="18" font-weight="600">{escape(title)}</text>',
    ]
    for number, band in enumerate(bands):
        parts += _panel(band, _TOP + number * (_PANEL + _GAP), scale, seconds)
    bottom = _TOP + len(bands) * (_PANEL + _GAP)
    for number, moment in enumerate(moments):
        x = _LEFT + moment.at * scale
        colour = "#d62828" if moment.bad else "#1d3557"
        y = bottom + number * 22
        parts.append(
            f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{y:.1f}" stroke="{colour}" '
            'stroke-dasharray="3 3"/>'
        )
        anchor = "end" if x > _WIDTH * 0.6 else "start"
        shift = -6 if anchor == "end" else 6
        parts.append(
            f'<text x="{x + shift:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">'
            f"{moment.at:.0f} s: {escape(moment.text)}</text>"
        )
    return "\n".join([*parts, "</svg>", ""])


def _panel(band: Band, top: float, scale: float, seconds: float) -> list[str]:
    bottom = top + _PANEL
    most = max((sum(values) for values in zip(*band.layers.values(), strict=True)), default=1) or 1
    parts = [f'<text x="{_LEFT}" y="{top - 10}" font-weight="600">{escape(band.title)}</text>']
    below = [0.0] * len(band.times)
    for number, (name, values) in enumerate(band.layers.items()):
        above = [low + value for low, value in zip(below, values, strict=True)]
        upper = [_point(t, v, bottom, most, scale) for t, v in zip(band.times, above, strict=True)]
        lower = [_point(t, v, bottom, most, scale) for t, v in zip(band.times, below, strict=True)]
        points = " ".join([*upper, *reversed(lower)])
        colour = _COLOURS.get(name, "#888")
        parts.append(f'<polygon points="{points}" fill="{colour}" fill-opacity="0.85"/>')
        x = float(_WIDTH - _RIGHT - 90 * (len(band.layers) - number))
        parts.append(f'<rect x="{x:.0f}" y="{top - 21}" width="11" height="11" fill="{colour}"/>')
        parts.append(f'<text x="{x + 16}" y="{top - 11}">{escape(name)}</text>')
        below = above
    parts.append(
        f'<line x1="{_LEFT}" y1="{bottom}" x2="{_WIDTH - _RIGHT}" y2="{bottom}" stroke="#333"/>'
    )
    for share in (0.5, 1.0):
        y = bottom - share * _PANEL
        text = f"{most * share:.0f} {band.unit}"
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{text}</text>')
    step = next((one for one in (10, 30, 60, 120, 300) if seconds / one <= 14), 600)
    for second in range(0, int(seconds) + 1, step):
        along = _LEFT + second * scale
        parts.append(
            f'<text x="{along:.1f}" y="{bottom + 17}" text-anchor="middle">{second} s</text>'
        )
    return parts


def _point(at: float, value: float, bottom: float, most: float, scale: float) -> str:
    return f"{_LEFT + at * scale:.1f},{bottom - value / most * _PANEL:.1f}"
