"""Generated ids: learned from recorded and new replies side by side, and put in place of the recorded.

A number is an id of one namespace, which a rule tells (`rules.toml`, `[[capture.id]]`); a long text that
looks generated is its own namespace, wherever it stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, MutableMapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote, unquote_plus

from parity_core.capture.mask import MASKED_TOKEN
from parity_core.compare.places import escape
from parity_core.compare.rules import RuleKind, Rules
from parity_core.model import Side

LONG = re.compile(r"(?<![0-9A-Za-z_-])[0-9A-Za-z][0-9A-Za-z_-]{15,127}(?![0-9A-Za-z_-])")
"""Text that may be a generated id."""
_GENERATED = re.compile(r"(?=[^0-9]*[0-9])[0-9A-Za-z_-]{16,128}")
_VARIABLE = re.compile(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>")
_DEPTH = 60

Known = MutableMapping[Any, Any]
"""`[namespace, recorded]` to `{side: new}`."""
Learned = dict[tuple[str, Any], Any]


class Ids:
    def __init__(self, rules: Rules, requests: Rules, known: Known) -> None:
        self._rules = rules
        self._requests = requests
        self._known = known

    def __len__(self) -> int:
        """How many values are known, tokens too."""
        return len(self._known)

    # replies

    def met(self, operation: str, recorded: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
        """(namespace, recorded, new) for each generated value of two decoded bodies.

        The namespace of a token is `token`, and its recorded value its user's fingerprint.
        """
        yield from self._walk(operation, "body", recorded, new, 0)

    def _walk(
        self, operation: str, shape: str, a: Any, b: Any, depth: int
    ) -> Iterator[tuple[str, Any, Any]]:
        if type(a) is not type(b) or depth > _DEPTH:
            return
        if isinstance(a, dict):
            for key in a:
                if key in b:
                    below = f"{shape}/{escape(key)}"
                    yield from self._walk(operation, below, a[key], b[key], depth + 1)
        elif isinstance(a, list):
            # lists of different lengths say nothing about which item is which
            if len(a) == len(b):
                for one, other in zip(a, b, strict=True):
                    yield from self._walk(operation, f"{shape}/0", one, other, depth + 1)
        else:
            yield from self._leaf(operation, shape, a, b)

    def _leaf(self, operation: str, shape: str, a: Any, b: Any) -> Iterator[tuple[str, Any, Any]]:
        if isinstance(a, str) and (token := MASKED_TOKEN.fullmatch(a)):
            yield "token", token[1], b
            return
        if isinstance(a, bool) or not isinstance(a, int | str):
            return
        rule = self._rules.of(operation, shape)
        if rule is not None and rule.kind is RuleKind.ID:
            yield (_namespace(rule.namespace, a), a, b)
        elif rule is not None and rule.kind is RuleKind.PATTERN:
            assert rule.pattern is not None
            assert rule.group is not None
            if rule.group.kind is RuleKind.ID:
                matches = rule.pattern.search(str(a)), rule.pattern.search(str(b))
                groups = zip(*(one.groups() if one else () for one in matches), strict=False)
                for pair in groups:
                    if None not in pair:
                        one, other = map(_number, pair)
                        yield (_namespace(rule.group.namespace, one), one, other)
        elif rule is None and isinstance(a, str) and a != b and _are_generated(a, b):
            yield ("", a, b)

    def learn(self, side: Side, met: Iterator[tuple[str, Any, Any]]) -> None:
        """The first meeting counts: lists may come in another order."""
        for namespace, recorded, new in met:
            before = self._known.get([namespace, recorded])
            if before is None:
                self._known[[namespace, recorded]] = {side.value: new}
            elif side.value not in before or namespace == "token":
                self._known[[namespace, recorded]] = {**before, side.value: new}

    def new(self, side: Side, namespace: str, recorded: Any) -> Any:
        """This side's value, or the recorded one where none is known."""
        ids = self._known.get([namespace, recorded])
        return recorded if ids is None else ids.get(side.value, recorded)

    def token(self, side: Side, user: str) -> str | None:
        tokens = self._known.get(["token", user])
        return None if tokens is None else tokens.get(side.value)

    # requests

    def target(self, side: Side, operation: str, target: str) -> str:
        path, mark, query = target.partition("?")
        path = self._path(side, operation, path)
        if not mark:
            return path
        pieces = []
        for piece in query.split("&"):
            name, equals, value = piece.partition("=")
            rule = self._requests.of(operation, f"query/{escape(unquote_plus(name))}")
            if equals and rule is not None and rule.kind is RuleKind.ID:
                old = _number(unquote_plus(value))
                value = quote(str(self.new(side, _namespace(rule.namespace, old), old)), safe="")
            pieces.append(f"{name}{equals}{value}")
        return f"{path}?{self.text(side, '&'.join(pieces))}"

    def _path(self, side: Side, operation: str, path: str) -> str:
        rule_text = operation.partition(" ")[2]
        pattern, names = _pattern(rule_text)
        match = pattern.fullmatch(path) if names else None
        if match is None:
            return self.text(side, path)
        pieces, end = [], 0
        for number, name in enumerate(names, 1):
            pieces.append(self.text(side, path[end : match.start(number)]))
            old = _number(unquote(match[number]))
            namespace = self._of_path(operation, name)
            new = (
                self.new(side, namespace, old)
                if namespace is not None and isinstance(old, int)
                else None
            )
            pieces.append(str(new) if new is not None else self.text(side, match[number]))
            end = match.end(number)
        return "".join(pieces) + path[end:]

    def _of_path(self, operation: str, name: str) -> str | None:
        """As `[[capture.id]]` says; else as replies of the operation call a field of this name."""
        rule = self._requests.of(operation, f"path/{name}")
        if rule is None:
            plain = re.sub(r"\d+$", "", name)
            field = "id" if plain in ("id", "idx", "pk") else name
            rule = self._rules.of(operation, f"body/{field}")
        return rule.namespace if rule is not None and rule.kind is RuleKind.ID else None

    def json(self, side: Side, operation: str, value: Any) -> Any:
        """A decoded request body with this side's ids."""
        return self._json(side, operation, "body", value, 0)

    def _json(self, side: Side, operation: str, shape: str, value: Any, depth: int) -> Any:
        if depth > _DEPTH:
            return value
        if isinstance(value, dict):
            return {
                key: self._json(side, operation, f"{shape}/{escape(key)}", item, depth + 1)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self._json(side, operation, f"{shape}/0", item, depth + 1) for item in value]
        if isinstance(value, str):
            return self.text(side, value)
        if isinstance(value, int) and not isinstance(value, bool):
            rule = self._requests.of(operation, shape) or self._rules.of(operation, shape)
            if rule is not None and rule.kind is RuleKind.ID:
                return self.new(side, rule.namespace, value)
        return value

    def made(self, operation: str, body: bytes) -> set[tuple[str, Any]]:
        """The ids in a reply, each with its namespace."""
        value = decoded(body)
        return {(space, old) for space, old, _ in self.met(operation, value, value)}

    def used(self, operation: str, target: str, body: bytes) -> set[tuple[str, Any]]:
        """What would be replaced in a request, if anything were known."""
        asked = _Asked()
        probe = Ids(self._rules, self._requests, asked)
        probe.target(Side.LEGACY, operation, target)
        probe.json(Side.LEGACY, operation, decoded(body))
        return asked.keys_seen

    def text(self, side: Side, text: str) -> str:
        """Any text with the generated ids in it replaced."""
        if len(text) < 16:
            return text
        return LONG.sub(lambda match: str(self.new(side, "", match[0])), text)


class _Asked(dict[Any, Any]):
    """Knows nothing, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.keys_seen: set[tuple[str, Any]] = set()

    def get(self, key: Any, default: Any = None) -> Any:
        self.keys_seen.add((key[0], key[1]))
        return default


def decoded(body: bytes) -> Any:
    """None for what is not JSON, as for `null`: neither has ids."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _are_generated(a: str, b: str) -> bool:
    return len(a) == len(b) and bool(_GENERATED.fullmatch(a) and _GENERATED.fullmatch(b))


def _namespace(namespace: str, value: Any) -> str:
    return "" if isinstance(value, str) and _GENERATED.fullmatch(value) else namespace


def _number(text: str) -> int | str:
    return int(text) if re.fullmatch(r"0|[1-9]\d{0,18}", text) else text


@lru_cache(maxsize=1024)
def _pattern(rule: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    pattern, end, names = "", 0, []
    for variable in _VARIABLE.finditer(rule):
        pattern += re.escape(rule[end : variable.start()]) + "([^/]+)"
        names.append(variable[1])
        end = variable.end()
    return re.compile(pattern + re.escape(rule[end:])), tuple(names)
