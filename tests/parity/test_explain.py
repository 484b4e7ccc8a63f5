"""One difference in full, by a short ID that is the same in every run."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from parity_core.model import Difference, Finding, ParityError, Request
from parity_tests.cli.main import main
from parity_tests.operations import Census
from parity_tests.report import document as json_report
from parity_tests.report.explain import explain
from parity_tests.report.results import Report
from tests.parity.conftest import pair


@pytest.fixture
def report(tmp_path: Path) -> Path:
    told = Report("shop", "sqlite", Census(("GET /x/",)))
    for step, (legacy, ported) in enumerate(
        (({"a": 1, "b": 1}, {"a": 2, "b": 2}), ({"a": 3}, {"a": 4})), 1
    ):
        one = pair(legacy, ported, step)
        one.legacy.request = Request(
            "POST",
            "/x/?q='",
            (("Authorization", "Bearer secret-of-admin"), ("Content-Type", "application/json")),
            b'{"password": "secret", "name": "it\'s"}',
        )
        one = replace(one, user="admin")
        places = [Difference(f"body/{name}", legacy[name], ported[name]) for name in legacy]
        told.add(one, [Finding(one, difference) for difference in places])
    file = tmp_path / "report.json"
    json_report.write(json_report.document(told), file)
    return file


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["explain", *map(str, arguments)])


def keys(report: Path) -> dict[str, str]:
    kinds = json.loads(report.read_text())["kinds"]
    return {kind["place"]: key for key, kind in kinds.items()}


def test_a_difference_is_told_with_request_and_both_replies(report: Path) -> None:
    key = keys(report)["body/a"]
    done = run(key[:6], report)
    assert done.exit_code == 0
    for words in (key, "GET /x/", "as admin", "journey, step 1", "It occurs 2 times", '"b": 2'):
        assert words in done.output
    assert "secret" not in done.output.replace("secrets are variables", "")
    second = run(key, report, "-n", 2)
    assert "journey, step 2" in second.output
    assert run(key, report, "-n", 3).exit_code == 2


def test_the_command_can_be_pasted(report: Path) -> None:
    done = run(keys(report)["body/b"], report, "--json", "--origin", "http://127.0.0.1:9/")
    curl = json.loads(done.output)["pair"]["curl"]
    # a shell takes it apart into the words that were meant, the secret from its own variable
    words = subprocess.run(
        ["bash", "-c", f"curl() {{ printf '%s\\n' \"$@\"; }}; TOKEN=mine; {curl}"],
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    assert words == [
        "-i", "-X", "POST", "http://127.0.0.1:9/x/?q='",
        "-H", "Authorization: Bearer mine", "-H", "Content-Type: application/json",
        "--data-binary", '{"password": "<password>", "name": "it\'s"}',
    ]  # fmt: skip


def test_an_id_that_is_none_or_several_says_so(report: Path) -> None:
    told = json_report.load(report)
    with pytest.raises(ParityError, match="no difference `zzz`"):
        explain(told, "zzz")
    with pytest.raises(ParityError, match="write more of it"):
        explain(told, "")
    assert run("zzz", report).exit_code == 2
