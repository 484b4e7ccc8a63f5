"""Where stacks are put up: a folder for databases and logs, and the list of operations."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parity_tests import operations
from parity_tests.config import Config
from parity_tests.operations import Census
from parity_tests.report.listening import Voice


def load_census(config: Config, listener: Voice) -> Census:
    listener.message("reading the list of operations")
    commands = [config.expand(command) for command in config.census]
    environment = config.process_environment(
        {"DATABASE_URL": "sqlite://"}, config.census_pythonpath
    )
    return operations.load_census(commands, environment)


@contextmanager
def workplace(keep: bool, notes: list[str] | None = None) -> Iterator[Path]:
    """A folder for databases and logs; removed unless it is to be kept."""
    folder = Path(tempfile.mkdtemp(prefix="parity-"))
    if keep and notes is not None:
        notes.append(f"databases and logs are kept in {folder}")
    try:
        yield folder
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
