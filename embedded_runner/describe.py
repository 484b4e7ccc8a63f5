"""A child process that imports every application and writes what each says about itself.

`python -m embedded_runner.describe FILE [package.module:Class ...]`. In a process of its own, because
applications import solvers: the server stays small, and one that crashes takes nothing with it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embedded_runner import registry
from embedded_runner.model import Json, RunnerError


def describe(target: str) -> dict[str, Json]:
    """Name, description, schemas and examples; raises RunnerError when the application is broken."""
    application = registry.load(target)
    try:
        described = {
            "name": str(application.name),
            "target": target,
            "description": application.description,
            "schemas": application.get_schemas(),
            "examples": [example(n, case) for n, case in enumerate(application.test_cases, 1)],
        }
        # a round trip: what is no JSON fails here, by name
        made: dict[str, Json] = json.loads(json.dumps(described))
    except Exception as error:
        raise RunnerError(
            f"{target} cannot describe itself: {type(error).__name__}: {error}"
        ) from error
    return made


def example(number: int, case: Any) -> dict[str, Json]:
    """A test case as Cornflow serves examples; it may be an instance, or one with its solution."""
    if isinstance(case, dict) and "instance" in case and "name" in case:
        return dict(case)
    if isinstance(case, (tuple, list)):
        instance, solution = case
        return {"name": f"Example {number}", "instance": instance, "solution": solution}
    return {"name": f"Example {number}", "instance": case}


def main(file: str, extra: Sequence[str]) -> None:
    described: list[Json] = []
    problems: list[str] = []
    for target in registry.targets(extra):
        try:
            described.append(describe(target))
        except RunnerError as error:
            problems.append(str(error))
    Path(file).write_text(json.dumps({"applications": described, "problems": problems}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
