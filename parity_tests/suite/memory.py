"""Databases in memory: they live in one connection, so the port can not have them."""

from __future__ import annotations

import contextlib
import importlib
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import finalize

_MEMORY = ("", ":memory:")


def give_files_to_memory_databases(folder: Path) -> Callable[[], None]:
    """Makes Flask-SQLAlchemy take a file of its own for each application that asks for memory."""
    try:
        extension: Any = importlib.import_module("flask_sqlalchemy").SQLAlchemy
    except ImportError:
        return lambda: None
    original = extension.init_app
    numbers = itertools.count(1)

    def init_app(self: Any, app: Any, *args: Any, **kwargs: Any) -> Any:
        uri = str(app.config.get("SQLALCHEMY_DATABASE_URI") or "")
        kind, _, name = uri.partition("://")
        if kind.partition("+")[0] == "sqlite" and name.lstrip("/").partition("?")[0] in _MEMORY:
            file = folder / f"memory-{next(numbers)}.db"
            app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{file}"
            finalize(app, _remove, file)
        return original(self, app, *args, **kwargs)

    extension.init_app = init_app

    def undo() -> None:
        extension.init_app = original

    return undo


def _remove(file: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        with contextlib.suppress(OSError):
            Path(f"{file}{suffix}").unlink(missing_ok=True)
