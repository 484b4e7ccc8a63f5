"""The port of Cornflow against the legacy: no difference without a waiver, and planted bugs are found."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
USUAL = ("--setting", "OPEN_DEPLOYMENT=1", "--setting", "USER_ACCESS_ALL_OBJECTS=0")


def parity(tmp_path: Path, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, the JSON report and what to show of it: differences first and whole, the rest in a file."""
    report = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, "-m", "parity_tests.cli", *arguments, "--json", str(report)],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    told = json.loads(report.read_text()) if report.exists() else {}
    printed = tmp_path / "printed.txt"
    printed.write_text(f"{done.stdout}\n{done.stderr}")
    return (
        done.returncode,
        told,
        "\n".join(
            [*differing(told), *done.stderr.splitlines()[-20:], f"all that was printed: {printed}"]
        ),
    )


def differing(report: dict[str, Any]) -> list[str]:
    """What no waiver accepts, and what else made a run red: one line each."""
    found = report.get("details", [])
    return [
        *(f"broken: {one}" for one in report.get("broken", [])),
        *(f"waiver: {one}" for one in report.get("waiver_problems", [])),
        *(
            f"{one['key']} {one['operation']} as {one['user']} {one['where']} {one['place']}: "
            f"{one['legacy']!r} against {one['ported']!r} {one['why']}"
            for one in found
            if not one["waiver"]
        ),
    ]


@pytest.mark.legacy
@pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def test_the_port_answers_as_the_legacy_does(tmp_path: Path, database: str) -> None:
    code, report, printed = parity(tmp_path, "run", "--database", database)
    assert code == 0, printed
    assert report["differences"] == 0
    assert report["operations_covered"] == report["operations_total"] == 88
    assert report["exchanges"] >= 1500


@pytest.mark.legacy
def test_planted_bugs_turn_the_comparison_red(tmp_path: Path) -> None:
    planted = tomllib.loads((ROOT / "parity_tests" / "cornflow" / "mutants.toml").read_text())[
        "mutant"
    ]
    equivalent = [mutant["id"] for mutant in planted if mutant.get("equivalent")]
    # those of a group are the generator's to find, and no journey's
    planted = [mutant for mutant in planted if not mutant.get("group")]
    bugs = [mutant["id"] for mutant in planted if not mutant.get("equivalent")]
    assert len(bugs) >= 45
    assert equivalent, "and one that changes nothing must be left alone"
    # every second one: `parity mutants` tries them all, which would double what this costs
    tried = [*bugs[::2], *equivalent[:1]]
    only = [word for idx in tried for word in ("--only", idx)]
    code, report, printed = parity(tmp_path, "mutants", *only)
    assert code == 0, printed
    assert report["found"] == report["total"] == len(bugs[::2])
    assert report["equivalents_found"] == []


def test_every_planted_bug_applies() -> None:
    command = [sys.executable, "-m", "parity_tests.cli", "mutants", "--list"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.legacy
def test_the_matrix_has_a_request_for_every_operation(tmp_path: Path) -> None:
    code, report, printed = parity(tmp_path, "matrix", "-o", "GET /schema/", *USUAL)
    assert code == 0, printed
    assert report["operations_total"] == 88
    # six roles; all settings are the command's work
    assert (report["cells"], report["counts"]["same"]) == (6, 6)
    assert {cell["legacy"] for cell in report["matrix"]} == {200, 403, 400}
