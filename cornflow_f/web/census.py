"""What the port implements, read from its routes: for the census, the documents and the tests."""

from dataclasses import dataclass

from fastapi import FastAPI
from pydantic import BaseModel

from cornflow_f.web.deps import GUARDS
from cornflow_f.web.fastapi_private import Dependant, depends_on_any, direct_calls
from cornflow_f.web.guards import require_dag_permission
from cornflow_f.web.query import model_of
from cornflow_f.web.route import PortRoute, inflate_request


@dataclass(frozen=True, slots=True)
class PortedOperation:
    """One method of one rule; `rule` is written as Flask writes it, `path` as OpenAPI does."""

    method: str
    rule: str
    name: str
    guarded: bool
    path: str
    query: type[BaseModel] | None = None
    """The model of the query string, if the operation reads one."""
    inflates: bool = False
    """Whether its body may be sent gzip-encoded."""
    names_workflow: bool = False
    """Whether its body has to name a workflow when the deployment is not open to all."""


def ported_operations(app: FastAPI) -> list[PortedOperation]:
    """Every operation the application implements."""
    return [
        PortedOperation(
            method,
            route.rule,
            route.name,
            is_guarded(route.dependant),
            route.path_format,
            _query(route.dependant),
            inflates=_depends_on(route.dependant, inflate_request),
            names_workflow=_depends_on(route.dependant, require_dag_permission),
        )
        for route in app.router.routes
        if isinstance(route, PortRoute)
        for method in sorted(route.methods or ())
    ]


def is_guarded(dependant: Dependant) -> bool:
    """Whether a permission check is among the dependencies."""
    return depends_on_any(dependant, GUARDS)


def _depends_on(dependant: Dependant, function: object) -> bool:
    return any(call is function for call in direct_calls(dependant))


def _query(dependant: Dependant) -> type[BaseModel] | None:
    models = (model_of(call) for call in direct_calls(dependant))
    return next((model for model in models if model is not None), None)
