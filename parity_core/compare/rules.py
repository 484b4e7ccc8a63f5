"""Which values the stacks generate themselves, and what has to hold for them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from parity_core.compare.places import operation_matches, place_matches
from parity_core.compare.unordered import Unordered

# what decides that a request was answered as it should be is never relaxed
NEVER = ("status", "header/content-type", "header/allow", "header/www-authenticate")


class RuleKind(StrEnum):
    ID = "id"
    TIMESTAMP = "timestamp"
    TOKEN = "token"
    PASSWORD_HASH = "password_hash"
    SECRET = "secret"
    PATTERN = "pattern"
    DURATION = "duration"


@dataclass(frozen=True)
class Rule:
    place: str
    kind: RuleKind
    operation: str = "*"
    namespace: str = ""
    """Of an `id`: values of one namespace are one bijection."""
    pattern: re.Pattern[str] | None = None
    """Of a `pattern`: the text outside its groups is equal, each group is a `group` kind."""
    group: Rule | None = None
    verify: str = ""
    """Of a `token`: the environment variable with the key that must have signed it."""
    form: re.Pattern[str] | None = None
    """Of a `secret`: what both must look like; without it they have one length."""


class Rules:
    """Finds the rule of a place; the first that matches wins. Knows the lists without an order."""

    def __init__(
        self,
        rules: Sequence[Rule] = (),
        lists: Sequence[Unordered] = (),
        ignored_headers: Mapping[str, str] | None = None,
        json_endings: Collection[tuple[bytes, bytes]] = (),
    ) -> None:
        """`ignored_headers`: the reason by name, in small letters. `json_endings`: pairs of blanks that
        the legacy and the port write after a JSON body, and that are no difference."""
        self._rules = rules
        self._lists = lists
        self.ignored_headers = ignored_headers or {}
        self.json_endings = frozenset(json_endings)
        self._matched: dict[tuple[str, str], Rule | None] = {}

    def of(self, operation: str, place: str) -> Rule | None:
        known = (operation, place)
        if known not in self._matched:
            self._matched[known] = next(
                (
                    rule
                    for rule in self._rules
                    if place_matches(rule.place, place)
                    and operation_matches(rule.operation, operation)
                ),
                None,
            )
        return self._matched[known]

    def has_no_order(self, operation: str, place: str, path: str) -> bool:
        """Whether the legacy leaves the order of this list to its database."""
        return any(one.covers(operation, place, path) for one in self._lists)


def json_ending(table: dict[str, Any]) -> tuple[bytes, bytes]:
    """`legacy` and `ported`: the blanks that each writes after a JSON body, and the `reason`."""
    if table.keys() != {"legacy", "ported", "reason"} or not str(table["reason"]).strip():
        raise ValueError("it has `legacy`, `ported` and `reason`")
    texts = [str(table[side]) for side in ("legacy", "ported")]
    if any(text.strip(" \t\r\n") for text in texts):
        raise ValueError("what is not blank is always compared")
    return texts[0].encode(), texts[1].encode()


def ignored_header(table: dict[str, Any]) -> dict[str, str]:
    """`name` and `reason` of a header of this application that is not compared."""
    if table.keys() != {"name", "reason"} or not all(str(table[key]).strip() for key in table):
        raise ValueError("it has `name` and `reason`: why it is not compared")
    name = str(table["name"]).lower()
    if f"header/{name}" in NEVER or name == "set-cookie" or name == "location":
        raise ValueError(f"`{name}` is always compared")
    return {name: str(table["reason"])}


def parse(table: dict[str, Any]) -> Rule:
    """`kind` is a name of Kind; `id` is written `id:namespace`."""
    unknown = table.keys() - {
        "place",
        "kind",
        "operation",
        "pattern",
        "group",
        "verify",
        "form",
        "about",
    }
    if unknown:
        raise ValueError(f"unknown key {', '.join(sorted(unknown))}")
    place = table["place"]
    covered = [never for never in NEVER if place_matches(place, never)]
    if covered:
        raise ValueError(f"`{place}` covers {covered[0]}, which no rule relaxes")
    name, _, namespace = str(table["kind"]).partition(":")
    kind = RuleKind(name)
    if (kind is RuleKind.ID) != bool(namespace):
        raise ValueError("an id is written `id:namespace`, as in `id:users`; other kinds have none")
    if kind is RuleKind.PATTERN and not {"pattern", "group"} <= table.keys():
        raise ValueError(
            "a `pattern` needs `pattern`, with a group, and `group`, that group's kind"
        )
    return Rule(
        place=place,
        kind=kind,
        operation=table.get("operation", "*"),
        namespace=namespace,
        pattern=re.compile(table["pattern"], re.DOTALL) if "pattern" in table else None,
        group=_group(table) if "group" in table else None,
        verify=table.get("verify", ""),
        form=re.compile(table["form"], re.DOTALL) if "form" in table else None,
    )


def _group(table: dict[str, Any]) -> Rule:
    """The rule for a pattern's groups: its kind, and what the pattern says for that kind."""
    inner: dict[str, Any] = {key: table[key] for key in ("verify", "form") if key in table}
    return parse({**inner, "place": table["place"], "kind": table["group"]})
