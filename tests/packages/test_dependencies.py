"""Every dependency is imported, every import is a dependency, and every command names an extra there is."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packages.projects import ROOT, Project, names, projects

PROJECTS = projects()
each_project = pytest.mark.parametrize("project", PROJECTS, ids=lambda one: one.name)

DISTRIBUTIONS = {
    "embedded_runner": {"cornflow-runner"},
    "jwt": {"pyjwt"},
    "opentelemetry": {"opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"},
    "psycopg2": {"psycopg2-binary"},
    "yaml": {"pyyaml"},
}
"""Where the name of a distribution is not that of its package."""

NOT_IMPORTED = {
    "aiosqlite": "SQLAlchemy's driver, named in addresses",
    "asyncpg": "SQLAlchemy's driver, named in addresses",
    "httpcore": "the lowest version whose requests may have a target of their own",
    "httptools": "uvicorn takes it when it is there",
    "psycopg2-binary": "SQLAlchemy's driver, found by its name",
    "python-multipart": "FastAPI reads forms of external applications by it",
    "tzdata": "data that zoneinfo reads",
    "uvloop": "uvicorn takes it when it is there",
    "cornflow-runner": "started as a program of its own",
    "parity-tests": "started as a program of its own",
    "brotli": "parity-core imports it where it is needed",
}

NOT_REQUIRED = {
    ("cornflow-cutover", "cornflow"): "the legacy: its pins can't be joined with the port's",
}

_EXTRA = re.compile(r"pip install\s+\"?\s*\"?'([a-z-]+)\[([a-z-]+)\]'")


def imported(folder: Path) -> set[str]:
    """Top-level names of all imports below a folder, also of those inside functions."""
    known: set[str] = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                known |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                known.add(node.module.partition(".")[0])
    return known - set(sys.stdlib_module_names)


def wanted(project: Project) -> set[str]:
    own = {target.partition("/")[0] for target in project.folders}
    modules = {name for place in project.folders.values() for name in imported(ROOT / place)} - own
    return {
        canonicalize_name(one)
        for module in modules
        for one in DISTRIBUTIONS.get(module, {module})
        if (project.name, module) not in NOT_REQUIRED
    }


@each_project
def test_what_is_imported_is_asked_for(project: Project) -> None:
    assert wanted(project) - project.required - project.optional == set()


@each_project
def test_what_is_asked_for_is_imported(project: Project) -> None:
    asked = project.required | project.optional
    assert asked - wanted(project) - NOT_IMPORTED.keys() - {project.name} == set()


def test_a_missing_and_an_unused_dependency_are_noticed() -> None:
    folder = {"parity_core": "parity_core"}
    core = Project("x", ROOT, {"dependencies": ["click"]}, folder, ())
    assert "cryptography" in wanted(core) - core.required
    assert core.required - wanted(core) == {"click"}


def test_the_development_install_asks_for_all_of_it() -> None:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [one for extra in table["optional-dependencies"].values() for one in extra]
    asked = names(table["dependencies"]) | names(extras)
    own = {project.name for project in PROJECTS}
    everything = {name for one in PROJECTS for name in one.required | one.optional} - own
    assert asked == everything


def test_the_lowest_versions_are_the_lower_bounds() -> None:
    lines = (ROOT / "requirements" / "lowest-generic.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    lowest = {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in pins}
    wrong = []
    for project in PROJECTS:
        if project.name not in ("parity-core", "legacy-bridge", "parity-tests"):
            continue
        extras = project.table.get("optional-dependencies", {})
        chosen = [line for extra in _TESTED.get(project.name, ()) for line in extras[extra]]
        for line in [*project.table.get("dependencies", ()), *chosen]:
            asked = Requirement(line)
            name = canonicalize_name(asked.name)
            bound = [one.version for one in asked.specifier if one.operator == ">="]
            if name in lowest and _numbers(bound[0]) != _numbers(lowest[name]):
                wrong.append(f"{project.name}: {line}, tested {lowest[name]}")
            elif name not in lowest and name != "parity-core":
                wrong.append(f"{project.name}: {line}, not tested")
    assert wrong == []


_TESTED = {
    "legacy-bridge": ("postgresql",),
    "parity-core": ("tokens",),
    "parity-tests": ("serve", "services"),
}
"""The extras that `python -m tests.packages lowest` installs."""


def _numbers(version: str) -> tuple[int, ...]:
    parts = [int(part) for part in version.split(".")]
    while parts and not parts[-1]:
        parts.pop()
    return tuple(parts)


def test_commands_name_extras_that_there_are() -> None:
    extras = {
        (project.name, extra)
        for project in PROJECTS
        for extra in project.table.get("optional-dependencies", {})
    }
    named = set()
    for project in PROJECTS:
        for place in project.folders.values():
            for file in (ROOT / place).rglob("*.py"):
                text = re.sub(r'"\s*\n\s*f?"', "", file.read_text())
                named |= set(_EXTRA.findall(text))
    assert named - extras == set()
    assert {("legacy-bridge", "tracing"), ("parity-tests", "services")} <= named
