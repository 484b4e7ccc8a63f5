"""The list of all operations with who implements each: read from both routers, never typed by hand."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from legacy_bridge.operations.operation import (
    LegacyRule,
    Operation,
    PortedOperation,
    canonical_rule,
)

IMPLICIT_METHODS = frozenset({"HEAD", "OPTIONS"})
"""What Flask adds to a rule by itself: not operations of their own."""


class CensusError(Exception):
    """The two stacks do not fit; `problems` has one line for each reason."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "the bridge does not start, the two stacks do not fit:\n"
            + "\n".join(f"  - {problem}" for problem in self.problems)
        )


@dataclass(frozen=True, slots=True)
class CensusEntry:
    """One operation. `legacy_guarded` and `ported_guarded`: it passes a permission check there."""

    operation: Operation
    name: str
    legacy_guarded: bool
    ported: bool
    ported_guarded: bool | None
    """None when the operation is not ported."""


@dataclass(frozen=True)
class Census:
    entries: tuple[CensusEntry, ...]
    infrastructure: tuple[str, ...]
    """Rules that are not counted."""
    problems: tuple[str, ...]

    @property
    def operations(self) -> frozenset[Operation]:
        return frozenset(entry.operation for entry in self.entries)

    @property
    def ported(self) -> frozenset[Operation]:
        return frozenset(entry.operation for entry in self.entries if entry.ported)

    @property
    def rules(self) -> frozenset[str]:
        return frozenset(entry.operation.rule for entry in self.entries)

    def check(self) -> None:
        """Raises CensusError when something must be put right before serving."""
        if self.problems:
            raise CensusError(self.problems)


def take_census(
    rules: Iterable[LegacyRule],
    ported: Iterable[PortedOperation],
    *,
    reserved: str,
    with_legacy: bool = True,
) -> Census:
    """`reserved` is the prefix of the bridge's own routes. Without a legacy the port is the list."""
    rules, ported = list(rules), list(ported)
    if not with_legacy:
        rules = _rules_of_the_port(ported)
    by_key = {_key(implemented.method, implemented.rule): implemented for implemented in ported}
    entries: dict[Operation, CensusEntry] = {}
    for rule in rules:
        if rule.infrastructure:
            continue
        for method in sorted(rule.methods - IMPLICIT_METHODS):
            operation = Operation(method, rule.rule)
            twin = by_key.get(_key(method, rule.rule))
            entry = CensusEntry(
                operation=operation,
                name=rule.endpoint,
                legacy_guarded=method in rule.guarded,
                ported=twin is not None,
                ported_guarded=None if twin is None else twin.guarded,
            )
            # The first of two equal rules answers, in werkzeug as here.
            entries.setdefault(operation, entry)
    return Census(
        entries=tuple(entries.values()),
        infrastructure=tuple(rule.rule for rule in rules if rule.infrastructure),
        problems=tuple(_problems(entries.values(), rules, ported, reserved)),
    )


def _problems(
    entries: Iterable[CensusEntry],
    rules: Iterable[LegacyRule],
    ported: Sequence[PortedOperation],
    reserved: str,
) -> Iterable[str]:
    entries = list(entries)
    known = {_key(entry.operation.method, entry.operation.rule) for entry in entries}
    for implemented in ported:
        if _key(implemented.method, implemented.rule) not in known:
            yield (
                f"{implemented.method} {implemented.rule} is ported, but the legacy has no such "
                "operation: correct the port's path or method"
            )
    times = Counter(_key(implemented.method, implemented.rule) for implemented in ported)
    for (method, rule), count in times.items():
        if count > 1:
            yield f"{method} {rule} is ported {count} times: only the first would ever answer"
    for entry in entries:
        if entry.ported and entry.legacy_guarded and not entry.ported_guarded:
            yield (
                f"{entry.operation} checks the user's permission in the legacy and not in the port: "
                "add the check"
            )
    for stack, paths in (
        ("legacy", [rule.rule for rule in rules]),
        ("port", [implemented.rule for implemented in ported]),
    ):
        for path in paths:
            if f"{path}/".startswith(f"{reserved}/"):
                yield f"the {stack} has the rule {path}, but {reserved}/ is the bridge's own"


def _rules_of_the_port(ported: Iterable[PortedOperation]) -> list[LegacyRule]:
    methods: dict[str, set[str]] = {}
    names: dict[str, str] = {}
    for implemented in ported:
        methods.setdefault(implemented.rule, set()).add(implemented.method)
        names.setdefault(implemented.rule, implemented.name)
    return [
        LegacyRule(rule=rule, methods=frozenset(rule_methods), endpoint=names[rule])
        for rule, rule_methods in methods.items()
    ]


def _key(method: str, rule: str) -> tuple[str, str]:
    return method, canonical_rule(rule)


def rules_of_flask(
    app: Any,
    *,
    guarded: Callable[[Any, str], bool],
    infrastructure: Callable[[str, str], bool] = lambda rule, endpoint: endpoint == "static",
) -> list[LegacyRule]:
    """The rules of a Flask application.

    ``guarded(view, method)`` says whether a view function checks permissions for a method;
    ``infrastructure(rule, endpoint)`` which rules are not part of the API.
    """
    rules = []
    for rule in app.url_map.iter_rules():
        methods = frozenset(rule.methods or ())
        view = app.view_functions[rule.endpoint]
        checked = (method for method in methods - IMPLICIT_METHODS if guarded(view, method))
        rules.append(
            LegacyRule(
                rule=rule.rule,
                methods=methods,
                endpoint=rule.endpoint,
                guarded=frozenset(checked),
                strict_slashes=rule.strict_slashes,
                merge_slashes=rule.merge_slashes,
                infrastructure=infrastructure(rule.rule, rule.endpoint),
            )
        )
    return rules


def rules_as_json(rules: Iterable[LegacyRule]) -> list[dict[str, Any]]:
    """The rules for a file, for bridges that can't import the legacy."""
    return [
        {
            "rule": rule.rule,
            "methods": sorted(rule.methods),
            "endpoint": rule.endpoint,
            "guarded": sorted(rule.guarded),
            "strict_slashes": rule.strict_slashes,
            "merge_slashes": rule.merge_slashes,
            "infrastructure": rule.infrastructure,
        }
        for rule in rules
    ]


def rules_from_file(path: Path) -> list[LegacyRule]:
    """Reads what `rules_as_json` wrote, under the key ``rules``."""
    return [
        LegacyRule(
            **{**rule, "methods": frozenset(rule["methods"]), "guarded": frozenset(rule["guarded"])}
        )
        for rule in json.loads(path.read_text())["rules"]
    ]
