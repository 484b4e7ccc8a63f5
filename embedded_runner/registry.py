"""Which applications there are: our own, those of installed packages, those named at the start."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import Any

from embedded_runner.model import RunnerError

GROUP = "embedded_runner.applications"
"""Entry point group: `name = package.module:Class`, a class derived from ApplicationCore."""

BUILT_IN = (
    "embedded_runner.applications.pulp_model:PulpModel",
    "embedded_runner.applications.graph_coloring:GraphColoring",
)


def targets(extra: Sequence[str] = ()) -> list[str]:
    """Every application as `package.module:Class`, each once; imports none of them."""
    listed = [*BUILT_IN, *(point.value for point in entry_points(group=GROUP)), *extra]
    return list(dict.fromkeys(listed))


def load(target: str) -> Any:
    """An object of the application's class (cornflow_client's ApplicationCore)."""
    module, _, name = target.partition(":")
    if not module or not name:
        raise RunnerError(f"`{target}` is no application: write it as package.module:Class")
    try:
        made = getattr(importlib.import_module(module), name)()
    except Exception as error:
        # any error: the application's own code runs here, and one broken application is told by name
        raise RunnerError(
            f"{target} could not be loaded: {type(error).__name__}: {error}"
        ) from error
    for wanted in ("name", "solve", "check_generate_kpis", "get_schemas"):
        if not hasattr(made, wanted):
            raise RunnerError(f"{target} has no `{wanted}`: derive it from ApplicationCore")
    return made
