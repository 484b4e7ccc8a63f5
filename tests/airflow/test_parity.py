"""The journeys that solve, on both stacks, with a real Airflow for each in the embedded runner's place.

Only those that ask when a run has ended: Airflow starts runs when it likes, and what a failed one leaves
depends on when the client asks (docs/legacy-behaviour.md).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from parity_core.model import Finding, Pair
from parity_tests.config import DEFAULT, Config, load
from parity_tests.journeys.model import Journey
from parity_tests.report.exit_code import Exit
from parity_tests.run.use_case import RunOptions, run
from tests.airflow.api import PASSWORD, USER

JOURNEYS = ("solve-pulp", "solve-graph", "data-checks-run")
_MODULE = ("{python}", "-m", "tests.airflow")


class Silent:
    def message(self, text: str) -> None: ...
    def journey(self, journey: Journey, number: int, total: int) -> None: ...
    def pair(self, pair: Pair, findings: object) -> None: ...
    def journey_done(self, journey: Journey, seconds: float) -> None: ...


@pytest.fixture
def config() -> Config:
    """Cornflow's comparison, with the service `runner` moved to Airflow."""
    usual = load(DEFAULT)
    runner = usual.services["runner"]
    options = {
        **runner.options,
        "command": [*_MODULE, "serve", "--port", "{port}", "--cornflow-url", "{origin}"],
        "ready": [[*_MODULE, "sync", "--port", "{port}"]],
    }
    told = {**runner.environment, "AIRFLOW_USER": USER, "AIRFLOW_PWD": PASSWORD}
    moved = replace(runner, options=options, environment=told)
    return replace(usual, services={**usual.services, "runner": moved})


def test_journeys_that_solve_agree(config: Config, facts: list[str]) -> None:
    report = run(config, RunOptions(journeys=JOURNEYS), Silent())
    assert report.broken == []
    assert [told(finding) for finding in report.differences] == []
    assert report.exit is Exit.SAME
    assert report.journeys == len(JOURNEYS)
    facts.append(
        f"parity: {report.journeys} journeys, {report.exchanges} exchanges, 0 differences with an "
        f"Airflow for each stack, {report.seconds:.0f} s"
    )


def told(finding: Finding) -> str:
    return f"{finding.pair.where}: {finding.pair.operation.label}: {finding.difference}"
