"""The end of the road: what still needs the legacy, and the proof that nothing does."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from legacy_bridge.evidence.remaining import DayOfTraffic, first_day, remaining
from legacy_bridge.modes.decisions import decide
from legacy_bridge.modes.state import Stored
from legacy_bridge.operations.operation import Mode, Stack
from tests.bridge.cornflow_stack import environment, seed

ROOT = Path(__file__).parents[2]
LEGACY, PORTED = Stack.LEGACY, Stack.PORTED


def cutover(env: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "legacy_bridge.cli", *arguments]
    return subprocess.run(command, env=dict(env), cwd=ROOT, capture_output=True, text=True)


@pytest.fixture
def pair_env(tmp_path: Path) -> dict[str, str]:
    import os

    return os.environ | {
        "CUTOVER_ASSEMBLY": "tests.bridge.pair_assembly:assemble_for_the_end",
        "PAIR_DATABASE_URL": f"sqlite:///{tmp_path / 'pair.db'}",
        "PYTHONPATH": str(ROOT),
    }


def test_what_remains_is_what_the_port_does_not_answer_alone() -> None:
    from legacy_bridge.bridge import census_of
    from tests.bridge.pair import PORTED as PAIR
    from tests.bridge.pair import pair_rules

    census = census_of(pair_rules(), PAIR)
    traffic = [
        DayOfTraffic("2026-11-20", "GET /thing/", LEGACY, 5),
        DayOfTraffic("2026-11-22", "GET /thing/", LEGACY, 1),
        DayOfTraffic("2026-11-22", "GET /thing/", PORTED, 18),
        DayOfTraffic("2026-11-22", "GET /gone/", LEGACY, 9),
    ]
    decisions = decide(Stored(1, {}), census, default=Mode.PORTED)
    found = remaining(census, decisions, traffic, [], days=7)
    left = {one.operation: one for one in found.operations}
    assert left["GET /thing/"].reason is None
    assert left["GET /thing/"].last_by_legacy == "2026-11-22"
    assert left["PUT /thing/<int:idx>/"].reason == "not ported"
    assert found.ported_share == 18 / 24
    assert found.needs_legacy
    in_shadow = decide(Stored(1, {}), census, default=Mode.SHADOW)
    reasons = {one.reason for one in remaining(census, in_shadow, [], [], days=7).held}
    assert reasons == {"not ported", "mode shadow"}


def test_days_include_today() -> None:
    from datetime import date

    assert first_day(1, date(2026, 11, 23)) == "2026-11-23"
    assert first_day(7, date(2026, 11, 23)) == "2026-11-17"


def test_report_and_finish_say_no_while_something_is_left(pair_env: dict[str, str]) -> None:
    told = cutover(pair_env, "report", "--json")
    assert told.returncode == 1, told.stderr
    found = json.loads(told.stdout)
    assert found["needs_legacy"]
    assert found["leftovers"] == ["a row of the tests"]
    refused = cutover(pair_env, "finish", "--check")
    assert refused.returncode == 1
    assert "left: a row of the tests" in refused.stdout
    assert "the proof ran" not in refused.stdout


@pytest.mark.parametrize(("code", "ends"), [(0, 1), (1, 1), (2, 2)])
def test_finish_takes_the_proofs_word(pair_env: dict[str, str], code: int, ends: int) -> None:
    told = cutover(
        pair_env | {"PROOF_CODE": str(code)}, "finish", "--check", "--parity-only", "--", "--quick"
    )
    assert "the proof ran with --quick" in told.stdout
    # even a port that passes is not finished while something is left
    assert told.returncode == ends, told.stderr


@pytest.mark.legacy
def test_cornflow_finishes_when_the_port_alone_passes(tmp_path: Path) -> None:
    env = environment(tmp_path)
    seed(env)
    database = env["DATABASE_URL"].removeprefix("sqlite:///")
    with sqlite3.connect(database) as connection:
        connection.execute("INSERT INTO api_view (name, url_rule) VALUES ('old', '/old/')")
    assert cutover(env, "set", "all-ported", "ported").returncode == 0
    told = cutover(env, "report", "--json")
    assert told.returncode == 1, told.stderr
    assert [text for text in json.loads(told.stdout)["leftovers"] if "/old/" in text]
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM api_view WHERE url_rule = '/old/'")
    done = cutover(env, "finish", "--check", "--json", "--", "--journey", "action*")
    assert done.returncode == 0, done.stdout + done.stderr
    value: dict[str, Any] = json.loads(done.stdout)
    assert value["may_finish"]
    assert value["parity"]
    assert "0 differences" in done.stderr


def test_the_port_alone_finds_no_legacy_to_import() -> None:
    program = (
        "import sys; from cornflow_cutover.alone import _Gone; sys.meta_path.insert(0, _Gone())\n"
        "for name in ('cornflow', 'flask', 'flask_sqlalchemy', 'marshmallow'):\n"
        "    try: __import__(name)\n"
        "    except ModuleNotFoundError: print(name)\n"
        "import cornflow_f.main"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert told.stdout.split() == ["cornflow", "flask", "flask_sqlalchemy", "marshmallow"]
    assert told.returncode == 0, told.stderr
