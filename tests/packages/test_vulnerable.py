"""No lower bound and no pin with known weaknesses, and nothing that needs `ecdsa`."""

import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packages import sbom
from tests.packages.audit import verdict
from tests.packages.environments import StepError
from tests.packages.projects import ROOT, Project, projects
from tests.packages.vulnerable import (
    FORBIDDEN,
    comes_along,
    requirements_of,
    too_low,
    weaknesses,
)

LISTS = sorted((ROOT / "requirements").glob("*.txt"))
OURS = ("dev.txt", "lowest-generic.txt")
"""The other lists are what others published: the legacy's pins, and Airflow's, in environments of their own."""


def asked_by(project: Project) -> list[str]:
    extras = project.table.get("optional-dependencies", {})
    return [
        *project.table.get("dependencies", ()),
        *(line for one in extras.values() for line in one),
    ]


@pytest.mark.parametrize("project", projects(), ids=lambda one: one.name)
def test_no_lower_bound_is_weak(project: Project) -> None:
    assert list(too_low(asked_by(project))) == []


def test_the_development_install_and_our_lists_are_not_weak() -> None:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*table["dependencies"]]
    for extra in table["optional-dependencies"].values():
        lines += extra
    for name in OURS:
        lines += requirements_of(ROOT / "requirements" / name)
    assert list(too_low(lines)) == []


def test_a_weak_bound_is_noticed() -> None:
    planted = ["starlette>=0.36.3,<2", "Jinja2>=3.1", "jinja2==3.1.4", "requests", "rich>=13"]
    assert [line.partition(":")[0] for line in too_low(planted)] == [
        "starlette>=0.36.3,<2",
        "Jinja2>=3.1",
        "requests",
    ]


def test_what_is_accepted_has_a_reason() -> None:
    for name, one in weaknesses().items():
        assert bool(one.accepted) == bool(one.reason), name
        assert one.advisories, name


@pytest.mark.parametrize("file", LISTS, ids=lambda one: one.name)
def test_no_list_holds_what_must_not_come_along(file: Path) -> None:
    listed = {canonicalize_name(Requirement(line).name) for line in requirements_of(file)}
    assert listed.isdisjoint(FORBIDDEN)


def test_nothing_installed_here_must_not_be() -> None:
    """The legacy is among it: its own pins need none of them either."""
    installed = {canonicalize_name(one.metadata["Name"]) for one in distributions()}
    assert installed.isdisjoint(FORBIDDEN)


@pytest.mark.parametrize("project", projects(), ids=lambda one: one.name)
def test_nothing_that_comes_along_must_not(project: Project) -> None:
    assert comes_along(asked_by(project)).isdisjoint(FORBIDDEN)


def test_what_comes_along_is_followed_to_the_end() -> None:
    assert {"httpx", "httpcore", "h11"} <= comes_along(["httpx>=0.28"])
    assert "cryptography" in comes_along(["pyjwt[crypto]"])
    assert "cryptography" not in comes_along(["pyjwt"])
    assert not comes_along(["python-jose"]).isdisjoint(FORBIDDEN)


def test_what_could_not_be_asked_is_no_pass() -> None:
    fine = {"name": "a", "version": "1", "vulns": []}
    unknown = {"name": "b", "skip_reason": "not found"}
    weak = {"name": "c", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}
    assert verdict([fine, fine, unknown])[0] == 0
    assert verdict([fine, unknown, unknown])[0] == 2
    assert verdict([fine, weak, unknown]) == (1, ["c 2: CVE-1, mended in 3"])


def test_a_bill_without_a_dependency_or_with_ecdsa_is_refused() -> None:
    (bridge,) = [one for one in projects() if one.name == "legacy-bridge"]
    whole = [{"name": name} for name in bridge.required]
    sbom.check({"components": whole}, bridge)
    with pytest.raises(StepError, match="lacks"):
        sbom.check({"components": whole[1:]}, bridge)
    with pytest.raises(StepError, match="ecdsa came along"):
        sbom.check({"components": [*whole, {"name": "ecdsa"}]}, bridge)
