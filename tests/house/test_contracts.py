"""The import contracts hold, and each of them can fail: faults are planted in a copy of the tree."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "parity_core", "legacy_bridge", "parity_tests", "cornflow_f", "cornflow_cutover", "migrations",
    "embedded_runner",
)  # fmt: skip
GENERIC = ("parity_core", "legacy_bridge", "parity_tests")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__")
    for name in (*PACKAGES, "tests/house"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    (tmp_path / "tests" / "__init__.py").touch()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def gate(tree: Path) -> tuple[int, str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    environment = {**os.environ, "COLUMNS": "400", "NO_COLOR": "1", "PYTHONPATH": str(tree)}
    done = subprocess.run(
        command, cwd=tree, env=environment, text=True, capture_output=True, timeout=600, check=False
    )
    return done.returncode, done.stdout + done.stderr


def plant(tree: Path, faults: Mapping[str, str]) -> None:
    for file, code in faults.items():
        with (tree / file).open("a") as module:
            module.write(f"\n{code}\n")


def broken(printed: str) -> set[str]:
    return set(re.findall(r"^(.*\S) BROKEN", printed, re.MULTILINE))


def test_the_contracts_hold(tree: Path) -> None:
    code, printed = gate(tree)
    assert code == 0, printed


def test_an_import_of_either_application_is_refused_in_every_generic_module(tree: Path) -> None:
    files = [
        file
        for package in GENERIC
        for file in sorted((tree / package).rglob("*.py"))
        # not modules: a folder's name has a dash, or the file is for another interpreter's path
        if file.name != "sitecustomize.py"
    ]
    assert len(files) > 150
    plant(tree, {str(one.relative_to(tree)): "import cornflow, cornflow_f" for one in files})
    code, printed = gate(tree)
    assert code == 1
    for file in files:
        module = ".".join(file.relative_to(tree).with_suffix("").parts).removesuffix(".__init__")
        for imported in ("cornflow", "cornflow_f"):
            assert re.search(
                rf"^{module} \(line \d+\) imports {imported}$", printed, re.MULTILINE
            ), f"{module} may import {imported}"


FAULTS = {
    "a bridge module in the core": (
        "parity_core/compare/diff.py", "import legacy_bridge.settings", "the core is pure"),
    "a library in the core": ("parity_core/model.py", "import httpx", "the core is pure"),
    "pydantic in the comparison": ("parity_core/compare/diff.py", "import pydantic", "the core is pure"),
    "a file's model in the comparison": (
        "parity_core/compare/rules.py", "import parity_core.files.table", "the core is pure"),
    "another library in the core's files": ("parity_core/files/read.py", "import yaml", "the core's files alone"),
    "fastapi in a service": ("cornflow_f/services/case.py", "import fastapi", "services know no HTTP"),
    "starlette below a service": (
        "cornflow_f/validation/passwords.py", "import starlette.requests", "services know no HTTP"),
    "the legacy in the port": ("cornflow_f/views/case.py", "import flask", "the port outlives the legacy"),
    "the bridge in the port": (
        "cornflow_f/main.py", "import legacy_bridge.settings", "the port outlives the legacy"),
    "the comparison in the bridge": (
        "legacy_bridge/bridge.py", "import parity_tests.config", "the bridge joins any two"),
    "an import inside a function": (
        "legacy_bridge/serve.py", "def late() -> None:\n    import cornflow_f", "the bridge joins any two"),
    "a circle between two rooms": (
        "legacy_bridge/stacks/edge.py", "import legacy_bridge.modes.state", "no circle between siblings"),
    "a circle between two files": (
        "parity_core/compare/places.py", "import parity_core.compare.waivers", "no circle between siblings"),
    "an import upwards": ("legacy_bridge/database/tables.py", "import legacy_bridge.cli.main", "floors of the bridge"),
    "a view in a service": ("cornflow_f/services/user.py", "import cornflow_f.views.user", "floors of the port"),
    "a service in a migration": (
        "migrations/env.py", "import cornflow_f.services.user", "migrations know the models"),
    "a stack in a runner": ("embedded_runner/store.py", "import cornflow_f.config", "the runner speaks HTTP"),
    "a solver in the runner's server": (
        "embedded_runner/server.py", "import embedded_runner.worker", "only worker processes"),
    "the comparison's code in the cutover": (
        "cornflow_cutover/proof.py", "import parity_tests.config", "this cutover alone knows"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_import_turns_the_gate_red(tree: Path, fault: str) -> None:
    file, code, contract = FAULTS[fault]
    plant(tree, {file: code})
    returned, printed = gate(tree)
    assert returned == 1, printed
    assert any(name.startswith(contract) for name in broken(printed)), printed


@pytest.mark.parametrize("package", ["parity_core", "legacy_bridge", "parity_tests", "cornflow_f"])
def test_a_new_room_must_be_given_a_floor(tree: Path, package: str) -> None:
    (tree / package / "newcomer.py").write_text('"""Belongs to no floor yet."""\n')
    code, printed = gate(tree)
    assert code == 1
    assert "newcomer" in printed


def test_services_are_imported_without_a_web_framework() -> None:
    """What the contract says of the source, seen in a process."""
    program = (
        "import importlib, pkgutil, sys, cornflow_f.services as package\n"
        "for one in pkgutil.iter_modules(package.__path__):\n"
        "    importlib.import_module(f'{package.__name__}.{one.name}')\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules} & {'fastapi', 'starlette'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], text=True, capture_output=True, check=True, timeout=600
    )
    assert done.stdout.strip() == ""
