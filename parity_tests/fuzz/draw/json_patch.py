"""Steps of JSON Patch (RFC 6902) that depend on each other. Pure."""

from __future__ import annotations

from parity_core.model import Json

Patch = list[dict[str, Json]]

_START: dict[str, Json] = {
    "op": "add", "path": "/s", "value": {"l": [1, 2, 3], "t": "x", "a/b": 1, "m~n": 2, "": 3, "é": 4, "1": {}},
}  # fmt: skip


def _step(op: str, path: str, *value: Json, **more: Json) -> dict[str, Json]:
    return {"op": op, "path": path, **({"value": value[0]} if value else {}), **more}


CHAINS: tuple[Patch, ...] = (
    [_step("remove", "/s/l/0"), _step("remove", "/s/l/0"), _step("test", "/s/l", [3])],
    [_step("add", "/s/l/0", 0), _step("replace", "/s/l/1", 9), _step("test", "/s/l", [0, 9, 2, 3])],
    [_step("add", "/s/l/-", 4), _step("remove", "/s/l/3")],
    [_step("add", "/s/l/3", 4), _step("add", "/s/l/5", 6)],
    [_step("add", "/s/n", {}), _step("add", "/s/n/o", 1), _step("remove", "/s/n")],
    [_step("remove", "/s/t"), _step("test", "/s/t", "x")],
    [_step("remove", "/s/t"), _step("add", "/s/t", "y"), _step("test", "/s/t", "y")],
    [_step("replace", "/s/t", "y"), _step("test", "/s/t", "x"), _step("replace", "/s/t", "z")],
    [_step("test", "/s/t", "x"), _step("replace", "/s/t", "y")],
    [_step("test", "/s/l/0", 1.0)],
    [_step("test", "/s/l/0", True)],
    [_step("test", "/s/l/0", "1")],
    [_step("add", "/s/u", 1), _step("remove", "/s/none"), _step("add", "/s/v", 1)],
    [_step("remove", "/s/none"), _step("add", "/s/u", 1)],
    [_step("replace", "/s/none", 1)],
    [_step("test", "/s/a~1b", 1), _step("replace", "/s/m~0n", 5), _step("remove", "/s/")],
    [_step("add", "/s/%61", 1), _step("replace", "/s/é", 5)],
    [_step("add", "/s/l/01", 1)],
    [_step("add", "/s/l/-1", 1)],
    [_step("remove", "/s/l/-")],
    [_step("replace", "/s/l/x", 1)],
    [_step("replace", "", {"whole": 1}), _step("add", "/more", 2)],
    [_step("add", "", []), _step("add", "/0", 1)],
    [_step("remove", "")],
    [_step("add", "/s/1/a", 1), _step("remove", "/s/1"), _step("add", "/s/1/b", 1)],
    [_step("move", "/s/w", **{"from": "/s/t"}), _step("test", "/s/w", "x")],
    [_step("copy", "/s/w", **{"from": "/s/l"}), _step("add", "/s/w/-", 4), _step("test", "/s/l", [1, 2, 3])],
    [_step("move", "/s/l/in", **{"from": "/s"})],
    [_step("add", "/s/u", None), _step("test", "/s/u", None), _step("replace", "/s/u")],
    [_step("ADD", "/s/u", 1)],
    [_step("add", "s/u", 1)],
    [_step("remove", "/s/l/1", 7), _step("replace", "/s/l/1", 8)],
)  # fmt: skip
"""Each after a step that makes what they are about."""


def patches() -> list[Patch]:
    return [[], *([_START, *chain] for chain in CHAINS)]


def is_patch(value: Json) -> bool:
    """Whether an example is a list of such steps."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and {"op", "path"} <= one.keys() for one in value)
    )
