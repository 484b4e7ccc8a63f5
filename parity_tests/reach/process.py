"""The ported stack with its lines recorded, exchange by exchange."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from parity_core.model import ParityError
from parity_tests.config import Config

_RECORDER = Path(__file__).with_name("recorder")
_PATIENCE = 60.0


def recorded(
    config: Config, source: Path, folder: Path, name: str, parts: Sequence[str] = ()
) -> tuple[Config, Path]:
    """The configuration whose ported stack is recorded, for one process; the socket it listens on.

    `parts` are folders in the package; without them all of it is recorded.
    """
    address = folder / f"{name}.reach"
    wish = {
        "sources": [str(source / part) for part in parts] or [str(source)],
        "data": str(folder / "reach-data"),
        "socket": str(address),
    }
    ported = replace(
        config.ported,
        environment={**config.ported.environment, "PARITY_REACH": json.dumps(wish)},
        pythonpath=(_RECORDER, *config.ported.pythonpath),
    )
    return replace(config, ported=ported), address


def recorded_seed(config: Config, source: Path, folder: Path) -> Config:
    """The configuration whose seed commands are recorded, each until it ends."""
    wish = {"sources": [str(source)], "data": str(folder / "reach-data")}
    seed = replace(
        config.seed,
        environment={**config.seed.environment, "PARITY_REACH": json.dumps(wish)},
        pythonpath=(_RECORDER, *config.seed.pythonpath),
    )
    return replace(config, seed=seed)


class LineRecorder:
    """Names what the process does next; `save` ends the recording."""

    def __init__(self, connection: socket.socket) -> None:
        self._lines = connection.makefile("rw")

    def switch(self, name: str) -> None:
        self._command(f"switch {name}")

    def save(self) -> None:
        self._command("save")

    def new(self) -> list[tuple[str, int, int]]:
        """Steps from one line of a file to another that were never taken before this was asked last."""
        return [(file, first, last) for file, first, last in json.loads(self._answer("new"))]

    def _command(self, command: str) -> None:
        if self._answer(command) != "done\n":
            raise ParityError("the recorded stack is gone: its lines are lost")

    def _answer(self, command: str) -> str:
        try:
            self._lines.write(command + "\n")
            self._lines.flush()
            answer = self._lines.readline()
        except OSError as error:
            raise ParityError(f"the recorded stack does not answer: {error}") from None
        if not answer:
            raise ParityError("the recorded stack is gone: its lines are lost")
        return answer


@contextmanager
def connected(address: Path) -> Iterator[LineRecorder]:
    deadline = time.monotonic() + _PATIENCE
    while not address.exists():
        if time.monotonic() > deadline:
            raise ParityError(
                "the ported stack can not be recorded: does its interpreter have the package coverage?"
            )
        time.sleep(0.05)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_PATIENCE)
        connection.connect(str(address))
        recorder = LineRecorder(connection)
        yield recorder
        with suppress(ParityError):
            recorder.save()


@dataclass(frozen=True)
class RecordedFile:
    """What was executed of one file."""

    lines: dict[int, list[str]]
    """By line: the names under which it was executed, `""` for the start of the process."""
    missing_lines: tuple[int, ...]
    missing_branches: tuple[tuple[int, int], ...]
    """From a line to a line; to a negative one: the end of the function that starts there."""
    statements: int
    branches: int


def collected(folder: Path, source: Path, parts: Sequence[str] = ()) -> dict[str, RecordedFile]:
    """All that processes recorded in this folder, by `package/file.py`; also files that nothing reached."""
    import coverage

    combined = coverage.Coverage(
        data_file=str(folder / "reach-all"),
        branch=True,
        source=[str(source / part) for part in parts] or [str(source)],
        config_file=False,
        messages=False,
    )
    parts = [str(path) for path in folder.glob("reach-data.*")]
    if not parts:
        raise ParityError("nothing was recorded of the ported stack")
    combined.combine(parts, keep=True)
    report = folder / "reach.json"
    combined.json_report(outfile=str(report))
    files = json.loads(report.read_text(encoding="utf-8"))["files"]
    data = combined.get_data()
    result = {}
    for path, facts in files.items():
        absolute = Path(path).resolve()
        result[absolute.relative_to(source.resolve().parent).as_posix()] = RecordedFile(
            _by_line(data.contexts_by_lineno(str(absolute)).items()),
            tuple(facts["missing_lines"]),
            tuple((first, last) for first, last in facts["missing_branches"]),
            facts["summary"]["num_statements"],
            facts["summary"]["num_branches"],
        )
    return result


def _by_line(items: Iterable[tuple[int, list[str]]]) -> dict[int, list[str]]:
    return {line: names for line, names in items if line > 0}
