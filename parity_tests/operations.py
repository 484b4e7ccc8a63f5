"""Which operation a request is, by the legacy's own URL rules. Pure but for the census command.

Understands the rules as Flask writes them: `/user/<int:user_id>/`, `/case/<string:x>/`.
"""

import json
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from parity_core.model import Attribution, ParityError, Place

_VARIABLE = re.compile(r"<(?:(?P<converter>\w+)(?:\([^)]*\))?:)?(?P<name>\w+)>")
_CONVERTERS = {"int": r"\d+", "float": r"\d+\.\d+", "path": r"[^/].*?"}
_RANK = {"int": 1, "float": 1, "path": 3}


@dataclass(frozen=True)
class UrlRule:
    text: str
    methods: frozenset[str]
    pattern: re.Pattern[str] = field(compare=False)
    rank: tuple[int, ...] = ()
    """Static segments before converted ones, narrow converters before wide ones."""

    @property
    def wants_slash(self) -> bool:
        return self.text.endswith("/")


@dataclass(frozen=True)
class Census:
    """All operations of the legacy, and which of them the port has."""

    operations: tuple[str, ...]
    ported: frozenset[str] = frozenset()


def compile_rule(text: str, methods: Iterable[str]) -> UrlRule:
    pattern, end = "", 0
    for variable in _VARIABLE.finditer(text):
        pattern += re.escape(text[end : variable.start()])
        pattern += f"(?:{_CONVERTERS.get(variable['converter'] or '', '[^/]+')})"
        end = variable.end()
    pattern += re.escape(text[end:])
    rank = tuple(_segment_rank(segment) for segment in text.strip("/").split("/"))
    return UrlRule(text, frozenset(methods), re.compile(pattern), rank)


def _segment_rank(segment: str) -> int:
    variable = _VARIABLE.search(segment)
    return _RANK.get(variable["converter"] or "", 2) if variable else 0


class CensusMatcher:
    """Turns (method, path) into an operation of the census."""

    def __init__(self, operations: Iterable[str]) -> None:
        methods: dict[str, set[str]] = {}
        for operation in operations:
            method, _, rule = operation.partition(" ")
            methods.setdefault(rule, set()).add(method)
        rules = [compile_rule(rule, by_method) for rule, by_method in methods.items()]
        self.rules: Sequence[UrlRule] = sorted(rules, key=lambda rule: rule.rank)
        self.match = lru_cache(maxsize=4096)(self._match)

    def _match(self, method: str, path: str) -> Attribution:
        # several slashes at the beginning count for one, as in werkzeug
        path = re.sub("^/{2,}", "/", unquote(path))
        matching = [rule for rule in self.rules if rule.pattern.fullmatch(path)]
        for rule in matching:
            if method in rule.methods:
                return Attribution(f"{method} {rule.text}")
        if matching:
            rule = matching[0]
            if method == "OPTIONS" or (method == "HEAD" and "GET" in rule.methods):
                return Attribution(f"{method} {rule.text}", Place.IMPLICIT)
            return Attribution(f"{method} {rule.text}", Place.NOT_ALLOWED)
        # labels of redirects are not those of operations: `GET /user` leads to `GET /user/`
        single = re.sub("/{2,}", "/", path)
        for rule in self.rules:
            if rule.wants_slash and rule.pattern.fullmatch(single + "/"):
                return Attribution(f"{method} {rule.text.rstrip('/')}", Place.REDIRECT)
            if single != path and rule.pattern.fullmatch(single):
                return Attribution(f"{method} {rule.text}/", Place.REDIRECT)
        return Attribution(f"{method} (no such rule)", Place.NOT_FOUND)


def parse_census(text: str) -> Census:
    """Reads `["GET /x/", …]` or `{"operations": [{"method", "rule", "ported"}, …]}`.

    A list that never says which are ported is of a port that has them all.
    """
    # programs that print warnings before their JSON are common: start at the first line that opens it
    lines = text.splitlines()
    start = next((n for n, line in enumerate(lines) if line.lstrip().startswith(("[", "{"))), 0)
    loaded: Any = json.loads("\n".join(lines[start:]))
    entries = loaded["operations"] if isinstance(loaded, dict) else loaded
    operations: list[str] = []
    ported: set[str] = set()
    for entry in entries:
        name = entry if isinstance(entry, str) else f"{entry['method']} {entry['rule']}"
        operations.append(name)
        if isinstance(entry, dict) and entry.get("ported"):
            ported.add(name)
    if not any(isinstance(entry, dict) and "ported" in entry for entry in entries):
        ported = set(operations)
    return Census(tuple(sorted(set(operations))), frozenset(ported))


def load_census(commands: Sequence[Sequence[str]], environment: dict[str, str]) -> Census:
    """The first command that answers wins; the errors of all are told when none does."""
    errors: list[str] = []
    for command in commands:
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=120, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            errors.append(f"{command[0]}: {error}")
            continue
        if done.returncode == 0:
            try:
                return parse_census(done.stdout)
            except (ValueError, KeyError, TypeError) as error:
                errors.append(f"{' '.join(command[:4])}: its output is not a census ({error})")
                continue
        errors.append(f"{' '.join(command[:4])} … exit {done.returncode}\n{done.stderr[-1500:]}")
    raise ParityError(
        "the list of operations could not be read; check [operations] in the configuration\n"
        + "\n".join(errors)
    )
