"""Reads `matrix.yaml` and checks it against the census: every operation has one request."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from parity_core.model import MISSING, ParityError, Place
from parity_tests.config import User
from parity_tests.journeys.model import Step
from parity_tests.journeys.read import JourneyError, read_steps, read_yaml
from parity_tests.journeys.templates import variables
from parity_tests.matrix.model import Plan
from parity_tests.operations import Matcher

_STEPS = ("prepare", "objects", "finish", "each_setting", "requests")
_KEYS = {
    *_STEPS,
    "services",
    "settings",
    "users",
    "columns",
    "stranger",
    "lets_in",
    "leave_out",
    "sql",
}
NOBODY = "nobody"
WHOSE = "whose"


def load(path: Path, users: Collection[str], matcher: Matcher, census: Iterable[str]) -> Plan:
    node, loaded = read_yaml(path)
    if not isinstance(node, yaml.MappingNode) or not isinstance(loaded, dict):
        raise JourneyError(path, 1, "the matrix is a mapping with `columns` and `requests`")
    nodes = {key.value: value for key, value in node.value}
    for key, value in nodes.items():
        if key not in _KEYS:
            known = ", ".join(sorted(_KEYS))
            raise JourneyError(
                path, value.start_mark.line + 1, f"unknown key `{key}`; known: {known}"
            )
    missing = {"columns", "requests", "stranger"} - nodes.keys()
    if missing:
        raise JourneyError(path, 1, f"{', '.join(sorted(missing))} missing")
    steps = {name: _steps(path, nodes, loaded, name) for name in _STEPS}
    added = tuple(User(**user) for user in loaded.get("users") or ())
    columns = {
        str(name): None if user in (None, NOBODY) else str(user)
        for name, user in loaded["columns"].items()
    }
    names = {*users, *(user.name for user in added)}
    for user in (*columns.values(), loaded["stranger"]):
        if user is not None and user not in names:
            raise JourneyError(path, 1, f"no user `{user}`; there are {', '.join(sorted(names))}")
    return Plan(
        path=path,
        services=tuple(loaded.get("services") or ()),
        settings={
            str(name): tuple(map(str, values))
            for name, values in (loaded.get("settings") or {}).items()
        },
        users=added,
        columns=columns,
        stranger=str(loaded["stranger"]),
        prepare=steps["prepare"],
        objects=steps["objects"],
        finish=steps["finish"],
        sql=str(loaded.get("sql") or ""),
        each_setting=steps["each_setting"],
        lets_in={name: frozenset(v) for name, v in (loaded.get("lets_in") or {}).items()},
        requests=_by_operation(
            path, steps["requests"], matcher, set(census) - set(loaded.get("leave_out") or {})
        ),
    )


def _steps(
    path: Path, nodes: dict[str, Any], loaded: dict[str, Any], name: str
) -> tuple[Step, ...]:
    node = nodes.get(name)
    if node is None:
        return ()
    if not isinstance(node, yaml.SequenceNode):
        raise JourneyError(path, node.start_mark.line + 1, f"`{name}` must be a list of requests")
    return read_steps(path, node, loaded[name])


def _by_operation(
    path: Path, steps: Iterable[Step], matcher: Matcher, census: set[str]
) -> dict[str, Step]:
    requests: dict[str, Step] = {}
    for step in steps:
        # an id of any kind fits: `${…}` stands for a number in a path that wants one
        found = [
            match
            for stand_in in ("1", "x")
            if (match := matcher.match(step.method, _filled(step.target, stand_in))).place
            is Place.OPERATION
        ]
        if not found:
            told = f"{step.method} {step.target}"
            raise JourneyError(path, step.line, f"`{told}` is no operation of the legacy")
        label = found[0].label
        if label in requests:
            raise JourneyError(path, step.line, f"{label} has a request already")
        requests[label] = replace(step, note="")
    lacking = sorted(census - requests.keys())
    if lacking:
        raise ParityError(
            f"{path}: {len(lacking)} operations have no request: {', '.join(lacking)}; "
            "add a valid one for each under `requests`"
        )
    return requests


def _filled(target: str, stand_in: str) -> str:
    for name in variables(target):
        target = target.replace(f"${{{name}}}", stand_in)
    return target.split("?", 1)[0]


def names_an_owner(step: Step) -> bool:
    """Whether a request says `${whose.…}`, in its path or in its body."""
    body = None if step.json is MISSING else step.json
    text = step.body if isinstance(step.body, str) else None
    return any(
        name.split(".")[0] == WHOSE
        for name in variables([step.target, body, text, dict(step.headers)])
    )
