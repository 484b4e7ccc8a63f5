"""Instance and solution of the colouring, with the checks of what a user may get wrong."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from cornflow_client.core import InstanceCore, SolutionCore

_HERE = Path(__file__).parent


def read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((_HERE / f"{name}.json").read_text())
    return document


class Instance(InstanceCore):  # type: ignore[misc]
    schema = read("instance")
    schema_checks = read("instance_checks")

    @property
    def edges(self) -> list[tuple[int, int]]:
        return [(edge["from"], edge["to"]) for edge in self.data["edges"]]

    @property
    def nodes(self) -> list[int]:
        return sorted({node for edge in self.edges for node in edge})

    @property
    def neighbours(self) -> dict[int, set[int]]:
        adjacent: dict[int, set[int]] = {node: set() for node in self.nodes}
        for one, other in self.edges:
            adjacent[one].add(other)
            adjacent[other].add(one)
        return adjacent

    @property
    def max_colors(self) -> int | None:
        limit: int | None = (self.data.get("parameters") or {}).get("max_colors")
        return limit

    def check_loops(self) -> list[dict[str, int]]:
        """Nodes joined with themselves: no colour fits."""
        return [{"node": one} for one, other in self.edges if one == other]

    def check_repeated_edges(self) -> list[dict[str, int]]:
        """Edges that are told more than once; a warning, because they change nothing."""
        counts = Counter((min(edge), max(edge)) for edge in self.edges)
        return [
            {"from": one, "to": other, "times": times}
            for (one, other), times in counts.items()
            if times > 1
        ]


class Solution(SolutionCore):  # type: ignore[misc]
    schema = read("solution")

    @classmethod
    def of(cls, colors: dict[int, int]) -> Solution:
        assignment = [{"node": node, "color": color} for node, color in sorted(colors.items())]
        made: Solution = cls.from_dict({"assignment": assignment})
        return made

    @property
    def colors(self) -> dict[int, int]:
        return {one["node"]: one["color"] for one in self.data["assignment"]}
