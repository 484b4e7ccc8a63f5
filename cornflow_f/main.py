"""Builds the application: the only place where the parts are wired together."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from cornflow_f import __version__, external
from cornflow_f.config import AuthType, Settings, SignupMode
from cornflow_f.database.engine import create_engine, reading_session_factory, session_factory
from cornflow_f.errors import ConfigurationError
from cornflow_f.openapi import document
from cornflow_f.openapi import routes as documents
from cornflow_f.orchestrators import create_airflow, create_orchestrator
from cornflow_f.services.ldap import Directory
from cornflow_f.services.openid import OpenIdProvider
from cornflow_f.views import (
    action,
    alarm,
    apiview,
    case,
    dag,
    data_check,
    execution,
    execution_files,
    health,
    instance,
    instance_file,
    licence,
    login,
    permission,
    role,
    signup,
    table,
    token,
    user,
    user_role,
    workflow,
)
from cornflow_f.views_table import views_for
from cornflow_f.web.census import PortedOperation, ported_operations
from cornflow_f.web.cors import CorsPolicy
from cornflow_f.web.error_handlers import HANDLERS
from cornflow_f.web.protocol import LegacyProtocol
from cornflow_f.web.route_index import RouteIndex
from cornflow_f.web.routing import RouteTable, legacy_rule, specificity

__all__ = ["PortedOperation", "create_app", "ported_operations", "routers"]

logger = logging.getLogger("cornflow_f")


_LOGINS = {
    AuthType.OID: login.openid,
    AuthType.DATABASE: login.database,
    AuthType.LDAP: login.directory,
}


def routers(settings: Settings) -> list[APIRouter]:
    """The routers these settings ask for."""
    chosen = [
        action.router,
        apiview.router,
        case.router,
        dag.router,
        data_check.router,
        execution.router,
        execution_files.router,
        health.router,
        instance.router,
        instance_file.router,
        licence.router,
        _LOGINS[settings.auth_type],
        permission.router,
        role.router,
        table.router,
        token.router,
        user.public,
        user.router,
        user_role.router,
        workflow.examples,
        workflow.schemas,
    ]
    if settings.alarms_enabled:
        chosen.append(alarm.router)
    if settings.auth_type is AuthType.DATABASE and settings.signup_activated is not SignupMode.OFF:
        chosen.append(signup.router)
    return chosen


def create_app(settings: Settings | None = None) -> FastAPI:
    """The port as an ASGI application. Raises ConfigurationError when the settings can't work."""
    settings = settings or Settings()
    _check(settings)
    # Refuses views of an external application that clash with ours.
    views_for(settings)
    engine = create_engine(settings.database_url, pool_size=settings.db_pool_size)
    http_client = httpx.AsyncClient()
    directory = Directory(settings) if settings.auth_type is AuthType.LDAP else None
    openid = OpenIdProvider(settings, http_client) if settings.auth_type is AuthType.OID else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        if directory is not None:
            directory.close()
        await http_client.aclose()
        await engine.dispose()

    application = external.load(settings)
    own = () if application is None else application.routers
    routes = _ordered_routes([*own, *routers(settings)])
    app = FastAPI(
        title="cornflow API docs",
        version=__version__,
        lifespan=lifespan,
        redirect_slashes=False,
        exception_handlers=HANDLERS,
    )
    _check_body_limits(settings, routes)
    own_documents = frozenset(str(getattr(route, "path", "")) for route in app.router.routes)
    app.router.routes[:0] = [RouteIndex(routes)]
    described = documents.routes(app)
    app.router.routes.extend([*routes, *described])
    app.add_middleware(
        LegacyProtocol,
        table=RouteTable((route.path, route.methods or ()) for route in [*routes, *described]),
        cors=CorsPolicy(settings.cors_origins),
        documents=own_documents,
        application_root=settings.application_root,
        show_internal_errors=not settings.is_production,
    )
    app.state.settings = settings
    app.state.engine = engine
    app.state.sessions = session_factory(engine)
    app.state.reading_sessions = reading_session_factory(engine)
    app.state.http_client = http_client
    app.state.airflow = create_airflow(settings, http_client)
    app.state.orchestrator = create_orchestrator(settings, http_client, app.state.airflow)
    app.state.directory = directory
    app.state.openid = openid
    document.install(app, ported_operations(app), settings)
    return app


def _check(settings: Settings) -> None:
    if not settings.secret_key:
        raise ConfigurationError("SECRET_KEY is not set: tokens could be signed by anybody")
    if settings.auth_type not in _LOGINS:
        known = ", ".join(f"{kind.value} ({kind.name})" for kind in _LOGINS)
        raise ConfigurationError(
            f"Invalid authentication type: AUTH_TYPE={settings.auth_type.value} "
            f"({settings.auth_type.name}) has no log-in; known are {known}"
        )


def _check_body_limits(settings: Settings, routes: Sequence[APIRoute]) -> None:
    known = {
        f"{method} {legacy_rule(route.path)}" for route in routes for method in route.methods or ()
    }
    unknown = sorted(settings.body_limits.keys() - known)
    if unknown:
        raise ConfigurationError(f"CORNFLOW_F_BODY_LIMITS: there is no operation {unknown[0]}")


def _ordered_routes(chosen: Sequence[APIRouter]) -> list[APIRoute]:
    """Fixed paths before variable ones, as the legacy's router would try them."""
    routes = [route for router in chosen for route in router.routes if isinstance(route, APIRoute)]
    return sorted(routes, key=lambda route: specificity(route.path))
