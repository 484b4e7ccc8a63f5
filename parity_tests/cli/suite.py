"""`parity suite`: a team's own Flask test suite, answered by the port."""

from __future__ import annotations

from pathlib import Path

import click

from parity_core.model import Side
from parity_tests.cli.frame import console, guarded
from parity_tests.report.exit_code import Exit
from parity_tests.report.save import save_and_show
from parity_tests.suite import run as suite
from parity_tests.suite import show, target


@click.command("suite")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write the report as JSON.",
)  # fmt: skip
@click.option(
    "--keep", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
    help="Keep what both runs printed, and what they told, there.",
)  # fmt: skip
@click.option(
    "--strict", is_flag=True, help="Tests that reach inside the legacy count as failed, too."
)
@click.option("-v", "--verbose", is_flag=True, help="Name every test.")
@click.argument("target_name", metavar="TARGET")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, required=True, metavar="-- pytest …")
def command(
    target_name: str,
    words: tuple[str, ...],
    json_file: Path | None,
    keep: Path | None,
    strict: bool,
    verbose: bool,
) -> None:
    """Run a Flask test suite, unmodified, on the legacy and then on the port.

    The second time the requests of Flask's test client, of Flask-Testing's TestCase and
    LiveServerTestCase are answered by TARGET, on the suite's own database; models, fixtures and
    application context stay the suite's.

    \b
    parity suite SHIPPED -- pytest tests/unit               a configuration that comes with parity, by its name
    parity suite examples/library/parity.toml -- pytest examples/library
    parity suite my_project.suite_target -- pytest -x

    TARGET is a module with LEGACY, settings_from(flask_app, database_url) and
    create_port(settings, flask_app), or a configuration file whose [suite] names one.

    \b
    Exit codes: 0 nothing fails only on the port, 1 something does, 2 could not run.
    """  # fmt: skip
    words = words[1:] if words[:1] == ("--",) else words
    if not words:
        raise click.UsageError("say how the suite is run: parity suite TARGET -- pytest tests")

    def work() -> Exit:
        screen = console()
        with screen.status("the suite on the legacy stack") as status:

            def progress(stack: Side, done: int, total: int) -> None:
                of = f" of {total}" if total else ""
                status.update(f"the suite on the {stack} stack: {done}{of} tests")

            result = suite.run(
                target.reference(target_name), words, progress, strict=strict, keep=keep
            )
        save_and_show(
            json_file, lambda: show.as_json(result), lambda: show.render(result, screen, verbose)
        )
        return result.exit

    guarded(work)
