"""The bridge with the mount removed: serves the port while the legacy can't even be imported.

`python -m cornflow_cutover.alone serve --port N`, with CUTOVER_RULES naming the file of
`cutover census --json`. What `cutover finish --check` replays parity on.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

import click

from legacy_bridge.serve import ServeError, listen
from legacy_bridge.serve import serve as serve_bridge
from legacy_bridge.settings import NONE, SettingsError, load_settings

GONE = ("cornflow", "cornflow_client", "flask", "marshmallow", "webargs", "apispec")
"""The legacy and what only it needs. A name also stands for the packages it begins, `flask_sqlalchemy`."""


class _Gone(MetaPathFinder):
    """Refuses to find the legacy, as if it were not installed."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        top = name.partition(".")[0]
        if any(top == gone or (gone == "flask" and top.startswith("flask_")) for gone in GONE):
            raise ModuleNotFoundError(f"{name} is not here any more", name=name)
        return None


@click.group()
def main() -> None:
    """The port behind the bridge, without the legacy."""


@main.command()
@click.option("--host", default="127.0.0.1")
@click.option("--port", default=5000, type=click.IntRange(0, 65535))
def serve(host: str, port: int) -> None:
    """Serve until stopped."""
    sys.meta_path.insert(0, _Gone())
    try:
        serve_bridge(listen(host, port), load_settings(legacy=NONE))
    except (ServeError, SettingsError) as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
