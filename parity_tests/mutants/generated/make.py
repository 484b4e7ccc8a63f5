"""All mutants of a file, each with an id that does not depend on line numbers; the text of one of them. Pure."""

from __future__ import annotations

import difflib
import fnmatch
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from parity_core.model import ParityError
from parity_tests.mutants.generated.rules import flow, logic, values

Rule = Callable[[cst.CSTNode], Iterator[cst.CSTNode]]

RULES: dict[str, Rule] = {
    "comparison-flipped": logic.comparison_flipped,
    "bound-moved": logic.bound_moved,
    "condition-negated": logic.condition_negated,
    "boolean-swapped": logic.boolean_swapped,
    "not-removed": logic.not_removed,
    "sum-changed": logic.sum_changed,
    "call-removed": flow.call_removed,
    "await-dropped": flow.await_dropped,
    "assignment-removed": flow.assignment_removed,
    "clause-dropped": flow.clause_dropped,
    "return-dropped": flow.return_dropped,
    "raise-removed": flow.raise_removed,
    "constant-changed": values.constant_changed,
    "default-changed": values.default_changed,
    "key-renamed": values.key_renamed,
    "keyword-dropped": values.keyword_dropped,
    "slice-changed": values.slice_changed,
}
_ERROR_CHANGED = "error-changed"
NAMES = (*RULES, _ERROR_CHANGED)

_COMPOUND = (cst.FunctionDef, cst.ClassDef)


@dataclass(frozen=True)
class Generated:
    """One change of one node. `id` is `file:context:rule:digest`, `-2` for the second like it."""

    id: str
    file: str
    """As the package's own folder is called in a source tree: `shop/prices.py`."""
    rule: str
    context: str
    """`Class.function`, or what is assigned at the top of the module."""
    lines: tuple[int, int]
    """First and last line that tell, when they are executed, that it is reached."""
    names: tuple[str, ...] = ()
    """When it is executed as the module is imported: what it belongs to; reached is who uses them."""

    @property
    def is_import_time(self) -> bool:
        return bool(self.names)


@dataclass
class _Change:
    mutant: Generated
    node: cst.CSTNode
    replacement: cst.CSTNode


def mutants(file: str, text: str, skip_calls: Sequence[str] = ()) -> list[Generated]:
    """Those of a file, in the order of its text; calls that match a glob (`log.*`) are left alone."""
    return [change.mutant for change in _changes(file, text, skip_calls)[1]]


def mutated(one: Generated, text: str, skip_calls: Sequence[str] = ()) -> str:
    """The file's text with this mutant in it; ParityError when the file has no such mutant."""
    module, changes = _changes(one.file, text, skip_calls)
    for change in changes:
        if change.mutant.id == one.id:
            changed: Any = module.deep_replace(change.node, change.replacement)
            return str(changed.code)
    raise ParityError(f"{one.file} has no mutant {one.id}")


def difference(one: Generated, before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), one.file, one.file, lineterm="", n=1
    )
    return "\n".join(lines)


def _changes(file: str, text: str, skip_calls: Sequence[str]) -> tuple[cst.Module, list[_Change]]:
    try:
        wrapper = MetadataWrapper(cst.parse_module(text))
    except cst.ParserSyntaxError as error:
        raise ParityError(f"{file}: {error}") from None
    walk = _Walk(file, wrapper.module, skip_calls)
    wrapper.visit(walk)
    return wrapper.module, walk.changes


class _Walk(cst.CSTVisitor):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, file: str, module: cst.Module, skip_calls: Sequence[str]) -> None:
        super().__init__()
        self.file = file
        self.module = module
        self.skip_calls = skip_calls
        self.rules: dict[str, Rule] = {**RULES, _ERROR_CHANGED: flow.ErrorChanged(module)}
        self.stack: list[cst.CSTNode] = []
        self.taken: set[int] = set()
        self.alike: Counter[str] = Counter()
        self.changes: list[_Change] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if self._is_skipped(node):
            return False
        self.stack.append(node)
        self.taken |= {id(one) for one in values.constants_of_other_rules(node)}
        for name, rule in self.rules.items():
            if name == "constant-changed" and id(node) in self.taken:
                continue
            for replacement in rule(node):
                self._add(name, node, replacement)
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if self.stack and self.stack[-1] is original_node:
            self.stack.pop()

    def _is_skipped(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Annotation | cst.Import | cst.ImportFrom):
            return True
        if isinstance(node, cst.Expr):
            if isinstance(node.value, cst.SimpleString | cst.ConcatenatedString):
                return True
            call = node.value.expression if isinstance(node.value, cst.Await) else node.value
            if isinstance(call, cst.Call):
                return self._is_left_alone(call)
        if isinstance(node, cst.Decorator) and isinstance(node.decorator, cst.Call):
            return self._is_left_alone(node.decorator)
        if isinstance(node, cst.Assign):
            return _targets(node) == ["__all__"]
        return isinstance(node, cst.If) and _text(node.test) == "TYPE_CHECKING"

    def _is_left_alone(self, call: cst.Call) -> bool:
        called = self.module.code_for_node(call.func)
        return any(fnmatch.fnmatchcase(called, glob) for glob in self.skip_calls)

    def _add(self, rule: str, node: cst.CSTNode, replacement: cst.CSTNode) -> None:
        context, names = self._place()
        unit = self._unit(node)
        code = self.module.code_for_node
        parts = (code(unit).strip(), code(_head(node)), code(_head(replacement)))
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:6]
        key = f"{self.file}:{context}:{rule}:{digest}"
        self.alike[key] += 1
        number = self.alike[key]
        position = self.get_metadata(PositionProvider, unit)
        one = Generated(
            key if number == 1 else f"{key}-{number}",
            self.file,
            rule,
            context,
            (position.start.line, position.end.line),
            names,
        )
        self.changes.append(_Change(one, node, replacement))

    def _unit(self, node: cst.CSTNode) -> cst.CSTNode:
        """The statement whose lines tell that it is reached; of one with a body, what stands in its head."""
        head = _head(node)
        if head is not node:
            return head
        # the nearest of: a simple statement, or what lies directly in the head of a compound one
        below = node
        for one in reversed(self.stack):
            if isinstance(one, cst.SimpleStatementLine):
                return one
            if isinstance(one, cst.BaseCompoundStatement | cst.ExceptHandler):
                return below
            below = one
        return node

    def _place(self) -> tuple[str, tuple[str, ...]]:
        """Where the node stands, and, when it is executed by the import, what it belongs to."""
        scope: list[str] = []
        assigned: list[str] = []
        runs_later = False
        for one, below in zip(self.stack, [*self.stack[1:], None], strict=True):
            if isinstance(one, _COMPOUND):
                scope.append(one.name.value)
                runs_later |= isinstance(one, cst.FunctionDef) and below is one.body
            elif isinstance(one, cst.Assign | cst.AnnAssign) and not runs_later:
                assigned = _targets(one)
        names = () if runs_later else tuple(dict.fromkeys([*scope[:1], *assigned])) or ("",)
        return ".".join(scope if runs_later else [*scope, *assigned[:1]]) or "module", names


def _head(node: cst.CSTNode) -> cst.CSTNode:
    if isinstance(node, cst.If | cst.While):
        return node.test
    if isinstance(node, cst.ExceptHandler) and node.type is not None:
        return node.type
    return node


def _targets(node: cst.Assign | cst.AnnAssign) -> list[str]:
    targets = (
        [one.target for one in node.targets] if isinstance(node, cst.Assign) else [node.target]
    )
    return [one.value for one in targets if isinstance(one, cst.Name)]


def _text(node: cst.CSTNode) -> str:
    return node.value if isinstance(node, cst.Name) else ""
