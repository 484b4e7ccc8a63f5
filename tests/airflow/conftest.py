"""One real Airflow for a file of tests, and Cornflow behind the bridge, served by each stack in turn.

    tox -e airflow        or: python -m tests.airflow build && pytest -o addopts=-ra tests/airflow

Outside of tests/, which plain `tox` and `pytest` collect: what is here needs an Airflow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from parity_tests.stage.process import free_port
from tests.airflow.api import PASSWORD, USER
from tests.airflow.cornflow import SERVICE, Cornflow
from tests.airflow.journey import Journey, Outcome
from tests.airflow.server import Airflow
from tests.conftest import postgresql_server  # noqa: F401 - a fixture

STACKS = ("legacy", "ported")
FACTS = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def cornflow_port() -> int:
    """Airflow's workers are told one address, which the bridges take in turn."""
    return free_port()


@pytest.fixture(scope="session")
def facts(pytestconfig: pytest.Config) -> list[str]:
    """Lines for the end of the report."""
    return pytestconfig.stash.setdefault(FACTS, [])


@pytest.fixture(scope="module")
def airflow(
    facts: list[str],
    cornflow_port: int,
    postgresql_server: Any,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Airflow]:
    """Running and healthy."""
    postgresql_server.psql("CREATE DATABASE airflow;")
    folder: Path = tmp_path_factory.mktemp("airflow")
    server = Airflow(
        folder / "home",
        postgresql_server.get_uri("airflow"),
        free_port(),
        f"http://127.0.0.1:{cornflow_port}",
        SERVICE,
    )
    try:
        server.start()
        facts.append(f"Airflow: healthy {server.took:.1f} s after its start")
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def orchestrator(airflow: Airflow) -> Mapping[str, str]:
    """The settings that point Cornflow to this Airflow; the first is what changes from the runner's."""
    return {"AIRFLOW_URL": airflow.url, "AIRFLOW_USER": USER, "AIRFLOW_PWD": PASSWORD}


@pytest.fixture(scope="module")
def played(
    facts: list[str],
    airflow: Airflow,
    orchestrator: Mapping[str, str],
    cornflow_port: int,
    postgresql_server: Any,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Mapping[str, Outcome]:
    """The same journey on each stack, each on an empty database: what came of it, by stack."""
    found = {}
    for stack in STACKS:
        postgresql_server.psql(f"CREATE DATABASE cornflow_{stack};")
        url = postgresql_server.get_uri(f"cornflow_{stack}")
        cornflow = Cornflow(stack, cornflow_port, url, tmp_path_factory.mktemp(stack), orchestrator)
        cornflow.start()
        try:
            found[stack] = play(cornflow, airflow)
            facts.append(f"{stack}: a small solve took {found[stack]['seconds']:.1f} s")
        finally:
            cornflow.stop()
    facts.append(f"Airflow: {airflow.memory() / 1e6:.0f} MB, what its processes share counted once")
    return found


def play(cornflow: Cornflow, airflow: Airflow) -> Outcome:
    client = cornflow.client()
    journey = Journey(client, airflow)
    return {
        "modes": cornflow.modes(),
        "health": client.is_alive(),
        "sync": journey.sync(cornflow.client(*SERVICE)),
        "solve": journey.solve(),
        "check": journey.check(),
        "fail": journey.fail(),
        "stop": journey.stop(),
        "seconds": journey.seconds(),
    }


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """What was measured on the way."""
    for line in config.stash.get(FACTS, []):
        terminalreporter.write_line(line)
