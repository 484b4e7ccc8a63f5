"""Which test files lead to a file by imports, nearest first, read from the sources. Pure."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

_FAR = 4
"""Steps; what lies farther imports everything."""


class ImportGraph:
    """Of files by their texts, each named as `package/module.py` from the folder that imports start in."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._modules = {_module(file): file for file in sources}
        self._imports = {
            file: {self._modules[name] for name in _imported(file, text) if name in self._modules}
            for file, text in sources.items()
        }

    def nearest(self, file: str, starts: Iterable[str]) -> list[str]:
        """Those of the starts that lead to the file, by the number of steps, then of what else they import."""
        distances = {start: self._distance(start, file) for start in starts}
        near = [(distance, one) for one, distance in distances.items() if distance is not None]
        return [one for _, _, one in sorted((d, len(self._imports[one]), one) for d, one in near)]

    def _distance(self, start: str, goal: str) -> int | None:
        steps = {start: 0}
        waiting = deque([start])
        while waiting:
            file = waiting.popleft()
            if file == goal:
                return steps[file]
            if steps[file] == _FAR:
                continue
            for other in self._imports.get(file, ()):
                if other not in steps:
                    steps[other] = steps[file] + 1
                    waiting.append(other)
        return None


def _module(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imported(file: str, text: str) -> Iterator[str]:
    """Names of modules, and names that may be those of modules."""
    package: Sequence[str] = file.split("/")[:-1]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = [*package[: len(package) - node.level + 1]] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            yield base
            yield from (f"{base}.{one.name}" for one in node.names)
