"""`parity suite cornflow` on tests of our own, written as Cornflow's team might write them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = Path(__file__).with_name("suite_cornflow")


@pytest.mark.legacy
def test_a_suite_of_cornflows_on_the_port(tmp_path: Path) -> None:
    report_file = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, "-m", "parity_tests.cli", "suite", "--json", str(report_file), "cornflow",
         "--", "pytest", "-q", "-p", "no:cacheprovider"],
        capture_output=True, text=True, timeout=600, cwd=SUITE, check=False,
        env={**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'suite.db'}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(report_file.read_text())
    verdicts = {test["id"].rpartition("::")[2]: test["verdict"] for test in report["tests"]}
    assert verdicts.pop("test_a_password_that_is_never_checked") == "reaches_inside", done.stdout
    # doubles of the orchestrator's client are shown to the port
    assert verdicts["test_an_execution_is_started"] == "passed", done.stdout
    assert set(verdicts.values()) == {"passed"}, done.stdout
    assert len(verdicts) == 10
    assert "cornflow.models.user.UserModel.check_hash" in done.stdout
