"""Two seeds of one schema, made by each stack's own commands: do their rows correspond? Pure, but for reading.

Generated ids may be others and rows may lie in another order. A row is known by its values, and by the values of the
rows that its ids lead to: a permission is its action, the name of its role and that of its view.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from parity_core.compare.correspond import Correspondence, Window
from parity_core.compare.rules import Rule, RuleKind, Rules
from parity_core.model import MISSING, Difference

Row = Mapping[str, Any]
Seed = Mapping[str, Sequence[Row]]
"""Rows by table, each by column."""

_ROUNDS = 4
"""How far ids are followed from row to row."""


def compare(
    legacy: Seed, ported: Seed, rules: Rules, window: Window, secrets: Mapping[str, str]
) -> list[Difference]:
    """Tables and rows that one seed has and the other has not, and generated values that do not correspond."""
    differences: list[Difference] = []
    correspondence = Correspondence(secrets=dict(secrets))
    names = [_names(seed, rules) for seed in (legacy, ported)]
    for table in sorted(legacy.keys() | ported.keys()):
        if table not in legacy or table not in ported:
            words = ["a table" if table in seed else MISSING for seed in (legacy, ported)]
            differences.append(Difference(f"rows/{table}", words[0], words[1]))
            continue
        differences += _table(
            table, (legacy[table], ported[table]), names, rules, window, correspondence
        )
    return differences


def _table(
    table: str,
    rows: tuple[Sequence[Row], Sequence[Row]],
    names: Sequence[Names],
    rules: Rules,
    window: Window,
    correspondence: Correspondence,
) -> list[Difference]:
    differences: list[Difference] = []
    sides: list[dict[str, list[Row]]] = []
    for side, of in zip(rows, names, strict=True):
        groups: dict[str, list[Row]] = defaultdict(list)
        for row in side:
            groups[_name(table, row, rules, of)].append(row)
        sides.append(groups)
    for name in sorted(sides[0].keys() | sides[1].keys()):
        ones, others = (side.get(name, []) for side in sides)
        place = f"rows/{table}/{_short(name)}"
        if len(ones) != len(others):
            words = [f"{len(some)} rows: {name}" if some else MISSING for some in (ones, others)]
            differences.append(Difference(place, words[0], words[1]))
        for one, other in zip(ones, others, strict=False):
            for column, value in one.items():
                rule = _rule(rules, table, column)
                # ids are compared by what they lead to
                if (
                    rule is None
                    or rule.kind is RuleKind.ID
                    or (value is None and other[column] is None)
                ):
                    continue
                wrong = correspondence.check(rule, value, other[column], window)
                if wrong:
                    differences.append(Difference(f"{place}/{column}", value, other[column], wrong))
    return differences


Names = Mapping[tuple[str, Any], str]
"""What an id of a namespace leads to."""


def _names(seed: Seed, rules: Rules) -> Names:
    names: dict[tuple[str, Any], str] = {}
    for _ in range(_ROUNDS):
        known, names = names, {}
        for table, rows in seed.items():
            own = _rule(rules, table, "id")
            if own is not None and own.kind is RuleKind.ID:
                names |= {
                    (own.namespace, row["id"]): _name(table, row, rules, known)
                    for row in rows
                    if "id" in row
                }
    return names


def _name(table: str, row: Row, rules: Rules, names: Names) -> str:
    """The row's values, without generated ones; ids as what they lead to."""
    values: dict[str, Any] = {}
    for column, value in row.items():
        rule = _rule(rules, table, column)
        if rule is None:
            values[column] = [type(value).__name__, value]
        elif rule.kind is RuleKind.ID and column != "id" and value is not None:
            values[column] = names.get((rule.namespace, value), "(nothing)")
        elif value is None:
            values[column] = None
    return json.dumps(values, sort_keys=True, default=str, ensure_ascii=False)


def _rule(rules: Rules, table: str, column: str) -> Rule | None:
    return rules.of("", f"rows/{table}/0/{column}")


def _short(name: str) -> str:
    """A row's values as a part of a place: no more than tells it from others."""
    values = [
        str(value[1] if isinstance(value, list) else value)
        for value in json.loads(name).values()
        if value not in (None, "(nothing)")
    ]
    return ",".join(values)[:120].replace("/", "~1")
