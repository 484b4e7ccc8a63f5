"""Mistakes in what is done: calls, writes, filters, replies and errors that are left out or are others."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst
from libcst import matchers

from parity_tests.mutants.generated.rules.values import without

Node = cst.CSTNode

_FILTERS = ("where", "filter", "filter_by", "having")
_CLAUSES = ("order_by", "limit", "offset", "distinct", "with_for_update", "group_by", "returning")
_PLAIN = ("strip", "lower", "upper", "casefold", "rstrip", "lstrip", "copy", "title")
_OTHER_ERROR = "RuntimeError"


def call_removed(node: Node) -> Iterator[Node]:
    """A statement `f(a)` → `pass`; `x.strip()` → `x`."""
    if isinstance(node, cst.Expr) and isinstance(node.value, cst.Call):
        yield cst.Pass()
    if (
        isinstance(node, cst.Call)
        and not node.args
        and isinstance(node.func, cst.Attribute)
        and node.func.attr.value in _PLAIN
    ):
        yield node.func.value


def await_dropped(node: Node) -> Iterator[Node]:
    """A statement `await f(a)` → `f(a)`: what it does is never done."""
    if isinstance(node, cst.Expr) and isinstance(node.value, cst.Await):
        yield node.with_changes(value=node.value.expression)


def assignment_removed(node: Node) -> Iterator[Node]:
    """`row.name = a` or `values["name"] = a` → `pass`: a column or key that is not written."""
    if isinstance(node, cst.Assign | cst.AugAssign | cst.AnnAssign):
        targets = (
            [one.target for one in node.targets] if isinstance(node, cst.Assign) else [node.target]
        )
        if all(isinstance(one, cst.Attribute | cst.Subscript) for one in targets):
            yield cst.Pass()


def clause_dropped(node: Node) -> Iterator[Node]:
    """`.where(a, b)` → `.where(a)`; `.where(a)`, `.order_by(a)`, `.limit(a)` → nothing."""
    if not (isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute)):
        return
    name = node.func.attr.value
    if name in _FILTERS and len(node.args) > 1:
        for number in range(len(node.args)):
            yield node.with_changes(args=without(node.args, number))
    elif name in _FILTERS or name in _CLAUSES:
        yield node.func.value


def return_dropped(node: Node) -> Iterator[Node]:
    """`return a` → `return None`."""
    if isinstance(node, cst.Return) and node.value is not None:
        if isinstance(node.value, cst.Name) and node.value.value == "None":
            return
        yield node.with_changes(
            value=cst.Name("None"), whitespace_after_return=cst.SimpleWhitespace(" ")
        )


def raise_removed(node: Node) -> Iterator[Node]:
    """`raise NotFound()` → `pass`: a check that refuses nobody."""
    if isinstance(node, cst.Raise):
        yield cst.Pass()


class ErrorChanged:
    """`raise NotFound()` → the next error that the same file raises; `except (A, B)` → `except B`."""

    def __init__(self, module: cst.Module) -> None:
        raised = matchers.findall(module, matchers.Raise())
        names = {_error_of(one) for one in raised if isinstance(one, cst.Raise)}
        self.errors = sorted(names - {""})

    def __call__(self, node: Node) -> Iterator[Node]:
        if isinstance(node, cst.Raise) and (name := _error_of(node)):
            after = self.errors[(self.errors.index(name) + 1) % len(self.errors)]
            other = cst.Name(after if after != name else _OTHER_ERROR)
            new = node.exc.with_changes(func=other) if isinstance(node.exc, cst.Call) else other
            yield node.with_changes(exc=new)
        elif isinstance(node, cst.ExceptHandler) and isinstance(node.type, cst.Tuple):
            elements = node.type.elements
            for number in range(len(elements)):
                left = [one for index, one in enumerate(elements) if index != number]
                left[-1] = left[-1].with_changes(comma=cst.Comma())
                yield node.with_changes(type=node.type.with_changes(elements=left))


def _error_of(node: cst.Raise) -> str:
    error = node.exc.func if isinstance(node.exc, cst.Call) else node.exc
    is_class = isinstance(error, cst.Name) and error.value[:1].isupper()
    return error.value if is_class and isinstance(error, cst.Name) else ""
