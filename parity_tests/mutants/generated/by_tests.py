"""The port's own unit tests, those nearest to a generated mutant, run beside a copy of the package with it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from parity_core.model import ParityError
from parity_tests.config import Config
from parity_tests.mutants.generated.imports import ImportGraph
from parity_tests.mutants.generated.make import Generated
from parity_tests.mutants.generated.model import MutantAttempt, MutantFate
from parity_tests.mutants.generated.population import GeneratedSettings

_FILES = 6
"""Test files that are run for one mutant: those that import it most directly."""
_PLACES = 6
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
TESTS = "{tests}"
"""What stands in the configured command for the files that are run."""


@dataclass
class TestsRun:
    """One run of the command."""

    __test__ = False

    failed: list[str] = field(default_factory=list)
    """Ids of tests, and of modules that can not be imported."""
    fate: MutantFate = MutantFate.SURVIVED
    problem: str = ""


class TestsHunter:
    """A test that is red with the mutant, green without it, and red with it again."""

    __test__ = False

    def __init__(
        self,
        config: Config,
        settings: GeneratedSettings,
        source: Path,
        original: Path,
        seconds: float,
    ) -> None:
        """`source` is the package in its tree; `original` the copy that mutants are made of."""
        if not settings.tests:
            raise ParityError(f"{config.mutants}: [generated] names no tests")
        self.config = config
        self.settings = settings
        self.root = source.parent
        self.original = original.parent
        self.seconds = seconds
        tests = [
            path.relative_to(self.root).as_posix()
            for glob in settings.test_files
            for path in sorted(self.root.glob(glob))
        ]
        files = {
            path.relative_to(self.root).as_posix(): path.read_text(encoding="utf-8")
            for path in [*source.rglob("*.py"), *(self.root / test for test in tests)]
        }
        self.tests = tests
        self.graph = ImportGraph(files)

    def hunt(self, mutant: Generated, path: Path) -> MutantAttempt:
        near = self.graph.nearest(mutant.file, self.tests)
        wanted = near[:_FILES]
        attempt = MutantAttempt(asked=f"{len(wanted)} of {len(near)} test files")
        if self.settings.test_files and not wanted:
            attempt.fate = MutantFate.NOT_REACHED
            return attempt
        deadline = time.monotonic() + self.seconds
        red = self._run(path, wanted, deadline)
        if not red.failed:
            attempt.fate, attempt.problem = red.fate, red.problem
            return attempt
        # by itself, without the mutant and with it once more: tests of a busy machine fail for other reasons
        names = red.failed[:1]
        without = self._run(self.original, names, deadline)
        again = self._run(path, names, deadline)
        if without.failed or not again.failed:
            attempt.problem = (
                f"red {'without the mutant, too' if without.failed else 'only once'}: {names[0]}"
            )
            return attempt
        if MutantFate.TIMED_OUT in (without.fate, again.fate):
            attempt.fate, attempt.problem = MutantFate.TIMED_OUT, without.problem or again.problem
            return attempt
        attempt.fate, attempt.places = MutantFate.KILLED, red.failed[:_PLACES]
        return attempt

    def _run(self, path: Path, tests: Sequence[str], deadline: float) -> TestsRun:
        self._lay(path)
        words = [
            one for word in self.settings.tests for one in (tests if word == TESTS else [word])
        ]
        environment = {**os.environ, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"}
        seconds = max(1.0, deadline - time.monotonic())
        try:
            done = subprocess.run(
                self.config.expand(words),
                cwd=path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return TestsRun(fate=MutantFate.TIMED_OUT, problem=f"no end after {seconds:.0f} s")
        except OSError as error:
            return TestsRun(fate=MutantFate.COULD_NOT_RUN, problem=str(error))
        # pytest's own codes: 1 tests failed, 2 interrupted (a module can not be imported), others: no run
        failed = _FAILED.findall(done.stdout)
        if done.returncode in (1, 2) and failed:
            return TestsRun(failed)
        if done.returncode:
            end = (done.stdout.strip() + done.stderr.strip())[-500:]
            return TestsRun(fate=MutantFate.COULD_NOT_RUN, problem=end)
        return TestsRun()

    def _lay(self, path: Path) -> None:
        """What tests expect beside the package. They are copied: a link would lead their imports back."""
        for name in self.config.ported.beside:
            if not (path / name).exists() and (self.root / name).exists():
                (path / name).symlink_to(self.root / name)
        for name in self.settings.tests_beside:
            place, source = path / name, self.root / name
            if place.exists():
                continue
            if source.is_dir():
                shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():
                shutil.copy2(source, place)
