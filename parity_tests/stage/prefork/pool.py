"""The fork servers of this process: one for each interpreter and what it is to import."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from parity_tests.stage.prefork.client import ForkServer, NotForked, Order
from parity_tests.stage.prefork.process import ForkedProcess

SWITCH = "PARITY_PREFORK"
"""An environment variable; `0` starts every program by a new interpreter."""
_MOST = 4
"""Servers that are kept; one holds about as much memory as a stack."""
_READ_BY_PYTHON = ("PYTHON", "LD_", "LC_", "LANG")
_CUSTOM = ("sitecustomize.py", "usercustomize.py")

Key = tuple[str, tuple[str, ...], frozenset[tuple[str, str]]]


@dataclass(frozen=True)
class Program:
    """A command to start, with what its interpreter may have imported before."""

    command: Sequence[str]
    environment: Mapping[str, str]
    """All of it. Its PYTHONPATH begins with `paths`."""
    paths: tuple[Path, ...]
    """Folders that only this start has: nothing is imported ahead that they have as well."""
    preload: tuple[str, ...]

    @property
    def is_suitable(self) -> bool:
        """Whether it could be forked at all."""
        return bool(
            self.preload
            and sys.platform == "linux"
            and os.environ.get(SWITCH) != "0"
            and len(self.command) > 2
            and self.command[1] == "-m"
            and "COVERAGE_PROCESS_START" not in self.environment
            and all(map(_is_plain, self._python_path))
        )

    @property
    def _python_path(self) -> list[str]:
        path = self.environment.get("PYTHONPATH")
        return path.split(os.pathsep) if path else []

    @property
    def modules(self) -> tuple[str, ...]:
        """What is imported ahead: nothing of a package that one of `paths` has."""
        return tuple(name for name in self.preload if not self._has(name.partition(".")[0]))

    def _has(self, top: str) -> bool:
        return any((path / top).exists() or (path / f"{top}.py").exists() for path in self.paths)

    @property
    def base(self) -> dict[str, str]:
        """The environment to import in."""
        rest = os.pathsep.join(self._python_path[len(self.paths) :])
        base = {name: value for name, value in self.environment.items() if name != "PYTHONPATH"}
        return {**base, "PYTHONPATH": rest} if rest else base

    @property
    def key(self) -> Key:
        read = {n: v for n, v in self.base.items() if n.startswith(_READ_BY_PYTHON)}
        return self.command[0], self.modules, frozenset(read.items())


def _is_plain(folder: str) -> bool:
    """Whether a folder means the same from everywhere, and changes nothing when an interpreter starts."""
    return Path(folder).is_absolute() and not any(Path(folder, name).exists() for name in _CUSTOM)


class Pool:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._servers: dict[Key, ForkServer] = {}
        """The one that was used last comes last."""
        self._retired: list[ForkServer] = []
        """Nothing more is started from them, but what was may still run."""

    def prepare(self, program: Program) -> None:
        """Begins to import, for programs that will be started."""
        if program.is_suitable:
            self._server(program)

    def start(self, program: Program, folder: Path, log: Path) -> ForkedProcess | None:
        """None where only a new interpreter is sure to do the same."""
        if not program.is_suitable:
            return None
        order = Order(
            program.command[2],
            tuple(program.command[3:]),
            program.environment,
            program.paths,
            folder,
            log,
        )
        for _ in range(2):
            server = self._server(program)
            if server is None:
                return None
            try:
                return server.start(order)
            except NotForked as refused:
                if not refused.stale:
                    return None
                self._discard(program.key, server)
        return None

    def _server(self, program: Program) -> ForkServer | None:
        key = program.key
        with self._lock:
            server = self._servers.pop(key, None)
            if server is None:
                try:
                    server = ForkServer(program.command[0], program.modules, program.base)
                except OSError:
                    return None
            self._servers[key] = server
            while len(self._servers) > _MOST:
                self._retired.append(self._servers.pop(next(iter(self._servers))))
            idle = [one for one in self._retired if one.is_idle]
            self._retired = [one for one in self._retired if one not in idle]
        for one in idle:
            one.close()
        return server

    def _discard(self, key: Key, server: ForkServer) -> None:
        with self._lock:
            if self._servers.get(key) is server:
                self._retired.append(self._servers.pop(key))

    def close(self) -> None:
        with self._lock:
            servers = [*self._servers.values(), *self._retired]
            self._servers.clear()
            self._retired.clear()
        for server in servers:
            server.close()


pool = Pool()
atexit.register(pool.close)
