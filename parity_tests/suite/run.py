"""The use case: a suite's own command, run once on the legacy and once on the port. Prints nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from parity_core import private
from parity_core.model import ParityError, Side
from parity_tests.suite import events, leftovers, verdict
from parity_tests.suite.leftovers import put_back
from parity_tests.suite.target import Reference
from parity_tests.suite.verdict import SuiteReport

PLUGIN = "parity_tests.suite.plugin"
_UNUSABLE = {2: "was interrupted, or could not collect its tests", 3: "broke inside pytest",
             4: "refuses its arguments", 5: "collected no tests"}  # fmt: skip
_TAIL = 40

Progress = Callable[[Side, int, int], None]
"""Told of a run: its stack, tests done, and how many there are (0: not known)."""


def run(
    reference: Reference,
    command: Sequence[str],
    progress: Progress,
    *,
    strict: bool = False,
    keep: Path | None = None,
) -> SuiteReport:
    """Raises ParityError when either run tells nothing. ``keep``: a folder for what was printed."""
    with tempfile.TemporaryDirectory(prefix="parity-suite-") as temporary:
        folder = keep or Path(temporary)
        private.make_folder(folder)
        legacy = _once(reference, command, Side.LEGACY, folder, progress, 0)
        if not legacy.requests:
            raise ParityError(_nothing_asked(reference, legacy))
        put_back(folder / f"{Side.LEGACY}-databases")
        ported = _once(reference, command, Side.PORTED, folder, progress, len(legacy.outcomes))
        if lines := leftovers.dirt(legacy.databases, ported.databases):
            raise ParityError(
                "the first run left its database dirty, so the second one tells nothing of the port: "
                f"{'; '.join(lines)}. Let the suite clean up, or give each run a database of its own "
                "(`prepare` in the target, docs/suite.md)"
            )
    report = SuiteReport(reference.module, list(command), legacy, ported, strict=strict)
    report.tests = verdict.compare(legacy, ported)
    return report


def _nothing_asked(reference: Reference, legacy: events.SuiteRun) -> str:
    apps = ", ".join(sorted(legacy.strangers)) or "none"
    return (
        f"{len(legacy.outcomes)} tests ran, and no request met a Flask application of the packages "
        f"that {reference.module} names in LEGACY. Flask applications that were asked: {apps}"
    )


def _once(
    reference: Reference,
    command: Sequence[str],
    stack: Side,
    folder: Path,
    progress: Progress,
    total: int,
) -> events.SuiteRun:
    events_file, log = folder / f"{stack}.jsonl", folder / f"{stack}.log"
    events_file.unlink(missing_ok=True)
    databases = folder / f"{stack}-databases"
    private.make_folder(databases)
    asked = {"target": reference.module, "stack": stack, "events": str(events_file.absolute()),
             "folder": str(databases.absolute())}  # fmt: skip
    environment = reference.environment(os.environ)
    environment[events.VARIABLE] = json.dumps(asked)
    plugins = [name for name in environment.get("PYTEST_PLUGINS", "").split(",") if name]
    environment["PYTEST_PLUGINS"] = ",".join([*plugins, PLUGIN])
    started = time.monotonic()
    code = _follow(
        _words(command), environment, log, events_file, lambda n: progress(stack, n, total)
    )
    run = events.read(events_file)
    run.seconds = time.monotonic() - started
    if run.outcomes and (code not in (0, 1, *_UNUSABLE) or not run.ended):
        how = f"was killed by signal {-code}" if code < 0 else f"ended itself with exit code {code}"
        raise ParityError(
            f"the suite on the {stack} stack {how} after {len(run.outcomes)} tests (the last was "
            f"{run.last or 'none'}): what it told so far is no result\n{_end_of(log)}"
        )
    if not run.outcomes or code in _UNUSABLE:
        why = _UNUSABLE.get(code, f"told nothing and ended with exit code {code}; is it pytest?")
        raise ParityError(f"the suite on the {stack} stack {why}\n{_end_of(log)}")
    return run


def _words(command: Sequence[str]) -> list[str]:
    """The command; a bare `pytest` or `python` is this interpreter's, which has both stacks."""
    first, *rest = command
    if first in ("python", "python3"):
        return [sys.executable, *rest]
    beside = Path(sys.executable).with_name("pytest")
    if first == "pytest" and beside.exists():
        return [str(beside), *rest]
    if first == "pytest" and shutil.which(first) is None:
        raise ParityError("pytest is not installed: pip install 'parity-tests[suite]'")
    return [first, *rest]


def _follow(
    words: list[str],
    environment: dict[str, str],
    log: Path,
    events_file: Path,
    count: Callable[[int], None],
) -> int:
    with private.open_file(log, "wb") as output:
        try:
            process = subprocess.Popen(
                words, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
        except OSError as error:
            raise ParityError(f"the suite can not be started: {error}") from None
        try:
            while True:
                try:
                    return process.wait(0.5)
                except subprocess.TimeoutExpired:
                    count(_reports(events_file))
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()


def _reports(events_file: Path) -> int:
    try:
        return events_file.read_bytes().count(b'{"event": "report"')
    except OSError:
        return 0


def _end_of(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join(lines[-_TAIL:])
