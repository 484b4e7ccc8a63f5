"""`/health/`. Source: the legacy's ``endpoints/health.py``."""

from starlette.requests import Request

from cornflow_f.constants import CORNFLOW_VERSION, STATUS_HEALTHY, STATUS_UNHEALTHY
from cornflow_f.orchestrators.base import Orchestrator
from cornflow_f.schemas.health import HealthReply
from cornflow_f.services import user as user_service
from cornflow_f.views.common import public_router
from cornflow_f.web.deps import SessionDep, SettingsDep

router = public_router("Health", refuses=False)


@router.get("/health/", name="health", response_model=HealthReply)
async def health(request: Request, session: SessionDep, settings: SettingsDep) -> HealthReply:
    backend: Orchestrator = request.app.state.orchestrator
    service_user = None
    if settings.cornflow_service_user is not None:
        service_user = await user_service.find_by_username(session, settings.cornflow_service_user)
    return HealthReply(
        cornflow_status=STATUS_UNHEALTHY if service_user is None else STATUS_HEALTHY,
        backend_status=STATUS_HEALTHY if await backend.is_usable() else STATUS_UNHEALTHY,
        cornflow_version=CORNFLOW_VERSION,
    )
