"""What of the port the drawn requests reach: it guides what is drawn, and what nothing reached is listed."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from parity_core.model import Pair
from parity_tests.fuzz.reach import Reach, ReplyReach
from parity_tests.reach.model import FileReach
from parity_tests.reach.model import Reach as Recording
from parity_tests.reach.process import LineRecorder, collected
from parity_tests.reach.unreached import Gap, gaps, totals


class BranchReach:
    """Steps of the port's code that no exchange took before; the replies beside them."""

    def __init__(self, recorder: LineRecorder, beside: Reach | None = None) -> None:
        self.recorder = recorder
        self.beside = beside or ReplyReach()
        self.forget()

    def reached(self, pair: Pair) -> Iterator[Hashable]:
        yield from self.recorder.new()
        yield from self.beside.reached(pair)

    def forget(self) -> None:
        """What ran meanwhile was no exchange: a start, the replays of a difference."""
        self.recorder.new()


@dataclass
class UnreachedReport:
    """What a run reached of the branches that it was to look at."""

    statements: int = 0
    of_statements: int = 0
    branches: int = 0
    of_branches: int = 0
    gaps: list[Gap] = field(default_factory=list)

    @property
    def words(self) -> str:
        return (
            f"{self.branches} of {self.of_branches} branches and {self.statements} of "
            f"{self.of_statements} statements reached; {len(self.gaps)} gaps"
        )


def unreached(folder: Path, source: Path, parts: tuple[str, ...]) -> UnreachedReport:
    """Of all processes that were recorded in the folder together."""
    recording = Recording("", {})
    for name, file in collected(folder, source, parts).items():
        recording.files[name] = FileReach(
            {},
            [],
            list(file.missing_lines),
            list(file.missing_branches),
            file.statements,
            file.branches,
        )
    sources = {name: (source.parent / name).read_text(encoding="utf-8") for name in recording.files}
    return UnreachedReport(*totals(recording), gaps(recording, sources))
