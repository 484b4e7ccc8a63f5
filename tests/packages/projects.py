"""The projects in `distributions/`, read from their own files, and built."""

import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
DISTRIBUTIONS = ROOT / "distributions"


@dataclass(frozen=True)
class Project:
    """One distribution."""

    name: str
    path: Path
    table: dict[str, Any]
    """`[project]` of its pyproject.toml."""
    folders: dict[str, str]
    """Place in the wheel to place in the tree."""
    without: tuple[str, ...]

    @property
    def required(self) -> set[str]:
        return names(self.table.get("dependencies", ()))

    @property
    def optional(self) -> set[str]:
        extras = self.table.get("optional-dependencies", {})
        return {name for extra in extras.values() for name in names(extra)}


def names(requirements: Any) -> set[str]:
    return {canonicalize_name(Requirement(one).name) for one in requirements}


def projects() -> list[Project]:
    made = []
    for file in sorted(DISTRIBUTIONS.glob("*/pyproject.toml")):
        data = tomllib.loads(file.read_text())
        hook = data["tool"]["hatch"]["build"]["hooks"]["custom"]
        table = data["project"]
        without = tuple(hook.get("without", ()))
        made.append(Project(table["name"], file.parent, table, hook["folders"], without))
    return made


def build(folder: Path, kind: str, goal: Path) -> Path:
    """The file made: `kind` is `wheel` or `sdist`."""
    goal.mkdir(parents=True, exist_ok=True)
    before = set(goal.iterdir())
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(goal)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = set(goal.iterdir()) - before
    return made


def files_in(wheel: Path) -> set[str]:
    """What it installs, without its own description."""
    with ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def files_of(project: Project) -> set[str]:
    """What its wheel has to hold: the tree's files, by the places they are installed at."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tree = [name for name in listed.splitlines() if (ROOT / name).is_file()]
    wanted = {
        target + name.removeprefix(place)
        for target, place in project.folders.items()
        for name in tree
        if name.startswith(f"{place}/")
    }
    return {
        name
        for name in wanted
        if not any(name.startswith(f"{folder}/") for folder in project.without)
    }


def twice(contents: dict[str, set[str]]) -> set[str]:
    """Files that two distributions would install."""
    everything: set[str] = set()
    double: set[str] = set()
    for files in contents.values():
        double |= everything & files
        everything |= files
    return double
