"""Mistakes in what is decided: comparisons, bounds, conditions, `and`/`or`, `not`, sums."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

Node = cst.CSTNode

_FLIPPED: dict[type[cst.BaseCompOp], type[cst.BaseCompOp]] = {
    cst.Equal: cst.NotEqual,
    cst.NotEqual: cst.Equal,
    cst.LessThan: cst.GreaterThanEqual,
    cst.GreaterThanEqual: cst.LessThan,
    cst.GreaterThan: cst.LessThanEqual,
    cst.LessThanEqual: cst.GreaterThan,
    cst.In: cst.NotIn,
    cst.NotIn: cst.In,
    cst.Is: cst.IsNot,
    cst.IsNot: cst.Is,
}
_MOVED: dict[type[cst.BaseCompOp], type[cst.BaseCompOp]] = {
    cst.LessThan: cst.LessThanEqual,
    cst.LessThanEqual: cst.LessThan,
    cst.GreaterThan: cst.GreaterThanEqual,
    cst.GreaterThanEqual: cst.GreaterThan,
}
_SUMS: dict[type[cst.BaseBinaryOp], type[cst.BaseBinaryOp]] = {
    cst.Add: cst.Subtract,
    cst.Subtract: cst.Add,
    cst.Multiply: cst.Add,
    cst.FloorDivide: cst.Multiply,
    cst.Divide: cst.Multiply,
    cst.Modulo: cst.Multiply,
}
_TEXTS = (cst.SimpleString, cst.ConcatenatedString, cst.FormattedString)


def comparison_flipped(node: Node) -> Iterator[Node]:
    """`a == b` → `a != b`, `a in b` → `a not in b`."""
    yield from _compared(node, _FLIPPED)


def bound_moved(node: Node) -> Iterator[Node]:
    """`a < b` → `a <= b`."""
    yield from _compared(node, _MOVED)


def _compared(
    node: Node, other: dict[type[cst.BaseCompOp], type[cst.BaseCompOp]]
) -> Iterator[Node]:
    if not isinstance(node, cst.Comparison):
        return
    for index, target in enumerate(node.comparisons):
        new = other.get(type(target.operator))
        if new is not None:
            changed = list(node.comparisons)
            changed[index] = target.with_changes(operator=new())
            yield node.with_changes(comparisons=changed)


def condition_negated(node: Node) -> Iterator[Node]:
    """`if a:` → `if not (a):`, also `while`, `x if a else y` and the `if` of a comprehension."""
    if isinstance(node, cst.If | cst.While | cst.IfExp | cst.CompIf) and not _is_comparison(
        node.test
    ):
        yield node.with_changes(test=_negated(node.test))


def _is_comparison(test: cst.BaseExpression) -> bool:
    """One that `comparison_flipped` negates already, or whose `not` is removed."""
    if isinstance(test, cst.UnaryOperation):
        return isinstance(test.operator, cst.Not)
    return isinstance(test, cst.Comparison) and len(test.comparisons) == 1


def _negated(test: cst.BaseExpression) -> cst.BaseExpression:
    inner = test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return cst.UnaryOperation(
        cst.Not(cst.SimpleWhitespace(" ")), inner, lpar=[cst.LeftParen()], rpar=[cst.RightParen()]
    )


def boolean_swapped(node: Node) -> Iterator[Node]:
    """`a and b` → `a or b`."""
    if isinstance(node, cst.BooleanOperation):
        new = cst.Or if isinstance(node.operator, cst.And) else cst.And
        yield node.with_changes(operator=new())


def not_removed(node: Node) -> Iterator[Node]:
    """`not a` → `a`."""
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not):
        yield node.expression.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def sum_changed(node: Node) -> Iterator[Node]:
    """`a + b` → `a - b`, `a * b` → `a + b`; texts are not added otherwise."""
    if not isinstance(node, cst.BinaryOperation):
        return
    if isinstance(node.left, _TEXTS) or isinstance(node.right, _TEXTS):
        return
    new = _SUMS.get(type(node.operator))
    if new is not None:
        yield node.with_changes(operator=new())
