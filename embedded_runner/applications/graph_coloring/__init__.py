"""`graph_coloring`: colours for the nodes of a graph, so that no edge joins two of the same.

The second application, and an example of one: schemas in JSON files, checks and KPIs as methods,
two solvers. Instance: `edges` and, if wanted, the most colours there are. Solution: `assignment`.
"""

from embedded_runner.applications.graph_coloring.application import GraphColoring

__all__ = ["GraphColoring"]
