"""Plants: what a company produces with. Cornflow finds `application` when told
`EXTERNAL_APP=1 EXTERNAL_APP_MODULE=plants_app`."""

from pathlib import Path

from cornflow_f.constants import Action, Role
from cornflow_f.external import ExternalApplication
from plants_app.roles import DISPATCHER
from plants_app.views import plant

application = ExternalApplication(
    name="plants",
    routers=(plant.router, plant.public),
    roles_with_access={
        "plants": (Role.VIEWER, Role.PLANNER, Role.ADMIN, DISPATCHER),
        "plants-detail": (Role.VIEWER, Role.PLANNER, Role.ADMIN, DISPATCHER),
    },
    descriptions={"plants": "The plants of the company"},
    extra_permissions=(
        # Viewers read; this one thing more they may do.
        (Role.VIEWER, Action.POST, "plants"),
        # A view of Cornflow's own, for the role of this application.
        (DISPATCHER, Action.GET, "instance"),
    ),
    public=frozenset({"GET /plant/units/"}),
    migrations=Path(__file__).parent / "migrations",
)
