"""Who judges the seed: the legacy's own commands make another, and both must correspond."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parity_core.compare.correspond import Window
from parity_core.compare.rules import Rule, RuleKind, Rules
from parity_core.files import rules_toml
from parity_core.model import MISSING
from parity_tests import config as configuration
from parity_tests.mutants.model import Mutant
from parity_tests.mutants.plant import Garden
from parity_tests.run.first import first
from parity_tests.run.seeds import compare
from parity_tests.stage import databases
from parity_tests.stage.workplace import workplace

RULES = Rules(
    [
        Rule("rows/roles/*/id", RuleKind.ID, namespace="roles"),
        Rule("rows/views/*/id", RuleKind.ID, namespace="views"),
        Rule("rows/grants/*/id", RuleKind.ID, namespace="grants"),
        Rule("rows/*/*/role_id", RuleKind.ID, namespace="roles"),
        Rule("rows/*/*/view_id", RuleKind.ID, namespace="views"),
        Rule("rows/*/*/*_at", RuleKind.TIMESTAMP),
    ]
)
WINDOW = Window(0.0, 0.0, 1, 3600.0, 3600.0)


def seed(*order: int) -> dict[str, list[dict[str, Any]]]:
    """The same roles, views and grants, with ids that were given in another order."""
    names = ["planner", "admin", "viewer"]
    ids = {names[n]: number for number, n in enumerate(order, 1)}
    return {
        "roles": [
            {"id": ids[name], "name": name, "made_at": "2026-01-01T00:00:00"} for name in ids
        ],
        "views": [{"id": 7 + ids["admin"], "name": "user", "url": "/user/"}],
        "grants": [
            {"id": number, "role_id": ids[name], "view_id": 7 + ids["admin"], "action": 1}
            for number, name in enumerate(ids, 1)
        ],
    }


def differences(legacy: Any, ported: Any) -> list[tuple[str, Any, Any]]:
    return [(d.place, d.legacy, d.ported) for d in compare(legacy, ported, RULES, WINDOW, {})]


def test_ids_and_order_may_differ_and_nothing_else() -> None:
    legacy = seed(0, 1, 2)
    assert differences(legacy, seed(2, 0, 1)) == []
    ported = seed(2, 0, 1)
    gone = ported["grants"].pop()
    assert gone
    ((place, one, other),) = differences(legacy, ported)
    assert place.startswith("rows/grants/")
    assert '"action"' in str(one)
    assert other is MISSING


@pytest.mark.parametrize(
    ("table", "column", "value", "count"),
    [
        ("roles", "name", "boss", 4),  # the role and the grant that leads to it, on both sides
        ("views", "url", "/users/", 8),
        ("grants", "action", 2, 2),
        ("grants", "action", True, 2),
        ("grants", "role_id", 99, 2),
        ("roles", "made_at", "2026-01-01 00:00:00", 1),
    ],
)
def test_one_value_that_differs_is_found(table: str, column: str, value: Any, count: int) -> None:
    ported = seed(0, 1, 2)
    ported[table][0][column] = value
    assert len(differences(seed(0, 1, 2), ported)) == count


def test_a_table_or_a_row_of_one_side_is_found() -> None:
    ported = seed(0, 1, 2)
    ported["more"] = []
    assert differences(seed(0, 1, 2), ported) == [("rows/more", MISSING, "a table")]
    twice = seed(0, 1, 2)
    twice["grants"].append(dict(twice["grants"][0], id=99))
    ((_, one, other),) = differences(seed(0, 1, 2), twice)
    assert (str(one)[:6], str(other)[:6]) == ("1 rows", "2 rows")


@pytest.mark.legacy
@pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def test_the_ports_provisioning_is_the_legacys(database: str) -> None:
    config = configuration.load(configuration.DEFAULT)
    with workplace(False) as folder:
        made = databases.create(database, folder, "parity_seeds")
        made.seed(config)
        pair, found = first(
            config, made, made.seed_by_legacy(config), rules_toml.load(config.rules, database)
        )
        made.close()
    assert found == []
    assert pair.operation.label == "SEED /"


PLANTED = [
    (
        "cornflow_f/constants.py",
        '    (Role.DUMMY, Action.GET, "user-roles"),\n',
        "",
        "permission_view",
    ),
    (
        "cornflow_f/services/register_access.py",
        "        View(name=view.name, url_rule=view.url_rule, description=view.description)\n        for",
        "        View(name=view.name, url_rule=view.url_rule, description=view.name)\n        for",
        "api_view",
    ),
]


@pytest.mark.legacy
@pytest.mark.parametrize(("file", "find", "replaced", "table"), PLANTED)
def test_a_fault_in_the_ports_provisioning_is_found(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    find: str,
    replaced: str,
    table: str,
) -> None:
    # `python -m` takes packages of the working folder first
    monkeypatch.chdir(tmp_path)
    config = configuration.load(configuration.DEFAULT)
    mutant = Mutant("planted", "a fault", file, find, replaced, "SEED /", "rows/**", ("*",))
    folder = Garden(config, tmp_path / "garden").plant(mutant)
    commands = config.seed.commands[:2]
    legacy = (config.seed.legacy[0][:3],)
    planted = replace(
        config,
        seed=replace(
            config.seed,
            commands=commands,
            legacy=legacy,
            pythonpath=(folder, *config.seed.pythonpath),
        ),
    )
    made = databases.create("sqlite", tmp_path, "parity_planted")
    made.seed(planted)
    _, found = first(
        planted, made, made.seed_by_legacy(planted), rules_toml.load(config.rules, "sqlite")
    )
    assert found
    assert any(one.place.startswith(f"rows/{table}/") for one in found)
    if not replaced:
        assert len(found) == 1
