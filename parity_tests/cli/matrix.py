"""`parity matrix`: who may do what, on both stacks."""

from __future__ import annotations

from pathlib import Path

import click

from parity_tests import config as configuration
from parity_tests.cli.frame import configured, console, guarded
from parity_tests.matrix import play, report
from parity_tests.report.exit_code import Exit
from parity_tests.report.save import save_and_show

_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command("matrix")
@configured
@click.option(
    "--operation", "-o", "globs", multiple=True, metavar="GLOB",
    help="Only operations that match, as 'GET /case/*'; may be repeated.",
)  # fmt: skip
@click.option(
    "--database", default="sqlite", show_default=True, metavar="KIND", help="As for `run`."
)
@click.option(
    "--setting", "settings", multiple=True, metavar="NAME=VALUE",
    help="Only under this value of a setting of the plan; may be repeated.",
)  # fmt: skip
@click.option("--json", "json_file", type=_FILE, help="Write every cell as JSON.")
@click.option("--keep", is_flag=True, help="Keep databases and logs, and say where.")
@click.option("-v", "--verbose", is_flag=True, help="Every operation under every setting.")
def command(
    config_path: Path,
    overrides: dict[str, str],
    globs: tuple[str, ...],
    database: str,
    settings: tuple[str, ...],
    json_file: Path | None,
    keep: bool,
    verbose: bool,
) -> None:
    """Ask every operation by every role, for own and others' objects, under every setting.

    A valid request per operation (matrix.yaml) is sent to both stacks by each role, by a user without
    any role and without a token, on objects of their own and of somebody else. A port that lets in
    whom the legacy keeps out fails, whatever the waivers say; other differences are judged as by `run`.

    \b
    parity matrix                            all of it, on SQLite
    parity matrix -o '* /case/*' -v          some operations, under every setting
    parity matrix --setting OPEN_DEPLOYMENT=1
    parity matrix --database postgresql --json matrix.json

    \b
    Exit codes: 0 same, 1 different, 2 could not run.
    """  # fmt: skip

    def work() -> Exit:
        screen = console()
        config = configuration.load(config_path, overrides)
        with report.MatrixProgress(screen) as progress:
            wanted = {name: value for name, _, value in (s.partition("=") for s in settings)}
            result = play.run(config, play.MatrixOptions(database, globs, keep, wanted), progress)
        save_and_show(
            json_file,
            lambda: report.render_json(result),
            lambda: report.render(result, screen, verbose),
        )
        return result.exit

    guarded(work)
