"""Two ways to colour: greedy (DSATUR), at once and not always best; exact, by OR-tools' CP-SAT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cornflow_client.constants import (
    ORTOOLS_STATUS_MAPPING,
    SOLUTION_STATUS_FEASIBLE,
    SOLUTION_STATUS_INFEASIBLE,
    STATUS_FEASIBLE,
    STATUS_TIME_LIMIT,
    STATUS_UNDEFINED,
)
from cornflow_client.core import ExperimentCore
from ortools.sat.python import cp_model

from embedded_runner.applications.graph_coloring.data import Solution, read


def greedy(neighbours: Mapping[int, set[int]]) -> dict[int, int]:
    """Always the node whose neighbours have the most colours already, then the most neighbours."""
    colors: dict[int, int] = {}
    open_nodes = set(neighbours)
    while open_nodes:
        node = max(
            open_nodes,
            key=lambda n: (
                len({colors[other] for other in neighbours[n] if other in colors}),
                len(neighbours[n]),
                -n,
            ),
        )
        taken = {colors[other] for other in neighbours[node] if other in colors}
        colors[node] = next(color for color in range(len(neighbours)) if color not in taken)
        open_nodes.remove(node)
    return colors


class Experiment(ExperimentCore):  # type: ignore[misc]
    schema_checks = read("solution_checks")
    schema_kpis = read("kpis")

    def get_objective(self) -> float:
        return float(len(set(self.solution.colors.values())))

    def check_missing(self) -> list[dict[str, int]]:
        colors = self.solution.colors
        return [{"node": node} for node in self.instance.nodes if node not in colors]

    def check_conflicts(self) -> list[dict[str, int]]:
        """Edges whose two nodes have the same colour."""
        colors = self.solution.colors
        return [
            {"from": one, "to": other, "color": colors[one]}
            for one, other in self.instance.edges
            if one in colors and colors[one] == colors.get(other)
        ]

    def check_colors_used(self) -> list[dict[str, int]]:
        allowed, used = self.instance.max_colors, int(self.get_objective())
        if allowed is None or used <= allowed:
            return []
        return [{"allowed": allowed, "used": used}]

    def kpis_summary(self) -> list[dict[str, Any]]:
        return [
            {"name": "colors", "value": int(self.get_objective())},
            {"name": "nodes", "value": len(self.instance.nodes)},
            {"name": "edges", "value": len(self.instance.edges)},
        ]

    def kpis_colors(self) -> list[dict[str, int]]:
        """How many nodes have each colour."""
        used = list(self.solution.colors.values())
        return [{"color": color, "nodes": used.count(color)} for color in sorted(set(used))]


class Greedy(Experiment):
    def solve(self, options: Mapping[str, Any]) -> dict[str, Any]:
        colors = greedy(self.instance.neighbours)
        used, allowed = len(set(colors.values())), self.instance.max_colors
        self.log = f"greedy: {used} colors for {len(colors)} nodes"
        if allowed is not None and used > allowed:
            # nothing is proved by that: another order of the nodes may do with fewer
            self.log += f", but there are only {allowed}; try the solver cpsat"
            self.solution = None
            return {"status": STATUS_UNDEFINED, "status_sol": SOLUTION_STATUS_INFEASIBLE}
        self.solution = Solution.of(colors)
        return {
            "status": STATUS_FEASIBLE,
            "status_sol": SOLUTION_STATUS_FEASIBLE,
            "best_solution": float(used),
        }


class CpSat(Experiment):
    """As few colours as can be, and a proof of it when time allows."""

    def solve(self, options: Mapping[str, Any]) -> dict[str, Any]:
        neighbours = self.instance.neighbours
        start = greedy(neighbours)
        allowed = self.instance.max_colors
        enough = len(set(start.values()))
        count = enough if allowed is None else min(enough, allowed)
        # The names of OR-tools 9.8, which cornflow_client asks for; later versions have them too.
        model: Any = cp_model.CpModel()
        color = {
            node: model.NewIntVar(0, max(count - 1, 0), f"color_{node}") for node in neighbours
        }
        top = model.NewIntVar(0, max(count - 1, 0), "top")
        for one, other in self.instance.edges:
            model.Add(color[one] != color[other])
        for node in neighbours:
            model.Add(top >= color[node])
            if enough <= count:
                model.AddHint(color[node], start[node])
        model.Minimize(top)

        solver: Any = cp_model.CpSolver()
        # repeatable results, and no more of the machine than one worker's share
        solver.parameters.random_seed = 1
        solver.parameters.num_workers = int(options.get("threads") or 1)
        solver.parameters.log_search_progress = bool(options.get("msg", True))
        limit = options.get("timeLimit")
        if limit is not None:
            solver.parameters.max_time_in_seconds = float(limit)
        outcome = solver.Solve(model)

        status = ORTOOLS_STATUS_MAPPING[outcome]
        if outcome not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            self.solution = None
            limited = outcome == cp_model.UNKNOWN and limit is not None
            return {
                "status": STATUS_TIME_LIMIT if limited else status,
                "status_sol": SOLUTION_STATUS_INFEASIBLE,
            }
        self.solution = Solution.of({node: solver.Value(one) for node, one in color.items()})
        return {
            "status": STATUS_TIME_LIMIT if status == STATUS_FEASIBLE else status,
            "status_sol": SOLUTION_STATUS_FEASIBLE,
            "best_solution": self.get_objective(),
            "best_bound": solver.BestObjectiveBound() + 1,
        }
