"""`parity capture`: what a capture holds, and captures made of what others recorded."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from parity_core.capture.fingerprint import FingerprintKey, open_key, read_key
from parity_core.capture.mask import Masker
from parity_core.model import ParityError
from parity_tests.capture import importers
from parity_tests.capture.overview import Overview, overview
from parity_tests.capture.read import open_capture
from parity_tests.capture.write import write_capture
from parity_tests.cli.frame import console, guarded
from parity_tests.report.exit_code import Exit

_PATH = click.Path(path_type=Path)


@click.group("capture")
def command() -> None:
    """Recorded traffic: look at it, or import it from elsewhere.

    \b
    cutover serve --capture capture/         record, at the bridge
    parity capture import session.har -o capture/
    parity capture import access.log.gz -o capture/ --user admin
    parity capture show capture/
    parity replay capture/
    """  # fmt: skip


@command.command("show")
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...", type=_PATH)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="NAME",
    help="Say which fingerprint is this user's (needs the capture's key). May be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, not tables.")
def show(captures: tuple[Path, ...], names: tuple[str, ...], as_json: bool) -> None:
    """Count the exchanges per operation and per user, and tell their period."""

    def work() -> Exit:
        summary = overview(open_capture(captures))
        folder = captures[0] if captures[0].is_dir() else captures[0].parent
        text = os.environ.get("CUTOVER_CAPTURE_KEY")
        key = FingerprintKey(text.encode()) if text else read_key(folder)
        if names and key is None:
            raise ParityError(
                f"there is no capture.key in {folder}: without it nobody can tell who is who"
            )
        known = summary.named(key, list(names))
        if as_json:
            click.echo(json.dumps({**summary.document(), "names": known}, indent=2))
        else:
            _print(summary, known)
        return Exit.SAME

    guarded(work)


def _print(summary: Overview, known: dict[str, str]) -> None:
    screen = console()
    document = summary.document()
    operations = Table("operation", "exchanges", "statuses")
    for label, count in summary.operations.most_common():
        statuses = " ".join(f"{s}×{n}" for s, n in sorted(summary.statuses[label].items()))
        operations.add_row(escape(label), str(count), statuses)
    users = Table("user", "exchanges", "name")
    for user, count in summary.users.most_common(50):
        users.add_row(escape(user), str(count), escape(known.get(user, "")))
    screen.print(operations)
    screen.print(users)
    if len(summary.users) > 50:
        screen.print(f"… and {len(summary.users) - 50} more users; --json has all of them")
    screen.print(
        f"{summary.exchanges} exchanges of {len(summary.users)} users in {summary.files} files, "
        f"{document['first']} to {document['last']}", highlight=False,
    )  # fmt: skip
    if summary.incomplete:
        screen.print(f"{summary.incomplete} can not be replayed: their request's body was not kept")
    for problem in summary.problems:
        screen.print(f"[yellow]note:[/] {escape(problem)}", highlight=False)


@command.command("import")
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=_PATH, required=True, metavar="DIR", help="Where it goes.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["har", "log"]),
    help="What SOURCE is; without it its name decides: *.har, all else is a log.",
)
@click.option(
    "--origin", metavar="URL", help="Of a HAR: only this server's. The most frequent one."
)
@click.option("--user", default="", metavar="NAME", help="Who asked, where SOURCE does not tell.")
@click.option(
    "--mask", default="", metavar="NAME,…", help="Further secrets, as for `cutover serve`."
)
@click.option("--max-body", default=16 * 1024 * 1024, type=click.IntRange(0), metavar="BYTES",
              help="Of a longer body only the length is kept. 16 MiB.")  # fmt: skip
def import_command(
    source: Path,
    output: Path,
    kind: str | None,
    origin: str | None,
    user: str,
    mask: str,
    max_body: int,
) -> None:
    """Make a capture of SOURCE: a HAR file of a browser, or an access log (common or combined format).

    Passwords, tokens and cookies are masked as the bridge masks them. Of a log only GET and HEAD can
    be replayed; who asked is the log's user column, or --user.
    """

    def work() -> Exit:
        left_out: Counter[str] = Counter()
        try:
            key = open_key(output, os.environ.get("CUTOVER_CAPTURE_KEY"))
        except OSError as error:
            raise ParityError(f"{output} can not be written: {error}") from None
        is_har = kind == "har" or (kind is None and source.suffix == ".har")
        exchanges = (
            importers.har(source, origin, left_out)
            if is_har
            else importers.access_log(source, left_out)
        )
        masker = Masker(key, mask.split(","))
        name = f"import-{source.name.removesuffix('.gz').replace('.', '-')}"
        path, count = write_capture(output, name, exchanges, masker, user, max_body)
        click.echo(f"wrote {path}: {count} exchanges")
        for why, number in left_out.most_common():
            click.echo(f"left out: {number} {why}")
        return Exit.SAME

    guarded(work)
