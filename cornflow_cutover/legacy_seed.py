"""Seeds a database by the legacy's own commands: what the port's provisioning is compared with.

    python -m cornflow_cutover.legacy_seed ROLE:USERNAME:EMAIL:VARIABLE ...

Tables by `cornflow migrations upgrade`, actions, views, roles and permissions by `cornflow permissions init`,
users by the functions behind `cornflow service init`, in the order given; the environment variable has the password. DATABASE_URL says where.
"""

from __future__ import annotations

import os
import sys
from typing import Any

_ROLES = ("admin", "planner", "viewer", "service")


def main(users: list[str]) -> None:
    _give_engines_execute()
    from cornflow.cli import cli
    from cornflow.cli.utils import get_app
    from cornflow.commands.users import create_user_with_role
    from cornflow.shared import const

    for words in (["migrations", "upgrade"], ["permissions", "init"]):
        cli.main(words, standalone_mode=False)
    with get_app().app_context():
        for user in users:
            role, name, email, variable = user.split(":", 3)
            if role not in _ROLES:
                raise SystemExit(f"{role} is none of {', '.join(_ROLES)}")
            number = getattr(const, f"{role.upper()}_ROLE")
            create_user_with_role(name, email, os.environ[variable], role, number)


def _give_engines_execute() -> None:
    """The commands end on PostgreSQL with `Engine.execute`, which SQLAlchemy had until 1.4: it commits by itself."""
    import sqlalchemy as sa
    from sqlalchemy.engine import Engine

    if hasattr(Engine, "execute"):
        return

    def execute(engine: Engine, statement: str) -> Any:
        with engine.begin() as connection:
            return connection.execute(sa.text(statement))

    Engine.execute = execute  # type: ignore[attr-defined]


if __name__ == "__main__":
    main(sys.argv[1:])
