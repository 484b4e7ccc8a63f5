"""`cornflow-f`: the port's commands. The same tree as the legacy's `cornflow`, where it makes sense."""

import click

from cornflow_f import __version__
from cornflow_f.cli.access import actions, permissions, roles, views
from cornflow_f.cli.config import config
from cornflow_f.cli.dags import dags
from cornflow_f.cli.migrations import migrations
from cornflow_f.cli.run import Commands
from cornflow_f.cli.serve import serve
from cornflow_f.cli.service import service
from cornflow_f.cli.users import users

__all__ = ["main"]


@click.group(name="cornflow-f", cls=Commands)
@click.version_option(__version__, prog_name="cornflow-f")
def main() -> None:
    """Cornflow's REST API on FastAPI: set up its database and serve it.

    Settings come from environment variables with the legacy's names (see `cornflow-f config list`).
    The first time, with an absolute address:

    \b
      export DATABASE_URL=sqlite:////srv/cornflow.db SECRET_KEY=... SECRET_BI_KEY=...
      cornflow-f migrations upgrade       create the tables, or adopt a legacy database
      cornflow-f permissions init         roles, views, permissions
      cornflow-f users create admin -u ana -e ana@example.org
      cornflow-f dags sync                the workflows Airflow has, when there is one
      cornflow-f serve

    `cornflow-f service init` does all of this, for a container that only knows its variables.

    Exit codes: 0 done, 2 could not be done (the message says why and what to do).
    """


for command in (
    actions,
    config,
    dags,
    migrations,
    permissions,
    roles,
    serve,
    service,
    users,
    views,
):
    main.add_command(command)
