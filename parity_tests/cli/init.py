"""`parity init`: the files of a new comparison, with comments that say what to fill in."""

from __future__ import annotations

from pathlib import Path

import click

from parity_core.model import ParityError
from parity_tests.cli.frame import console, guarded
from parity_tests.report.exit_code import Exit

_STARTER = Path(__file__).parents[1] / "starter"


@click.command("init")
@click.argument(
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("."),
    metavar="[FOLDER]",
)
@click.option(
    "--legacy", default="my_flask_app:create_app()", show_default=True, metavar="MODULE:APP",
    help="The Flask application, or its factory with brackets.",
)  # fmt: skip
@click.option(
    "--ported", default="my_port.main:create_app()", show_default=True, metavar="MODULE:APP",
    help="The FastAPI application, or its factory with brackets.",
)  # fmt: skip
def command(folder: Path, legacy: str, ported: str) -> None:
    """Write the files of a new comparison into FOLDER: what to fill in is said in them.

    \b
    parity init --legacy shop:create_app() --ported shop_port.main:app
    parity run --config parity.toml

    Nothing that is there already is changed.
    """  # fmt: skip

    def work() -> Exit:
        words = {
            "@NAME@": folder.resolve().name,
            "@LEGACY@": legacy,
            "@PORTED@": ported,
            "@PACKAGE@": ported.partition(":")[0].partition(".")[0],
        }
        screen = console()
        for path in write(folder, words):
            screen.print(f"wrote {path}", highlight=False, markup=False)
        screen.print(
            f"fill in [seed], [login] and [[users]], then: parity run --config {folder / 'parity.toml'}",
            highlight=False,
            markup=False,  # names of tables are in brackets, as markup would be
        )
        return Exit.SAME

    guarded(work)


def write(folder: Path, words: dict[str, str]) -> list[Path]:
    """The files that were written. Raises ParityError, before any is, when one is there already."""
    files = sorted(path for path in _STARTER.rglob("*") if path.is_file())
    targets = {path: folder / path.relative_to(_STARTER) for path in files}
    if taken := [str(path) for path in targets.values() if path.exists()]:
        raise ParityError(f"nothing was written: {', '.join(taken)} there already")
    for source, target in targets.items():
        text = source.read_text(encoding="utf-8")
        for placeholder, word in words.items():
            text = text.replace(placeholder, word)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return list(targets.values())
