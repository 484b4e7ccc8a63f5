"""Dictionaries that outgrow memory: on disk, with what was used last in memory."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any, TypeVar

from parity_core import private

K = TypeVar("K")
V = TypeVar("V")

_CACHED = 20_000
_NOTHING = object()


class ReplayStore:
    """One SQLite file for all dictionaries; nothing lasts until `commit`."""

    def __init__(self, path: Path) -> None:
        self.lock = threading.RLock()
        private.make_database(path)
        self.connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        for statement in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=NORMAL",
            "PRAGMA cache_size=-16000",
            "CREATE TABLE IF NOT EXISTS entries (kind TEXT, key TEXT, value TEXT,"
            " PRIMARY KEY (kind, key)) WITHOUT ROWID",
            "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value BLOB)",
            "BEGIN",
        ):
            self.connection.execute(statement)

    def commit(self) -> None:
        with self.lock:
            self.connection.execute("COMMIT")
            self.connection.execute("BEGIN")

    def fact(self, name: str) -> Any:
        """None when it was never told."""
        with self.lock:
            rows = self.connection.execute("SELECT value FROM facts WHERE name = ?", (name,))
            row = rows.fetchone()
        return row[0] if row else None

    def set_fact(self, name: str, value: Any) -> None:
        with self.lock:
            self.connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def close(self) -> None:
        """Forgets what was not committed."""
        with self.lock:
            self.connection.execute("ROLLBACK")
            self.connection.close()


class DiskMap(MutableMapping[Any, Any]):
    """Keys and values are whatever JSON can write; tuples come back equal as keys."""

    def __init__(self, store: ReplayStore, kind: str, cached: int = _CACHED) -> None:
        self._store = store
        self._kind = kind
        self._cached = cached
        self._cache: OrderedDict[str, Any] = OrderedDict()

    def _key(self, key: Any) -> str:
        return json.dumps(key)

    def _keep(self, key: str, value: Any) -> None:
        self._cache[key] = value
        self._cache.move_to_end(key)
        if len(self._cache) > self._cached:
            self._cache.popitem(last=False)

    def __getitem__(self, key: Any) -> Any:
        name = self._key(key)
        with self._store.lock:
            value = self._cache.get(name, _NOTHING)
            if value is _NOTHING:
                row = self._store.connection.execute(
                    "SELECT value FROM entries WHERE kind = ? AND key = ?", (self._kind, name)
                ).fetchone()
                value = json.loads(row[0]) if row else None
            self._keep(name, value)
        if value is None:
            raise KeyError(key)
        return value

    def __setitem__(self, key: Any, value: Any) -> None:
        name = self._key(key)
        with self._store.lock:
            self._store.connection.execute(
                "INSERT OR REPLACE INTO entries VALUES (?, ?, ?)",
                (self._kind, name, json.dumps(value)),
            )
            self._keep(name, value)

    def __delitem__(self, key: Any) -> None:
        raise NotImplementedError("what was learned stays")

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError("there may be too many")

    def __len__(self) -> int:
        with self._store.lock:
            (count,) = self._store.connection.execute(
                "SELECT count(*) FROM entries WHERE kind = ?", (self._kind,)
            ).fetchone()
        return int(count)


class Latest(OrderedDict[K, V]):
    """A dictionary that forgets what was put in longest ago."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        if len(self) > self.most:
            self.popitem(last=False)

    def setdefault(self, key: K, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]
