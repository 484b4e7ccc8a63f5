"""All views of the API, those of an external application too: name, rule as Flask writes it, roles with access.

The database knows every view from the first day, because the permissions of operations the legacy
still answers are in the same tables. A test compares this table with the legacy's own registration.
"""

from cornflow_f import external
from cornflow_f.config import AuthType, Settings, SignupMode
from cornflow_f.constants import Role
from cornflow_f.errors import ConfigurationError
from cornflow_f.view_spec import ViewSpec

__all__ = ["ViewSpec", "views_for"]


_ALL = (Role.VIEWER, Role.PLANNER, Role.ADMIN, Role.SERVICE)
_PEOPLE = (Role.VIEWER, Role.PLANNER, Role.ADMIN)
_WORKERS = (Role.PLANNER, Role.ADMIN, Role.SERVICE)
_PLANNERS = (Role.PLANNER, Role.ADMIN)
_OPERATORS = (Role.ADMIN, Role.SERVICE)
_ADMIN = (Role.ADMIN,)
_SERVICE = (Role.SERVICE,)

# fmt: off
_VIEWS = (
    ViewSpec("instance", "/instance/", _ALL),
    ViewSpec("instances-detail", "/instance/<string:idx>/", _ALL),
    ViewSpec("instances-data", "/instance/<string:idx>/data/", _ALL),
    ViewSpec("instance-file", "/instancefile/", _ALL),
    ViewSpec("data-check-kpis-execution", "/data-check-kpis/execution/<string:idx>/", _PLANNERS),
    ViewSpec("data-check-execution", "/data-check/execution/<string:idx>/", _PLANNERS),
    ViewSpec("data-check-kpis-instance", "/data-check-kpis/instance/<string:idx>/", _PLANNERS),
    ViewSpec("data-check-instance", "/data-check/instance/<string:idx>/", _PLANNERS),
    ViewSpec("data-check-kpis-case", "/data-check-kpis/case/<int:idx>/", _PLANNERS),
    ViewSpec("data-check-case", "/data-check/case/<int:idx>/", _PLANNERS),
    ViewSpec("execution-detail", "/execution/<string:idx>/", _ALL),
    ViewSpec("execution-status", "/execution/<string:idx>/status/", _ALL),
    ViewSpec("execution-data", "/execution/<string:idx>/data/", _ALL),
    ViewSpec("execution-log", "/execution/<string:idx>/log/", _ALL),
    ViewSpec("execution-relaunch", "/execution/<string:idx>/relaunch/", _ALL),
    ViewSpec("execution", "/execution/", _ALL),
    ViewSpec("execution-files", "/execution/files/<string:idx>/", _SERVICE),
    ViewSpec("execution-files-cleanup", "/execution/files/cleanup/", _SERVICE),
    ViewSpec("dag", "/dag/<string:idx>/", _OPERATORS),
    ViewSpec("dag-manual", "/dag/", _WORKERS),
    ViewSpec("dag-instance", "/dag/instance/<string:idx>/", _OPERATORS),
    ViewSpec("dag-case", "/dag/case/<int:idx>/", _OPERATORS),
    ViewSpec("deployed-dag", "/dag/deployed/", _SERVICE),
    ViewSpec("deployed-dag-detail", "/dag/deployed/<string:idx>/", _SERVICE),
    ViewSpec("user", "/user/", _ADMIN),
    ViewSpec("user-detail", "/user/<int:user_id>/", _ALL),
    ViewSpec("user-admin", "/user/<int:user_id>/<int:make_admin>/", _ADMIN),
    ViewSpec("token", "/token/", _ALL),
    ViewSpec("schema", "/schema/", _ALL),
    ViewSpec("schema-details", "/schema/<string:dag_name>/", _ALL),
    ViewSpec("example-data", "/example/<string:dag_name>/", _PEOPLE),
    ViewSpec("example-data-detail", "/example/<string:dag_name>/<string:example_name>/", _ALL),
    ViewSpec("health", "/health/", _ALL),
    ViewSpec("case-instance-execution", "/case/instance/", _PLANNERS),
    ViewSpec("case-copy", "/case/<int:idx>/copy/", _PLANNERS),
    ViewSpec("case", "/case/", _PEOPLE),
    ViewSpec("case-detail", "/case/<int:idx>/", _PEOPLE),
    ViewSpec("case-data", "/case/<int:idx>/data/", _PEOPLE),
    ViewSpec("case-instance", "/case/<int:idx>/instance/", _PLANNERS),
    ViewSpec("case-compare", "/case/<int:idx1>/<int:idx2>/", _PEOPLE),
    ViewSpec("actions", "/action/", _ADMIN, "Endpoint which allows to get the actions defined in the application"),
    ViewSpec("permissions", "/permission/", _ADMIN),
    ViewSpec("permission-detail", "/permission/<int:idx>/", _ADMIN),
    ViewSpec("roles", "/roles/", _ADMIN, "Endpoint to get or create the current roles in the application"),
    ViewSpec("roles-detail", "/roles/<int:idx>/", _ADMIN, "Endpoint to get, modify or delete a specific role of the application"),
    ViewSpec("api-view", "/apiview/", _ADMIN, "Endpoint to get the list of all the endpoints defined in cornflow and its url"),
    ViewSpec("user-roles", "/user/role/", _ADMIN, "Endpoint to get the list of roles assigned to users and create new assignments"),
    ViewSpec("user-roles-detail", "/user/role/<int:user_id>/<int:role_id>/", _ADMIN, "Endpoint to get a specific role assignment or to delete one"),
    ViewSpec("recover-password", "/user/recover-password/", _ALL),
    ViewSpec("licences", "/licences/", _PEOPLE),
    ViewSpec("tables", "/table/<string:table_name>/", _SERVICE),
    ViewSpec("tables-detail", "/table/<string:table_name>/<string:idx>/", _SERVICE),
)
_SIGNUP = ViewSpec("signup", "/signup/", _ADMIN)
_LOGIN = ViewSpec("login", "/login/", _ALL)
_ALARMS = (
    ViewSpec("alarms", "/alarms/", _ALL),
    ViewSpec("alarms-detail", "/alarms/<int:idx>/", _ALL),
    ViewSpec("main-alarms", "/main-alarms/", _ALL),
)
# fmt: on


def views_for(settings: Settings) -> tuple[ViewSpec, ...]:
    """The views these settings switch on, in the order in which the legacy numbers them."""
    if settings.auth_type is AuthType.OAUTH:
        # parity: the legacy does not start with it (app.py, create_app)
        raise ConfigurationError("Invalid authentication type")
    views = list(_VIEWS)
    if settings.auth_type is AuthType.DATABASE and settings.signup_activated is not SignupMode.OFF:
        views.append(_SIGNUP)
    views.append(_LOGIN)
    if settings.alarms_enabled:
        views.extend(_ALARMS)
    application = external.load(settings)
    return tuple(views) if application is None else application.added_to(views)
