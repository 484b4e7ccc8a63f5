"""Which versions of what we ask for have known weaknesses, and what must never come along."""

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

TABLE = Path(__file__).with_name("vulnerable.toml")
FORBIDDEN = {
    "ecdsa": "a side channel that its authors do not mean to close (docs/decisions/0008-pyjwt.md)",
    "python-jose": "asks for ecdsa; the port uses PyJWT",
}


@dataclass(frozen=True)
class Weakness:
    safe: str
    advisories: str
    accepted: str = ""
    reason: str = ""

    @property
    def lowest(self) -> Version:
        return Version(self.accepted or self.safe)


def weaknesses() -> dict[str, Weakness]:
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {name: Weakness(**one) for name, one in table.items()}


def too_low(lines: Iterable[str]) -> Iterator[str]:
    """Of requirements those whose lower bound, or pin, has known weaknesses; none at all counts as low."""
    known = weaknesses()
    for line in lines:
        asked = Requirement(line)
        weakness = known.get(canonicalize_name(asked.name))
        if weakness is None:
            continue
        bounds = [Version(one.version) for one in asked.specifier if one.operator in (">=", "==")]
        if not bounds or max(bounds) < weakness.lowest:
            yield f"{line}: below {weakness.lowest} ({weakness.advisories})"


def requirements_of(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def comes_along(names: Iterable[str]) -> set[str]:
    """All that these ask for, as far as it is installed here; extras that nobody names are left out."""
    seen: set[str] = set()
    waiting = [Requirement(name) for name in names]
    while waiting:
        asked = waiting.pop()
        key = f"{canonicalize_name(asked.name)}[{','.join(sorted(asked.extras))}]"
        if key in seen:
            continue
        seen.add(key)
        try:
            lines = distribution(asked.name).requires or []
        except PackageNotFoundError:
            continue
        for line in lines:
            below = Requirement(line)
            contexts = [{"extra": extra} for extra in (*asked.extras, "")]
            if below.marker is None or any(below.marker.evaluate(one) for one in contexts):
                waiting.append(below)
    return {one.partition("[")[0] for one in seen}
