"""Mistakes in what is written down: constants, keys, defaults, slices, keywords."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

Node = cst.CSTNode

_MARK = "XX"


def constant_changed(node: Node) -> Iterator[Node]:
    """`3` → `4`, `True` → `False`, `"text"` → `"XXtext"`."""
    yield from _changed(node)


def _changed(node: Node) -> Iterator[Node]:
    if isinstance(node, cst.Integer):
        yield node.with_changes(value=str(node.evaluated_value + 1))
    elif isinstance(node, cst.Float):
        yield node.with_changes(value=repr(node.evaluated_value + 1))
    elif isinstance(node, cst.Name) and node.value in ("True", "False"):
        yield node.with_changes(value="False" if node.value == "True" else "True")
    elif isinstance(node, cst.SimpleString):
        yield _marked(node)
    elif isinstance(node, cst.FormattedStringText) and node.value.strip(" :/{}(),.'\""):
        yield node.with_changes(value=_MARK + node.value)


def _marked(node: cst.SimpleString) -> cst.SimpleString:
    start = len(node.prefix) + len(node.quote)
    return node.with_changes(value=node.value[:start] + _MARK + node.value[start:])


def default_changed(node: Node) -> Iterator[Node]:
    """`def f(a=3)` → `def f(a=4)`; a default that is no constant is left."""
    if isinstance(node, cst.Param) and node.default is not None:
        for new in _changed(node.default):
            yield node.with_changes(default=new)


def key_renamed(node: Node) -> Iterator[Node]:
    """`{"name": 1}`, `x["name"]`, `x.get("name")` and `dict(name=1)`: the key is another one."""
    if isinstance(node, cst.DictElement) and isinstance(node.key, cst.SimpleString):
        yield node.with_changes(key=_marked(node.key))
    elif isinstance(node, cst.Subscript) and len(node.slice) == 1:
        element = node.slice[0].slice
        if isinstance(element, cst.Index) and isinstance(element.value, cst.SimpleString):
            index = element.with_changes(value=_marked(element.value))
            yield node.with_changes(slice=[node.slice[0].with_changes(slice=index)])
    elif isinstance(node, cst.Call) and node.args:
        yield from _renamed_argument(node)


def _renamed_argument(call: cst.Call) -> Iterator[Node]:
    function = call.func
    first = call.args[0]
    if isinstance(function, cst.Attribute) and function.attr.value in ("get", "pop", "setdefault"):
        if isinstance(first.value, cst.SimpleString):
            changed = first.with_changes(value=_marked(first.value))
            yield call.with_changes(args=[changed, *call.args[1:]])
    elif isinstance(function, cst.Name) and function.value == "dict":
        for number, argument in enumerate(call.args):
            if argument.keyword:
                args = list(call.args)
                args[number] = argument.with_changes(
                    keyword=cst.Name(_MARK + argument.keyword.value)
                )
                yield call.with_changes(args=args)


def constants_of_other_rules(node: Node) -> Iterator[Node]:
    """Constants below this node that are keys and defaults: they are changed once, by their own rule."""
    if isinstance(node, cst.Param) and node.default is not None:
        yield node.default
    elif isinstance(node, cst.DictElement):
        yield node.key
    elif isinstance(node, cst.Subscript):
        for element in node.slice:
            if isinstance(element.slice, cst.Index) and isinstance(
                element.slice.value, cst.SimpleString
            ):
                yield element.slice.value
    elif isinstance(node, cst.Call) and node.args and any(_renamed_argument(node)):
        yield node.args[0].value


def keyword_dropped(node: Node) -> Iterator[Node]:
    """`f(a, b=1)` → `f(a)`: the callee's own default."""
    if isinstance(node, cst.Call):
        for number, argument in enumerate(node.args):
            if argument.keyword:
                yield node.with_changes(args=without(node.args, number))


def without(arguments: Sequence[cst.Arg], number: int) -> list[cst.Arg]:
    left = [one for index, one in enumerate(arguments) if index != number]
    if left and number == len(arguments) - 1:
        left[-1] = left[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return left


def slice_changed(node: Node) -> Iterator[Node]:
    """`x[a:b]` → `x[:b]` and `x[a:]`."""
    if not isinstance(node, cst.Slice):
        return
    if node.lower is not None:
        yield node.with_changes(lower=None)
    if node.upper is not None:
        yield node.with_changes(upper=None)
