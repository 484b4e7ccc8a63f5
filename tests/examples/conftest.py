"""A copy of the library that a test may change, and our commands run on it."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

LIBRARY = Path(__file__).parents[2] / "examples" / "library"

# the suites make a database file for each test
_FAST = {"TMPDIR": "/dev/shm"} if os.access("/dev/shm", os.W_OK) else {}


@dataclass
class Library:
    folder: Path

    def change(self, file: str, find: str, replace: str) -> None:
        path = self.folder / file
        text = path.read_text()
        assert text.count(find) == 1, f"{find!r} occurs {text.count(find)} times in {file}"
        path.write_text(text.replace(find, replace))

    def run(self, module: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", module, *words],
            capture_output=True,
            text=True,
            timeout=600,
            cwd=self.folder,
            env={**os.environ, **_FAST, "PYTHONPATH": str(self.folder), **variables},
            check=False,
        )

    def parity(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run("parity_tests.cli", *words)

    def replay(self, *words: str) -> tuple[int, dict[str, Any], str]:
        """Exit code, JSON report and everything printed of `parity run`."""
        done = self.parity("run", "--config", "parity.toml", "--json", "report.json", *words)
        printed = done.stdout + done.stderr
        file = self.folder / "report.json"
        return done.returncode, json.loads(file.read_text()) if file.exists() else {}, printed

    def suite(self, target: str, *words: str) -> tuple[int, dict[str, Any], str]:
        """The same of `parity suite`; the tests by name under `by_name`."""
        done = self.parity("suite", "--json", "suite.json", target, "--", *words)
        file = self.folder / "suite.json"
        report = json.loads(file.read_text()) if file.exists() else {"tests": []}
        report["by_name"] = {test["id"].rpartition("::")[2]: test for test in report["tests"]}
        return done.returncode, report, done.stdout + done.stderr


@pytest.fixture
def library(tmp_path: Path) -> Library:
    folder = tmp_path / "library"
    shutil.copytree(LIBRARY, folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    return Library(folder)
