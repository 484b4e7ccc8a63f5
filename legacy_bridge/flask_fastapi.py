"""Any Flask app and any FastAPI app as an assembly: both lists of operations are read, none is typed."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from legacy_bridge.assembly import Assembly
from legacy_bridge.control.access import Operators
from legacy_bridge.operations.census import IMPLICIT_METHODS, rules_of_flask
from legacy_bridge.operations.fastapi_private import depends_on_any, routes_of
from legacy_bridge.operations.operation import LegacyRule, canonical_rule

__all__ = ["Assembly", "Ported", "operations_of_fastapi", "pair"]

_PARAMETER = re.compile(r"\{(?P<name>\w+)(?::(?P<converter>\w+))?\}")
_ANY_PARAMETER = re.compile(r"<[^>]*>")
_CONVERTERS = {"str": "string", None: "string"}
"""Starlette's names of converters, where Flask has others."""


@dataclass(frozen=True, slots=True)
class Ported:
    """One operation of a FastAPI app."""

    method: str
    rule: str
    name: str
    guarded: bool


def pair(
    flask_app: Any,
    fastapi_app: FastAPI,
    database_url: str | None,
    *,
    legacy_guarded: Callable[[Any, str], bool],
    ported_guards: Collection[Callable[..., Any]],
    root: str = "/",
    operators: Operators | None = None,
    rules_beside: str | None = None,
    reads_that_write: Collection[str] = (),
) -> Assembly:
    """What `CUTOVER_ASSEMBLY` may name a function for.

    ``legacy_guarded(view, method)`` says whether a Flask view checks permissions, ``ported_guards`` are
    the FastAPI dependencies that do: the bridge does not start when the port lacks a check.
    ``operators`` tells the application's admins, who may operate the bridge (docs/operating.md).
    ``rules_beside``, a module's `__file__` say: in the modes with a comparison what only reads is compared
    by the `rules.toml` and `waivers.toml` in that folder; without it nothing is. Operations of safe methods
    that write all the same are named in ``reads_that_write``, and left out.
    """
    comparer = None
    if rules_beside is not None:
        # not before it is wanted: it brings the whole comparison along
        from legacy_bridge.shadow.compare import compare_reads

        folder = Path(rules_beside).resolve().parent
        comparer = compare_reads(folder, database_url, except_for=reads_that_write)
    rules = rules_of_flask(flask_app, guarded=legacy_guarded)
    return Assembly(
        ported=fastapi_app,
        ported_operations=operations_of_fastapi(fastapi_app, rules, guards=ported_guards),
        # not `flask_app`: whoever stands before the application (`parity suite`) is passed by
        wsgi=flask_app.wsgi_app,
        rules=rules,
        database_url=database_url,
        root=root,
        operators=operators,
        converters=flask_app.url_map.converters,
        comparer=comparer,
    )


def operations_of_fastapi(
    app: FastAPI, rules: Iterable[LegacyRule], *, guards: Collection[Callable[..., Any]]
) -> list[Ported]:
    """The routes of an app and of all routers in it, each by the legacy's rule for the same path.

    A parameter's name and converter may differ (`{idx}` of an `idx: int` is Flask's `<int:id>`) where
    only one rule of the legacy can be meant.
    """
    known = list(rules)
    return [
        Ported(
            method,
            _rule_of(route.path, method, known),
            route.name,
            depends_on_any(route.dependant, guards),
        )
        for route in routes_of(app)
        for method in sorted(route.methods - IMPLICIT_METHODS)
    ]


def _rule_of(path: str, method: str, known: Sequence[LegacyRule]) -> str:
    exact = _PARAMETER.sub(_as_flask, path)
    candidates = [
        rule.rule for rule in known if method in rule.methods and _shape(rule.rule) == _shape(exact)
    ]
    same = [rule for rule in candidates if canonical_rule(rule) == canonical_rule(exact)]
    if same:
        return same[0]
    return candidates[0] if len(candidates) == 1 else exact


def _as_flask(match: re.Match[str]) -> str:
    converter = _CONVERTERS.get(match["converter"], match["converter"])
    return f"<{converter}:{match['name']}>"


def _shape(rule: str) -> str:
    return _ANY_PARAMETER.sub("<>", rule)
