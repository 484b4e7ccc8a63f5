"""What no recorded exchange reached: lines and branches by file and function, as a table and as JSON. Pure."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from parity_tests.reach.model import FileReach, Reach


@dataclass(frozen=True)
class Gap:
    """Lines of one function, one after another, that nothing reached, or one way out of a line."""

    file: str
    function: str
    first: int
    last: int
    to: int | None = None
    """For a branch: the line that is never gone to from `first`; negative: the function's end."""
    text: str = ""

    @property
    def where(self) -> str:
        if self.to is not None:
            target = "the end" if self.to < 0 else str(self.to)
            return f"{self.file}:{self.first} → {target}"
        return f"{self.file}:{self.first}" + (f"-{self.last}" if self.last > self.first else "")


def gaps(reach: Reach, sources: Mapping[str, str], globs: Sequence[str] = ()) -> list[Gap]:
    """Of the files that match a glob. Branches into lines that are listed themselves are left out."""
    result: list[Gap] = []
    for name in sorted(reach.files):
        if globs and not any(fnmatchcase(name, glob) for glob in globs):
            continue
        text = sources.get(name, "")
        result += _of_file(name, reach.files[name], text)
    return result


def _of_file(name: str, file: FileReach, text: str) -> list[Gap]:
    lines = text.splitlines()
    functions = _functions(text)

    def at(line: int) -> str:
        inside = [one for one in functions if one[0] <= line <= one[1]]
        return max(inside)[2] if inside else "module"

    def words(line: int) -> str:
        return lines[line - 1].strip() if 0 < line <= len(lines) else ""

    runs: list[list[int]] = []
    missing = sorted(file.missing_lines)
    for index, line in enumerate(missing):
        # lines between two missing ones that are no statements belong to the same gap
        joined = index and at(line) == at(missing[index - 1]) and line - missing[index - 1] <= 2
        if joined:
            runs[-1][1] = line
        else:
            runs.append([line, line])
    unreached = [Gap(name, at(a), a, b, text=words(a)) for a, b in runs]
    lost = set(missing)
    unreached += [
        Gap(name, at(first), first, first, to, words(first))
        for first, to in file.missing_branches
        if first not in lost and to not in lost
    ]
    return sorted(unreached, key=lambda gap: (gap.first, gap.to or 0))


def _functions(text: str) -> list[tuple[int, int, str]]:
    result: list[tuple[int, int, str]] = []

    def walk(node: ast.AST, scope: tuple[str, ...]) -> None:
        for child in ast.iter_child_nodes(node):
            inner = scope
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inner = (*scope, child.name)
                if not isinstance(child, ast.ClassDef):
                    result.append((child.lineno, child.end_lineno or child.lineno, ".".join(inner)))
            walk(child, inner)

    walk(ast.parse(text), ())
    return result


def totals(reach: Reach, globs: Sequence[str] = ()) -> tuple[int, int, int, int]:
    """Statements that were executed, of how many; branches that were taken, of how many."""
    files = [
        file
        for name, file in reach.files.items()
        if not globs or any(fnmatchcase(name, glob) for glob in globs)
    ]
    statements = sum(file.statements for file in files)
    branches = sum(file.branches for file in files)
    return (
        statements - sum(len(file.missing_lines) for file in files),
        statements,
        branches - sum(len(file.missing_branches) for file in files),
        branches,
    )
