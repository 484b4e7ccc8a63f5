"""Clean environments: made, filled from wheels, measured."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.packages.vulnerable import FORBIDDEN

VERSIONS = ("3.11", "3.12", "3.13")


class StepError(Exception):
    """A command failed; the text holds the end of what it printed."""


def interpreters() -> dict[str, Path]:
    """The Pythons of this machine, by version: on the path, or beside pyenv's others."""
    known: dict[str, Path] = {}
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in VERSIONS:
        candidates: list[str | Path | None] = [*sorted(pyenv.glob(f"{version}.*/bin/python"))]
        candidates.append(shutil.which(f"python{version}"))
        if sys.version_info[:2] == tuple(map(int, version.split("."))):
            candidates.insert(0, getattr(sys, "_base_executable", sys.executable))
        for one in candidates:
            if one is None:
                continue
            done = subprocess.run([one, "--version"], capture_output=True, text=True, check=False)
            if done.returncode == 0 and f"Python {version}." in done.stdout:
                known[version] = Path(one)
                break
    return known


@dataclass(frozen=True)
class Installed:
    packages: int
    """Distributions, with what was asked for and without pip."""
    megabytes: float
    seconds: float


@dataclass(frozen=True)
class Environment:
    """A virtual environment with nothing but pip in it."""

    path: Path

    @classmethod
    def create(cls, python: Path, path: Path) -> "Environment":
        run([str(python), "-m", "venv", str(path)])
        return cls(path)

    def command(self, name: str) -> str:
        return str(self.path / "bin" / name)

    def install(self, *what: str, wheels: Path | None = None) -> Installed:
        before, started = self._megabytes(), time.monotonic()
        links = [] if wheels is None else ["--find-links", str(wheels)]
        run([self.command("python"), "-m", "pip", "install", "--quiet", *links, *what], timeout=900)
        took = time.monotonic() - started
        run([self.command("python"), "-m", "pip", "check"])
        listed = run([self.command("python"), "-m", "pip", "list", "--format=freeze"]).splitlines()
        known = [line for line in listed if "==" in line]
        carried = {line.partition("==")[0].lower().replace("_", "-") for line in known}
        if wrong := carried & FORBIDDEN.keys():
            name = wrong.pop()
            raise StepError(f"{name} came along: {FORBIDDEN[name]}")
        pips = ("pip==", "setuptools==", "wheel==")
        count = sum(not line.startswith(pips) for line in known)
        return Installed(count, self._megabytes() - before, took)

    def _megabytes(self) -> float:
        files = [file for file in self.path.rglob("*") if file.is_file() and not file.is_symlink()]
        return sum(file.stat().st_size for file in files) / 1e6


def run(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    environment: dict[str, str] | None = None,
    timeout: float = 300,
) -> str:
    """What it printed. Raises StepError."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**clean(), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode != 0:
        end = "\n".join(done.stdout.splitlines()[-25:])
        raise StepError(f"{' '.join(command)} ended with {done.returncode}:\n{end}")
    return done.stdout


def clean() -> dict[str, str]:
    """This process's environment without what points into this checkout's own installation."""
    hidden = ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME")
    return {name: value for name, value in os.environ.items() if name not in hidden}
