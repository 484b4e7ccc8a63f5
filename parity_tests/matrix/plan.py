"""Reads `matrix.yaml` and checks it against the census: every operation has one request."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from parity_core.files.read import at, validated
from parity_core.files.sentence import Loc
from parity_core.files.table import WrongValue
from parity_core.model import MISSING, ParityError, Place
from parity_tests.config import User
from parity_tests.journeys.model import Step
from parity_tests.journeys.read import JourneyError, read_steps, read_yaml
from parity_tests.journeys.templates import variables
from parity_tests.matrix.matrix_yaml import MatrixFile
from parity_tests.matrix.model import MatrixPlan
from parity_tests.operations import CensusMatcher

_STEPS = ("prepare", "objects", "finish", "each_setting", "requests")
NOBODY = "nobody"
WHOSE = "whose"


def load(
    path: Path, users: Collection[str], matcher: CensusMatcher, census: Iterable[str]
) -> MatrixPlan:
    """Raises ParityError: one sentence with the file, the line and the key that is wrong."""
    node, loaded = read_yaml(path)
    if not isinstance(node, yaml.MappingNode) or not isinstance(loaded, dict):
        raise JourneyError(path, 1, "the matrix is a mapping with `columns` and `requests`")
    file = validated(loaded, MatrixFile, path, partial(yaml_line, node))
    try:
        file.check_users([*users], NOBODY)
    except WrongValue as error:
        raise ParityError(f"{at(path, yaml_line(node, error.loc))}: {error}") from None
    nodes = {key.value: value for key, value in node.value}
    steps = {name: _steps(path, nodes, loaded, name) for name in _STEPS}
    return MatrixPlan(
        path=path,
        services=file.services,
        settings=file.settings,
        users=tuple(User(one.name, one.username, one.password) for one in file.users),
        columns={
            name: None if user in (None, NOBODY) else user for name, user in file.columns.items()
        },
        stranger=file.stranger,
        prepare=steps["prepare"],
        objects=steps["objects"],
        finish=steps["finish"],
        sql=file.sql,
        each_setting=steps["each_setting"],
        lets_in=file.lets_in,
        requests=_by_operation(path, steps["requests"], matcher, set(census) - set(file.leave_out)),
    )


def yaml_line(node: yaml.Node, loc: Loc) -> int | None:
    """The line, from 1, of the key at `loc`, or of the nearest key around it."""
    line = None
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


def _steps(
    path: Path, nodes: dict[str, Any], loaded: dict[str, Any], name: str
) -> tuple[Step, ...]:
    node = nodes.get(name)
    if node is None or loaded[name] is None:
        return ()
    if not isinstance(node, yaml.SequenceNode):
        raise JourneyError(path, node.start_mark.line + 1, f"`{name}` must be a list of requests")
    return read_steps(path, node, loaded[name])


def _by_operation(
    path: Path, steps: Iterable[Step], matcher: CensusMatcher, census: set[str]
) -> dict[str, Step]:
    requests: dict[str, Step] = {}
    for step in steps:
        # an id of any kind fits: `${…}` stands for a number in a path that wants one
        matches = [
            match
            for stand_in in ("1", "x")
            if (match := matcher.match(step.method, _filled(step.target, stand_in))).place
            is Place.OPERATION
        ]
        if not matches:
            request = f"{step.method} {step.target}"
            raise JourneyError(path, step.line, f"`{request}` is no operation of the legacy")
        label = matches[0].label
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
