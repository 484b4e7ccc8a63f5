"""Makes the database of `cutover up` on the first start, and brings it forward on later ones."""

from rich.console import Console

from cornflow_cutover.up.data_folder import ADMIN, SERVICE_USER, DataFolder, new_password
from cornflow_cutover.up.steps import run, sources, step

_PORT_CLI = "cornflow_f.cli"
_BRIDGE_CLI = "legacy_bridge.cli"


def seed(folder: DataFolder, admin_password: str | None, console: Console) -> None:
    now = sources()
    if folder.is_seeded:
        console.print(f"[green]✓[/] data of an earlier start: {folder.path}")
        if admin_password is not None:
            console.print("  --admin-password has no effect: the administrator exists already")
        if folder.remembered().get("migrated_with") != now:
            _bring_forward(folder, console)
        folder.remember(migrated_with=now)
        return
    draft = folder.start_draft()
    environment = folder.environment(draft)
    password = admin_password or new_password()
    with step(console, f"create the database in {folder.path}"):
        run(_PORT_CLI, "migrations", "upgrade", environment=environment)
    with step(console, "register roles, views and permissions"):
        run(_PORT_CLI, "permissions", "init", environment=environment)
    with step(console, "create the administrator and the service user"):
        for kind, name, word in (
            ("admin", ADMIN, password),
            ("service", SERVICE_USER, folder.secrets().service_password),
        ):
            user = ("-u", name, "-e", f"{name}@cornflow.org", "--password-stdin")
            words = ("users", "create", kind, *user)
            run(_PORT_CLI, *words, environment=environment, stdin=f"{word}\n")
    with step(console, "let the port answer every operation it has"):
        reason = ("--by", "cutover up", "--why", "first start")
        run(_BRIDGE_CLI, "set", "all-ported", "ported", *reason, environment=environment)
    if admin_password is None:
        # Said before the database counts as made: a start killed in between makes another one.
        console.print(f"  user [bold]{ADMIN}[/], password (shown only now): [bold]{password}[/]")
    folder.finish_draft()
    folder.remember(migrated_with=now)


def _bring_forward(folder: DataFolder, console: Console) -> None:
    environment = folder.environment()
    with step(console, "the sources have changed: bring the database forward"):
        run(_PORT_CLI, "migrations", "upgrade", environment=environment)
        run(_PORT_CLI, "permissions", "init", environment=environment)
