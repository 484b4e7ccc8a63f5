"""A bill of materials (CycloneDX) for each distribution: what comes along with it in a clean environment."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from tests.packages.environments import Environment, StepError, run
from tests.packages.projects import ROOT, Project
from tests.packages.vulnerable import FORBIDDEN

PROGRAM = "cyclonedx-py"
"""Of the package cyclonedx-bom."""


def write(project: Project, python: Path, wheels: Path, goal: Path) -> Path:
    """The file made, `NAME-VERSION.cdx.json`. Raises StepError."""
    goal.mkdir(parents=True, exist_ok=True)
    made = goal / f"{project.name}-{project.table['version']}.cdx.json"
    with tempfile.TemporaryDirectory(prefix="sbom-") as folder:
        environment = Environment.create(python, Path(folder) / "env")
        environment.install(project.name, wheels=wheels)
        # what made the environment is nothing of the distribution
        tools = ("pip", "setuptools")
        run([environment.command("python"), "-m", "pip", "uninstall", "--quiet", "--yes", *tools])
        command = [PROGRAM, "environment", "--output-reproducible", "--short-PURLs"]
        project_file = str(project.path / "pyproject.toml")
        where = environment.command("python")
        run([*command, "--pyproject", project_file, "-o", str(made), where], timeout=300)
    document = json.loads(made.read_text(encoding="utf-8"))
    check(document, project)
    made.write_text(json.dumps(_without_places(document), indent=2) + "\n", encoding="utf-8")
    return made


def check(document: dict[str, Any], project: Project) -> None:
    """Raises StepError when a direct dependency is not in it, or what must not come along is."""
    names = {one["name"].lower().replace("_", "-") for one in document["components"]}
    if missing := project.required - names:
        raise StepError(f"the bill of {project.name} lacks {', '.join(sorted(missing))}")
    if wrong := names & FORBIDDEN.keys():
        raise StepError(f"{', '.join(sorted(wrong))} came along with {project.name}")


def _without_places(value: Any) -> Any:
    """Without where files lay on the machine that made it."""
    if isinstance(value, dict):
        return {
            key: _without_places(one)
            for key, one in value.items()
            if not (key == "externalReferences" and _is_local(one))
        }
    return [_without_places(one) for one in value] if isinstance(value, list) else value


def _is_local(references: Any) -> bool:
    return any(
        str(one.get("url", "")).startswith(("file:", str(ROOT), os.sep)) for one in references
    )
