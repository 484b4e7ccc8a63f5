"""Who uses what a module defines when it is imported: functions, found by name over the whole package. Pure."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_DEPTH = 3
"""Of definitions made of definitions: a column of a model, which a tuple names, which a function reads."""

Lines = dict[str, set[int]]
"""By file."""


@dataclass(frozen=True)
class _Function:
    file: str
    lines: range


class FunctionUsers:
    """Of all files of a package, given as their texts."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._functions: dict[str, list[_Function]] = defaultdict(list)
        """By each name that they use, or that they have."""
        self._definitions: dict[str, set[tuple[str, str]]] = defaultdict(set)
        """By each name that they use: what is defined with it, and where."""
        self._sizes: dict[str, int] = {}
        for file, text in sources.items():
            self._sizes[file] = text.count("\n") + 1
            self._module(file, ast.parse(text).body)

    def _module(self, file: str, body: Iterable[ast.stmt], owner: str = "") -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first, last = node.body[0].lineno, node.end_lineno or node.lineno
                one = _Function(file, range(first, last + 1))
                for name in {*_names(node), node.name, owner} - {""}:
                    self._functions[name].append(one)
            elif isinstance(node, ast.ClassDef):
                outside = [*node.bases, *node.decorator_list, *(k.value for k in node.keywords)]
                inside = [
                    x for x in node.body if isinstance(x, ast.Assign | ast.AnnAssign | ast.Expr)
                ]
                for name in {used for x in (*outside, *inside) for used in _names(x)}:
                    self._definitions[name].add((file, node.name))
                self._module(file, node.body, node.name)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                for target in _targets(node):
                    for name in _names(node) - {target}:
                        self._definitions[name].add((file, target))

    def of(self, file: str, names: Iterable[str]) -> Lines:
        """Lines of the functions that use any of these names; of the whole file when none does."""
        lines: Lines = defaultdict(set)
        pending = {(file, name) for name in names if name}
        known = set(pending)
        for _ in range(_DEPTH):
            for where, name in pending:
                for function in self._functions.get(name, ()):
                    # an underscore: nobody else's
                    if not name.startswith("_") or function.file == where:
                        lines[function.file] |= set(function.lines)
            pending = {
                (other, made)
                for where, name in pending
                for other, made in self._definitions.get(name, ())
                if not name.startswith("_") or other == where
            } - known
            known |= pending
            if lines:
                break
        if not lines:
            lines[file] = set(range(1, self._sizes.get(file, 1) + 1))
        return dict(lines)


def _names(node: ast.AST) -> set[str]:
    names: set[str] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.Name):
            names.add(one.id)
        elif isinstance(one, ast.Attribute):
            names.add(one.attr)
    return names


def _targets(node: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [one.id for one in targets if isinstance(one, ast.Name)]
