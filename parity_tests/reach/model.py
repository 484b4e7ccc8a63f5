"""Which exchanges reached which line, as values and as a file; others may steer by it. Pure but for the file."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from parity_core import private
from parity_core.model import ParityError

_VERSION = 1


@dataclass(frozen=True)
class ReachedBy:
    """One exchange that was recorded."""

    part: str
    """`journeys`, `matrix`, `fuzz`."""
    name: str
    """Of the journey, or what stands for one in its part."""
    step: int
    operation: str
    """As `GET /case/<int:idx>/`, or in which way it is none."""


@dataclass
class FileReach:
    lines: dict[int, list[int]] = field(default_factory=dict)
    """By line: numbers of the exchanges that executed it."""
    at_start: list[int] = field(default_factory=list)
    """Lines that are executed when the process starts."""
    missing_lines: list[int] = field(default_factory=list)
    missing_branches: list[tuple[int, int]] = field(default_factory=list)
    statements: int = 0
    branches: int = 0


@dataclass
class Reach:
    database: str
    digests: dict[str, str]
    """Of every file of the package, as it was when it was recorded."""
    asked: list[ReachedBy] = field(default_factory=list)
    files: dict[str, FileReach] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    """By journey: how long it took."""
    differences: list[tuple[str, int, str]] = field(default_factory=list)
    """What differs on the port as it is: journey, step, place."""
    parts: list[str] = field(default_factory=list)
    played: dict[str, str] = field(default_factory=dict)
    """By journey that was recorded: SHA-256 of its file."""

    def add(self, later: Reach) -> None:
        """Takes over what another recording of the same package has; its journeys replace those of their names."""
        names = later.played.keys()
        kept = [number for number, one in enumerate(self.asked) if one.name not in names]
        places = {number: place for place, number in enumerate(kept)}
        first = len(kept)
        self.asked = [self.asked[number] for number in kept] + later.asked
        for name, file in self.files.items():
            other = later.files.get(name, FileReach())
            lines = {
                line: [places[number] for number in numbers if number in places]
                for line, numbers in file.lines.items()
            }
            for line, numbers in other.lines.items():
                lines.setdefault(line, []).extend(number + first for number in numbers)
            file.lines = {line: numbers for line, numbers in lines.items() if numbers}
            file.at_start = sorted({*file.at_start, *other.at_start})
            lost = set(other.missing_lines)
            file.missing_lines = [line for line in file.missing_lines if line in lost]
            gone = set(other.missing_branches)
            file.missing_branches = [one for one in file.missing_branches if one in gone]
        self.seconds |= later.seconds
        self.played |= later.played
        self.differences = [one for one in self.differences if one[0] not in names]
        self.differences += later.differences

    def exchanges(self, file: str, lines: Iterable[int]) -> list[ReachedBy]:
        """Those that executed any of these lines, in the order in which they were played."""
        reach = self.files.get(file)
        if reach is None:
            return []
        numbers = {number for line in lines for number in reach.lines.get(line, ())}
        return [self.asked[number] for number in sorted(numbers)]

    def journeys(self, file: str, lines: Iterable[int]) -> Counter[str]:
        """By journey: how many of its exchanges executed any of these lines."""
        return Counter(one.name for one in self.exchanges(file, lines) if one.part == "journeys")

    def operations(self, file: str, lines: Iterable[int]) -> Counter[str]:
        return Counter(one.operation for one in self.exchanges(file, lines))

    def is_start_only(self, file: str, lines: Iterable[int]) -> bool:
        """Whether these lines run when the process starts, and no exchange executes any of them."""
        reach = self.files.get(file)
        if reach is None or any(line in reach.lines for line in lines):
            return False
        return not set(reach.at_start).isdisjoint(lines)


def digests(source: Path) -> dict[str, str]:
    """SHA-256 of every Python file of a package, by `package/file.py`."""
    return {
        path.relative_to(source.parent).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(source.rglob("*.py"))
    }


def write(reach: Reach, path: Path) -> None:
    document: dict[str, Any] = {"version": _VERSION, **asdict(reach)}
    document["asked"] = [[one.part, one.name, one.step, one.operation] for one in reach.asked]
    for name, file in reach.files.items():
        document["files"][name]["lines"] = {
            line: _packed(numbers) for line, numbers in file.lines.items()
        }
    private.make_folder(path.parent)
    private.write_text(path, json.dumps(document, separators=(",", ":")))


def read(path: Path) -> Reach:
    """ParityError when the file is no recording of this version."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.pop("version") != _VERSION:
            raise ValueError("another version")
        files = {
            name: FileReach(
                **{
                    **file,
                    "lines": {int(k): _unpacked(v) for k, v in file["lines"].items()},
                    "missing_branches": [(a, b) for a, b in file["missing_branches"]],
                }
            )
            for name, file in document.pop("files").items()
        }
        asked = [ReachedBy(*one) for one in document.pop("asked")]
        differences = [(a, b, c) for a, b, c in document.pop("differences")]
        return Reach(files=files, asked=asked, differences=differences, **document)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ParityError(f"{path} is no recording of `parity reach`: {error!r}") from None


def _packed(numbers: Sequence[int]) -> str:
    """`0-5,9`: most lines are reached by long runs of exchanges."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{a}-{b}" if a < b else str(a) for a, b in runs)


def _unpacked(text: str) -> list[int]:
    numbers: list[int] = []
    for run in filter(None, text.split(",")):
        first, _, last = run.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers
