"""How the steps of `cutover up` are run, shown, timed and given up."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from cornflow_cutover.up.data_folder import fingerprint

_SOURCES = (
    "cornflow_f", "cornflow_cutover", "legacy_bridge", "parity_tests", "parity_core", "embedded_runner",
)  # fmt: skip
"""What may change the outcome of a replay, or what a database has to hold."""


class ReplayOutcome(IntEnum):
    """Exit codes, of this command and of the replay."""

    SAME = 0
    DIFFERENT = 1
    COULD_NOT_RUN = 2


class UpError(Exception):
    """A step failed; the text says which, and shows the end of what it printed."""


@contextmanager
def step(console: Console, what: str) -> Iterator[None]:
    started = time.monotonic()
    with console.status(f"{what} …"):
        yield
    console.print(f"[green]✓[/] {what} ({time.monotonic() - started:.1f} s)")


def run(module: str, *words: str, environment: Mapping[str, str], stdin: str = "") -> None:
    """``stdin``: what must not be on the command line, which other users of the machine see."""
    done = subprocess.run(
        [sys.executable, "-m", module, *words],
        env=dict(environment),
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = "\n".join(done.stdout.splitlines()[-20:])
        raise UpError(f"`{module} {' '.join(words[:3])}` failed ({done.returncode}):\n{said}")


def sources() -> str:
    """Changes with any file of the installed packages, and of the migrations."""
    from cornflow_f.migration.run import SCRIPTS

    specs = [find_spec(name) for name in _SOURCES]
    folders = [Path(spec.origin).parent for spec in specs if spec is not None and spec.origin]
    return fingerprint([*folders, SCRIPTS])
