"""Writes a line for each SQL statement of this process to the file that PARITY_STATEMENTS names.

Python imports a module of this name by itself: `parity performance` puts this folder in front of the
path of both stacks, and only then. It counts what SQLAlchemy sends, of any version from 1.3 on, in
synchronous and asynchronous engines alike.
"""

import importlib.machinery
import importlib.util
import os
import sys


def _count(path: str) -> None:
    try:
        from sqlalchemy import event
        from sqlalchemy.engine import Engine
    except ImportError:
        return  # a stack without SQLAlchemy: its file stays empty, and that is told
    # appended with one call each: several processes may write to one file
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    @event.listens_for(Engine, "before_cursor_execute")  # type: ignore[misc, unused-ignore]
    def write(_c, _cursor, statement, _p, _context, _many) -> None:  # type: ignore[no-untyped-def]
        line = " ".join(statement.split())[:400]
        os.write(file, f"{line}\n".encode("utf-8", "backslashreplace"))


def _next() -> None:
    """The module of this name that this one hides, if there is one."""
    here = os.path.dirname(os.path.abspath(__file__))
    path = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", path)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


_next()
if os.environ.get("PARITY_STATEMENTS"):
    _count(os.environ["PARITY_STATEMENTS"])
