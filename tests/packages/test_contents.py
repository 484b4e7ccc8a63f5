"""What each wheel holds: all files of its packages, nothing else, and no file in two of them."""

import tarfile
from pathlib import Path

import pytest

from cornflow_f import __version__
from cornflow_f.migration.run import _scripts
from tests.packages.projects import (
    DISTRIBUTIONS,
    ROOT,
    Project,
    build,
    files_in,
    files_of,
    projects,
    twice,
)

PROJECTS = projects()
each_project = pytest.mark.parametrize("project", PROJECTS, ids=lambda one: one.name)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    goal = tmp_path_factory.mktemp("wheels")
    return {project.name: build(project.path, "wheel", goal) for project in PROJECTS}


def test_these_are_the_distributions() -> None:
    assert {project.name for project in PROJECTS} == {
        "cornflow-cutover", "cornflow-f", "cornflow-runner", "legacy-bridge", "parity-core", "parity-tests",
    }  # fmt: skip


@each_project
def test_a_wheel_holds_its_packages_whole(project: Project, wheels: dict[str, Path]) -> None:
    held = files_in(wheels[project.name])
    assert held == files_of(project)
    assert not {name for name in held if "tests" in name.split("/") or "__pycache__" in name}


def test_no_file_is_in_two_wheels(wheels: dict[str, Path]) -> None:
    assert twice({name: files_in(wheel) for name, wheel in wheels.items()}) == set()


def test_a_file_in_two_wheels_is_noticed() -> None:
    assert twice({"one": {"a/b.py", "c.py"}, "two": {"c.py"}}) == {"c.py"}


@each_project
def test_a_source_distribution_builds_the_same_wheel(
    project: Project, wheels: dict[str, Path], tmp_path: Path
) -> None:
    with tarfile.open(build(project.path, "sdist", tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    wheel = build(unpacked, "wheel", tmp_path / "wheel")
    assert files_in(wheel) == files_in(wheels[project.name])


def test_the_projects_agree() -> None:
    assert {project.table["version"] for project in PROJECTS} == {__version__}
    licence = (ROOT / "LICENSE").read_bytes()
    assert {one.read_bytes() for one in DISTRIBUTIONS.glob("*/LICENSE")} == {licence}
    hooks = {project.path / "hatch_build.py" for project in PROJECTS}
    assert len({hook.read_bytes() for hook in hooks}) == 1


def test_migrations_are_found_in_a_wheel_and_in_the_tree(tmp_path: Path) -> None:
    package = tmp_path / "cornflow_f"
    package.mkdir()
    assert _scripts(package) == tmp_path / "migrations"
    (package / "migrations").mkdir()
    assert _scripts(package) == package / "migrations"
