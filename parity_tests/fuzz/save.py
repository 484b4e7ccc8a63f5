"""Steps as a journey's YAML: what was found once is asked for ever. Pure."""

from __future__ import annotations

from typing import Any

import yaml

from parity_core.model import MISSING
from parity_tests.journeys.model import Journey, Step


def render(journey: Journey) -> str:
    """The file's text; `parity run` reads it as it reads what people write."""
    document: dict[str, Any] = {"name": journey.name}
    if journey.about:
        document["about"] = journey.about
    if journey.settings:
        document["settings"] = dict(journey.settings)
    if journey.services:
        document["services"] = list(journey.services)
    document["steps"] = [_step(step) for step in journey.steps]
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


class _Dumper(yaml.SafeDumper):
    """Values that occur twice are written twice: people read this."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _step(step: Step) -> dict[str, Any]:
    written: dict[str, Any] = {}
    if step.user is not None:
        written["as"] = step.user
    written["request"] = f"{step.method} {step.target}"
    if step.headers:
        written["headers"] = dict(step.headers)
    if step.json is not MISSING:
        written["json"] = step.json
    elif isinstance(step.body, str):
        written["body"] = step.body
    for name in ("content_type", "encoding"):
        if getattr(step, name) is not None:
            written[name] = getattr(step, name)
    if step.days_later:
        written["days_later"] = step.days_later
    if step.capture:
        written["capture"] = dict(step.capture)
    if step.note:
        written["note"] = step.note
    return written
