"""The tables both stacks share, one noun per file. Importing this package configures all of them."""

from cornflow_f.database.engine import Base
from cornflow_f.models.action import Action
from cornflow_f.models.alarm import Alarm
from cornflow_f.models.case import Case
from cornflow_f.models.dag import DeployedWorkflow
from cornflow_f.models.dag_permission import DagPermission
from cornflow_f.models.execution import Execution
from cornflow_f.models.instance import Instance
from cornflow_f.models.main_alarm import MainAlarm
from cornflow_f.models.permission import Permission
from cornflow_f.models.role import Role
from cornflow_f.models.user import User
from cornflow_f.models.user_role import UserRole
from cornflow_f.models.view import View

CORE_TABLES = frozenset(Base.metadata.tables)
"""Those of Cornflow: the models of an external application come later."""

__all__ = [
    "CORE_TABLES",
    "Action",
    "Alarm",
    "Base",
    "Case",
    "DagPermission",
    "DeployedWorkflow",
    "Execution",
    "Instance",
    "MainAlarm",
    "Permission",
    "Role",
    "User",
    "UserRole",
    "View",
]
