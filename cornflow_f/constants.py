"""The vocabulary the database shares with the legacy: roles, actions, execution states.

Source: the legacy's ``shared/const.py``. The numbers are stored in rows, so they never change.
"""

from enum import IntEnum

CORNFLOW_VERSION = "1.3.9"
"""What `/health/` reports: the API version that clients check, not the port's own version."""

INTERNAL_TOKEN_ISSUER = "cornflow"
STATUS_HEALTHY = "healthy"
STATUS_UNHEALTHY = "unhealthy"


class Role(IntEnum):
    DUMMY = 0
    VIEWER = 1
    PLANNER = 2
    ADMIN = 3
    SERVICE = 4


class Action(IntEnum):
    GET = 1
    PATCH = 2
    POST = 3
    PUT = 4
    DELETE = 5


ALL_DEFAULT_ROLES = (Role.VIEWER, Role.PLANNER, Role.ADMIN, Role.SERVICE)

ACTION_NAMES = {action: f"can_{action.name.lower()}" for action in Action}
ROLE_NAMES = {role: role.name.lower() for role in Role}

BASE_PERMISSIONS: tuple[tuple[int, int], ...] = (
    (Role.VIEWER, Action.GET),
    *((role, action) for role in (Role.PLANNER, Role.ADMIN, Role.SERVICE) for action in Action),
)
"""Role and action: granted on every view whose `roles_with_access` name the role."""

EXTRA_PERMISSIONS: tuple[tuple[int, int, str], ...] = (
    (Role.DUMMY, Action.GET, "user-detail"),
    (Role.DUMMY, Action.PUT, "user-detail"),
    (Role.VIEWER, Action.PUT, "user-detail"),
    (Role.DUMMY, Action.GET, "user-roles"),
    (Role.VIEWER, Action.GET, "user-roles"),
    (Role.PLANNER, Action.GET, "user-roles"),
    (Role.SERVICE, Action.GET, "user-roles"),
    (Role.VIEWER, Action.GET, "execution-files"),
    (Role.PLANNER, Action.GET, "execution-files"),
    (Role.ADMIN, Action.GET, "execution-files"),
)
"""Role, action and view name: granted besides the base permissions."""


class ExecutionState(IntEnum):
    CORRECT = 1
    MANUAL = 2
    RUNNING = 0
    ERROR = -1
    STOPPED = -2
    ERROR_START = -3
    NOT_RUN = -4
    UNKNOWN = -5
    SAVING = -6
    QUEUED = -7


EXECUTION_STATE_MESSAGES: dict[int, str] = {
    ExecutionState.CORRECT: "The execution has been solved correctly.",
    ExecutionState.RUNNING: "The execution is currently running.",
    ExecutionState.ERROR: "The execution has found an error.",
    ExecutionState.STOPPED: "The execution has stopped running.",
    ExecutionState.ERROR_START: "The execution couldn't start running.",
    ExecutionState.NOT_RUN: "The execution wasn't run by user choice.",
    ExecutionState.UNKNOWN: "The execution has an unknown error.",
    ExecutionState.SAVING: "The execution executed ok but failed while saving it.",
    ExecutionState.MANUAL: "The execution was loaded manually.",
    ExecutionState.QUEUED: "The execution is currently queued.",
}


class ExecutionFiles(IntEnum):
    NOT_GENERATED = 0
    ERROR = -1
    DELETED = -2
    NOT_UP_TO_DATE = -3
    OK = 1
