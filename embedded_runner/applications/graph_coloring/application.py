"""What Cornflow is told about the colouring, and which solvers it has."""

from __future__ import annotations

from cornflow_client import get_empty_schema
from cornflow_client.core import ApplicationCore

from embedded_runner.applications.graph_coloring.data import Instance, Solution, read
from embedded_runner.applications.graph_coloring.solvers import CpSat, Greedy


class GraphColoring(ApplicationCore):  # type: ignore[misc]
    name = "graph_coloring"
    description = "Colours the nodes of a graph so that neighbours differ"
    instance = Instance
    solution = Solution
    solvers = {"cpsat": CpSat, "greedy": Greedy}  # noqa: RUF012 - the base class's form
    schema = get_empty_schema(properties=read("config")["properties"], solvers=list(solvers))
    test_cases = read("examples")["examples"]
