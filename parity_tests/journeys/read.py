"""Reads journeys: YAML files, checked, with errors that name file, line and step."""

from __future__ import annotations

import base64
import binascii
import fnmatch
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from parity_core.files.read import read_text
from parity_core.files.sentence import nearest
from parity_core.model import MISSING, ParityError
from parity_tests.journeys.model import Journey, Step, Wait
from parity_tests.journeys.sources import CAPTURED, CAPTURES
from parity_tests.journeys.templates import variables

_JOURNEY_KEYS = {"name", "about", "settings", "services", "steps"}
_BODY_KEYS = {"json", "form", "body", "body_base64", "body_file"}
_STEP_KEYS = _BODY_KEYS | {
    "as", "request", "headers", "content_type", "encoding", "capture", "each", "note", "wait",
    "days_later",
}  # fmt: skip
_USER_KEYS = {"token", "authorization", "minted", "secret", "alg", "header", "login"}
_REQUEST = re.compile(r"([A-Z]+) (\S.*)")
_ENCODINGS = {"gzip", "deflate", "br"}


class JourneyError(ParityError):
    def __init__(self, path: Path, line: int, problem: str, step: int | None = None) -> None:
        at = f" (step {step})" if step else ""
        super().__init__(f"{path}:{line}{at}: {problem}")


class _Loader(yaml.SafeLoader):
    """YAML as JSON would have it: no dates made of strings."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


Provided = Callable[[str], Iterable[str]]
"""The names of the values that a service of this name gives to a journey. Raises ParityError for an unknown one."""


def load_all(
    folder: Path,
    globs: Sequence[str] = (),
    users: Collection[str] | None = None,
    provided: Provided | None = None,
) -> list[Journey]:
    """All journeys that match by name or by file name; every broken file is reported at once."""
    journeys: list[Journey] = []
    problems: list[str] = []
    for path in sorted(folder.glob("**/*.yaml")):
        try:
            journey = load(path, users, provided)
        except JourneyError as error:
            # a broken file that was not asked for is no reason to stop
            if not globs or any(fnmatch.fnmatch(path.stem, glob) for glob in globs):
                problems.append(str(error))
            continue
        names = (journey.name, path.stem)
        if not globs or any(fnmatch.fnmatch(name, glob) for name in names for glob in globs):
            journeys.append(journey)
    if problems:
        raise ParityError("journeys that can not be read:\n" + "\n".join(problems))
    if not journeys:
        wanted = f" that matches {', '.join(globs)}" if globs else ""
        raise ParityError(f"no journey{wanted} in {folder}; `parity journeys` lists them")
    return journeys


def load(
    path: Path, users: Collection[str] | None = None, provided: Provided | None = None
) -> Journey:
    node, loaded = read_yaml(path)
    if not isinstance(node, yaml.MappingNode) or not isinstance(loaded, dict):
        raise JourneyError(path, 1, "a journey is a mapping with `name` and `steps`")
    _check_keys(path, node, _JOURNEY_KEYS)
    if not isinstance(loaded.get("name"), str):
        raise JourneyError(path, 1, "`name` is missing")
    nodes = next((v for k, v in node.value if k.value == "steps"), None)
    if not isinstance(nodes, yaml.SequenceNode) or not nodes.value:
        raise JourneyError(path, node.start_mark.line + 1, "`steps` must be a list of requests")

    journey = Journey(
        name=loaded["name"],
        path=path,
        steps=read_steps(path, nodes, loaded["steps"]),
        about=str(loaded.get("about", "")),
        settings={str(k): str(v) for k, v in (loaded.get("settings") or {}).items()},
        services=tuple(loaded.get("services") or ()),
    )
    _check_names(journey, users, provided)
    return journey


def read_steps(path: Path, node: yaml.SequenceNode, loaded: Sequence[Any]) -> tuple[Step, ...]:
    """A list of steps as YAML wrote it, once as nodes (they know their lines), once as values."""
    steps: list[Step] = []
    for number, (step_node, step) in enumerate(zip(node.value, loaded, strict=True), 1):
        steps.extend(_step(path, number, step_node, step))
    return tuple(steps)


def read_yaml(path: Path) -> tuple[yaml.Node | None, Any]:
    """A YAML file as nodes and as values."""
    try:
        text = read_text(path)
        return yaml.compose(text, Loader=_Loader), yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        why = getattr(error, "problem", None) or " ".join(str(error).split())
        raise JourneyError(path, mark.line + 1 if mark else 1, f"this is no YAML: {why}") from None


def _check_keys(
    path: Path, node: yaml.MappingNode, known: set[str], step: int | None = None
) -> None:
    visited: set[str] = set()
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if key.value not in known:
            suggestion = nearest(str(key.value), known)
            raise JourneyError(path, line, f"unknown key `{key.value}`{suggestion}", step)
        if key.value in visited:
            raise JourneyError(path, line, f"`{key.value}` is given twice", step)
        visited.add(key.value)


def _step(path: Path, number: int, node: yaml.Node, step: Any) -> Iterator[Step]:
    """One written step as the requests it stands for: one per `each` entry and per user."""
    if not isinstance(node, yaml.MappingNode):
        raise JourneyError(path, node.start_mark.line + 1, "a step is a mapping", number)
    _check_keys(path, node, _STEP_KEYS, number)
    nodes = {key.value: value for key, value in node.value}
    entries: list[tuple[int, dict[str, Any]]] = [(node.start_mark.line + 1, {})]
    if "each" in step:
        each = nodes["each"]
        if not isinstance(each, yaml.SequenceNode) or not each.value:
            raise JourneyError(
                path, each.start_mark.line + 1, "`each` is a list of mappings", number
            )
        entries = []
        for entry_node, entry in zip(each.value, step["each"], strict=True):
            line = entry_node.start_mark.line + 1
            if not isinstance(entry_node, yaml.MappingNode):
                raise JourneyError(path, line, "an entry of `each` is a mapping", number)
            _check_keys(path, entry_node, _STEP_KEYS - {"each"}, number)
            entries.append((line, entry))
    base = {key: value for key, value in step.items() if key != "each"}
    for line, entry in entries:
        # a body in the entry takes the place of the step's, whatever its form
        kept = {
            k: v for k, v in base.items() if not (k in _BODY_KEYS and _BODY_KEYS & entry.keys())
        }
        yield from _requests(path, number, line, kept | entry)


def _requests(path: Path, number: int, line: int, step: dict[str, Any]) -> Iterator[Step]:
    def wrong(problem: str) -> JourneyError:
        return JourneyError(path, line, problem, number)

    request = _REQUEST.fullmatch(str(step.get("request", "")))
    if not request:
        raise wrong("`request` must be `METHOD /path`, as in `GET /user/${user_id}/`")
    if not request[2].startswith(("/", "$")):
        raise wrong(f"the path `{request[2]}` must start with `/`")
    bodies = _BODY_KEYS & step.keys()
    if len(bodies) > 1:
        raise wrong(f"{' and '.join(sorted(bodies))}: a request has one body")
    if step.get("encoding") not in _ENCODINGS | {None}:
        raise wrong(f"`encoding` is one of {', '.join(sorted(_ENCODINGS))}")
    headers = step.get("headers") or {}
    capture = step.get("capture") or {}
    for what, value in (("headers", headers), ("capture", capture)):
        if not isinstance(value, Mapping):
            raise wrong(f"`{what}` is a mapping")
    for name, source in capture.items():
        if not CAPTURED.match(str(source)):
            raise wrong(f"`capture: {name}` is {CAPTURES}")
    users = step.get("as")
    for user in users if isinstance(users, list) else [users]:
        if isinstance(user, Mapping) and not (user and user.keys() <= _USER_KEYS):
            raise wrong(f"`as` as a mapping has one of {', '.join(sorted(_USER_KEYS))}")
        yield Step(
            method=request[1],
            target=request[2],
            line=line,
            user=None if user == "nobody" else user,
            headers={str(k): str(v) for k, v in headers.items()},
            json=step.get("json", MISSING),
            form=_form(step, wrong),
            body=_body(path, step, wrong),
            content_type=step.get("content_type"),
            encoding=step.get("encoding"),
            capture={str(k): str(v) for k, v in capture.items()},
            wait=_wait(step.get("wait"), wrong),
            days_later=_days(step.get("days_later", 0), wrong),
            note=str(step.get("note", "")),
        )


def _form(step: Mapping[str, Any], wrong: Any) -> Mapping[str, Any] | None:
    form = step.get("form")
    if form is not None and not isinstance(form, Mapping):
        raise wrong("`form` is a mapping of fields")
    return form


def _body(path: Path, step: Mapping[str, Any], wrong: Any) -> str | bytes | None:
    if "body_base64" in step:
        try:
            return base64.b64decode(step["body_base64"], validate=True)
        except binascii.Error as error:
            raise wrong(f"`body_base64`: {error}") from None
    if "body_file" in step:
        file = path.parent / str(step["body_file"])
        try:
            raw = file.read_bytes()
        except OSError as error:
            raise wrong(f"`body_file`: {error}") from None
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw
    body = step.get("body")
    if body is not None and not isinstance(body, str):
        raise wrong("`body` is text; use `json` for a value, `body_base64` for bytes")
    return body


def _days(value: Any, wrong: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise wrong("`days_later` is a whole number of days")
    return value


def _wait(value: Any, wrong: Any) -> Wait | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or not {"pointer", "until"} <= value.keys():
        raise wrong("`wait` needs `pointer` and `until`")
    until = value["until"]
    wanted = tuple(until) if isinstance(until, list) else (until,)
    return Wait(str(value["pointer"]), wanted, float(value.get("timeout", 60)))


def _check_names(
    journey: Journey, users: Collection[str] | None, provided: Provided | None
) -> None:
    """Every `${name}` must come from an earlier capture, a seeded user or a service."""
    known: set[str] = set()
    if provided is not None:
        for service in journey.services:
            known |= set(provided(service))
    for name in users or ():
        known |= {f"{name}.{part}" for part in ("id", "token", "username", "password")}
    for step in journey.steps:
        if users is not None:
            if isinstance(step.user, str) and step.user not in users:
                raise JourneyError(
                    journey.path, step.line, f"no user `{step.user}`{nearest(step.user, users)}"
                )
            for name in _names(step):
                if name not in known:
                    raise JourneyError(
                        journey.path, step.line, f"`${{{name}}}` is not captured by an earlier step"
                    )
        known |= set(step.capture)


def _names(step: Step) -> Iterable[str]:
    user = step.user if isinstance(step.user, Mapping) else None
    body = step.body if isinstance(step.body, str) else None
    json = None if step.json is MISSING else step.json
    return variables(
        [step.target, user, dict(step.headers), json, step.form, body, step.content_type]
    )
