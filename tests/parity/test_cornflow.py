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


def parity(tmp_path: Path, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, the JSON report and what was printed."""
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
    printed = f"{done.stdout[-6000:]}\n{done.stderr[-4000:]}"
    return done.returncode, json.loads(report.read_text()) if report.exists() else {}, printed


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
    planted = tomllib.loads((ROOT / "parity_tests" / "mutants.toml").read_text())["mutant"]
    bugs = [mutant for mutant in planted if not mutant.get("equivalent")]
    assert len(bugs) >= 45
    assert len(planted) > len(bugs), "and one that changes nothing must be left alone"
    code, report, printed = parity(tmp_path, "mutants")
    assert code == 0, printed
    assert report["found"] == report["total"] == len(bugs)
