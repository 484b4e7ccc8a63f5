"""What the suite's databases held when a run met them: the second run must find what the first one found."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

_LIST = "databases.json"


def watch(record: Callable[..., Any], folder: Path) -> Callable[[], None]:
    """Tells of each database that Flask-SQLAlchemy is given, once, as it is before any test uses it.

    Keeps a copy of each SQLite file in the folder, for `put_back`.
    """
    try:
        extension: Any = importlib.import_module("flask_sqlalchemy").SQLAlchemy
    except ImportError:
        return lambda: None
    original = extension.init_app
    met: dict[str, str] = {}

    def init_app(self: Any, app: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, app, *args, **kwargs)
        url = _url(app)
        if url is not None and (name := url.render_as_string()) not in met:
            met[name] = _kept(url, folder)
            (folder / _LIST).write_text(json.dumps(met), encoding="utf-8")
            record("database", name=name, rows=_counts(url))
        return result

    extension.init_app = init_app

    def undo() -> None:
        extension.init_app = original

    return undo


def _url(app: Any) -> URL | None:
    """None for a database in memory, which nothing outlives."""
    text = app.config.get("SQLALCHEMY_DATABASE_URI")
    if not text:
        return None
    url = make_url(text)
    if url.get_backend_name() != "sqlite":
        return url
    if not url.database or url.database == ":memory:":
        return None
    # as Flask-SQLAlchemy resolves it
    return url.set(database=str(Path(app.instance_path, url.database)))


def _kept(url: URL, folder: Path) -> str:
    """The copy of a file, or nothing where there was none; of other databases none is made."""
    if url.get_backend_name() != "sqlite":
        return "-"
    file = Path(url.database or "")
    if not file.exists():
        return ""
    copy = folder / f"before-{hashlib.sha256(str(file).encode()).hexdigest()[:12]}.db"
    shutil.copy2(file, copy)
    return str(copy)


def put_back(folder: Path) -> None:
    """SQLite files as the run that used this folder met them; those that it made are removed."""
    try:
        met: Mapping[str, str] = json.loads((folder / _LIST).read_text(encoding="utf-8"))
    except OSError:
        return
    for name, copy in met.items():
        if copy == "-":
            continue
        file = Path(make_url(name).database or "")
        for suffix in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(OSError):
                Path(f"{file}{suffix}").unlink(missing_ok=True)
        if copy:
            shutil.copy2(copy, file)


def _counts(url: URL) -> dict[str, int] | None:
    """Rows by table; None where they can not be read, which is no proof of anything."""
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return {}
    try:
        engine = sa.create_engine(url)
        try:
            with engine.connect() as connection:
                quote = engine.dialect.identifier_preparer.quote
                return {
                    table: connection.execute(
                        sa.text(f"SELECT count(*) FROM {quote(table)}")
                    ).scalar_one()
                    for table in sorted(sa.inspect(connection).get_table_names())
                }
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError):
        return None


Databases = Mapping[str, Mapping[str, int] | None]


def dirt(first: Databases, second: Databases) -> list[str]:
    """What the second run found that the first had not, a line each."""
    lines = []
    for name, before in first.items():
        after = second.get(name)
        if before is None or after is None or before == after:
            continue
        changed = {
            table: (before.get(table, 0), after.get(table, 0))
            for table in sorted(before.keys() | after.keys())
            if before.get(table, 0) != after.get(table, 0)
        }
        if changed:
            counts = ", ".join(f"{table} {a} rows, then {b}" for table, (a, b) in changed.items())
            lines.append(f"{name}: {counts}")
    return lines
