"""What each waiver accepted in a run, by kind. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from parity_core.model import ParityError
from parity_tests.report.document import Document

_EXAMPLES = 5


@dataclass(frozen=True, order=True)
class UseKind:
    """Both statuses, and the places that were accepted together in one pair, without positions and ids."""

    statuses: tuple[str, ...]
    places: tuple[str, ...]

    def __str__(self) -> str:
        return f"{' → '.join(self.statuses)} at {', '.join(self.places)}"


@dataclass
class WaiverUse:
    waiver: Document
    differences: int = 0
    kinds: Counter[UseKind] = field(default_factory=Counter)
    """How many pairs of each."""
    operations: Counter[str] = field(default_factory=Counter)
    ported: Counter[str] = field(default_factory=Counter)
    """What the port said, by text, of the errors and values that were accepted."""
    examples: list[str] = field(default_factory=list)

    @property
    def warning(self) -> str:
        """Why one waiver is more than one; empty when it is one."""
        if len(self.kinds) < 2:
            return ""
        return f"accepts {len(self.kinds)} kinds: write one waiver for each"

    def document(self) -> Document:
        return {
            **self.waiver,
            "differences": self.differences,
            "pairs": self.kinds.total(),
            "kinds": [
                {"statuses": list(kind.statuses), "places": list(kind.places), "pairs": count}
                for kind, count in sorted(self.kinds.items())
            ],
            "operations": dict(sorted(self.operations.items())),
            "ported": dict(self.ported.most_common()),
            "examples": self.examples,
            "warning": self.warning,
        }


def uses(report: Document) -> list[WaiverUse]:
    """In the order of the file. Raises ParityError for a report that does not say its waivers."""
    if "waivers" not in report:
        raise ParityError(
            "the report does not list its waivers; write it again: `parity run --json`"
        )
    by_name = {one["name"]: WaiverUse(one) for one in report["waivers"]}
    pairs: dict[tuple[str, int], list[Document]] = {}
    for one in report["details"]:
        if one["waiver"]:
            pairs.setdefault((one["waiver"], one["pair"]), []).append(one)
    for (name, _), details in pairs.items():
        use = by_name.setdefault(name, WaiverUse({"name": name}))
        first = details[0]
        use.differences += len(details)
        places = tuple(sorted({_short(one["shape"]) for one in details}))
        use.kinds[UseKind(tuple(first["statuses"]), places)] += 1
        use.operations[first["operation"]] += 1
        for one in details:
            if one["place"] != "status" and isinstance(one["ported"], str):
                use.ported[one["ported"][:200]] += 1
        if len(use.examples) < _EXAMPLES:
            use.examples.append(f"{first['where']} ({first['journey']}, step {first['step']})")
    return list(by_name.values())


def _short(shape: str) -> str:
    """Of a reply its part, of anything else the place: what a body says differs from error to error."""
    root = shape.partition("/")[0]
    return root if root == "body" else shape
