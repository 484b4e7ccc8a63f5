"""Carries packages of the tree above into this distribution.

In the repository they lie at the top; in a source distribution beside this file. Each distribution has
a copy of this file, since a build may not look for code outside its own folder.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class TreeHook(BuildHookInterface):  # type: ignore[type-arg]
    """Takes `folders`, place in the distribution to place in the tree, `without` some below them."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        tree = Path(self.root).parents[1]
        for target, place in self.config["folders"].items():
            carried = Path(self.root, target)
            folder = carried if carried.is_dir() else tree / place
            if not folder.is_dir():
                raise FileNotFoundError(f"{folder}: build from the repository or from an sdist")
            for file in sorted(folder.rglob("*")):
                parts = file.relative_to(folder)
                goal = f"{target}/{parts.as_posix()}"
                if file.is_file() and "__pycache__" not in parts.parts and self._carries(goal):
                    build_data["force_include"][str(file)] = goal

    def _carries(self, goal: str) -> bool:
        return not any(goal.startswith(f"{part}/") for part in self.config.get("without", ()))
