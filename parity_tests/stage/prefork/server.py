"""Imports modules once, then forks a process for every command it is sent; ends, with all of them, with its parent.

Run by its path in the interpreter of a stack, which need not have this package: standard library only.
A forked process goes on as `python -m MODULE …` would, with nothing but the imports done. It is refused where that
could differ: an import read a variable that is another one now, a file of a module has changed since, a folder that
comes first has a module of that name, or an import left a thread or an open file.

The parent writes a line of JSON for each: `{"id", "module", "arguments", "environment", "paths", "folder", "log"}`.
It reads `{"fit": why not, or null}` once, then `{"id", "pid"}` or `{"id", "refused": why, "stale": whether a new
server would do it}`, and `{"ended": pid, "code": code}` whenever a process ends.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import sys
import threading
import time
from typing import Any, ClassVar

_ALWAYS = (
    *("PYTHON", "LD_", "LC_", "LANG", "OPENSSL", "OPENBLAS", "OMP_", "MKL_", "MALLOC_"),
    *("GLIBC_", "COVERAGE_"),
)
"""Variables that the interpreter and libraries in C read, unobserved."""
_ASIDE = frozenset({"PYTHONPATH"})
"""Of these, what is compared entry by entry."""
_STOP_SECONDS = 5.0

Stamp = tuple[int, int]


class Refused(Exception):
    """Why this process can not stand for a new interpreter."""

    def __init__(self, why: str, *, stale: bool = False) -> None:
        super().__init__(why)
        self.stale = stale


class WatchedEnvironment(type(os.environ)):  # type: ignore[misc]
    """Notes what is read of it: `os.environ` is one while modules are imported."""

    read: ClassVar[set[str]] = set()

    def __getitem__(self, key: str) -> str:
        self.read.add(key)
        return str(super().__getitem__(key))

    def __iter__(self) -> Any:
        # whoever goes through all of them may use any
        for key in super().__iter__():
            self.read.add(key)
            yield key


class Imports:
    """What was imported, and what that depends on."""

    def __init__(self, modules: list[str]) -> None:
        environment = dict(os.environ)
        files = _open_files()
        usual = type(os.environ)
        os.environ.__class__ = WatchedEnvironment
        try:
            for name in modules:
                importlib.import_module(name)
        finally:
            os.environ.__class__ = usual
        if threading.active_count() > 1:
            raise Refused("an import started a thread")
        if opened := _open_files() - files:
            raise Refused(f"an import left open: {', '.join(sorted(opened))}")
        self._read = {name: environment.get(name) for name in WatchedEnvironment.read}
        self._always = _always(environment)
        self._stamps = {path: _stamp(path) for path in _module_files()}
        self._places = _places()

    def check(self, order: dict[str, Any]) -> None:
        """Raises Refused where a new interpreter could import something else."""
        environment = order["environment"]
        if _always(environment) != self._always:
            raise Refused("it has other variables of the interpreter")
        for name, value in self._read.items():
            if name not in _ASIDE and environment.get(name) != value:
                raise Refused(f"an import read {name}, which is another one now")
        for folder in (order["folder"], *order["paths"]):
            self._check_shadows(folder)
        for path, stamp in self._stamps.items():
            if _stamp(path) != stamp:
                raise Refused(f"{path} has changed", stale=True)

    def _check_shadows(self, folder: str) -> None:
        """A folder that is searched first must not have what was imported from elsewhere."""
        with contextlib.suppress(OSError):
            for entry in os.listdir(folder):
                name = entry.partition(".")[0]
                if name in ("sitecustomize", "usercustomize"):
                    raise Refused(f"{folder} has a {entry}")
                place = self._places.get(name)
                if place not in (None, os.path.realpath(folder)) and _is_module(folder, entry):
                    raise Refused(f"{folder} has another {entry}")


def _is_module(folder: str, entry: str) -> bool:
    """A folder without `__init__.py` gives way to whatever comes later."""
    return entry.endswith((".py", ".pyc", ".so")) or os.path.isfile(
        os.path.join(folder, entry, "__init__.py")
    )


def _places() -> dict[str, str]:
    """The folder in which each imported top-level module or package lies."""
    places = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if "." in name or not file:
            continue
        folder = os.path.dirname(os.path.realpath(file))
        is_package = hasattr(module, "__path__")
        places[name] = os.path.dirname(folder) if is_package else folder
    return places


def _module_files() -> set[str]:
    files = set()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and os.path.isabs(file):
            files.add(file)
    return files


def _stamp(path: str) -> Stamp | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _always(environment: Any) -> dict[str, str]:
    return {
        name: value
        for name, value in dict(environment).items()
        if name.startswith(_ALWAYS) and name not in _ASIDE
    }


def _open_files() -> set[str]:
    opened = set()
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            opened.add(f"{number} {os.readlink(f'/proc/self/fd/{number}')}")
    return {one for one in opened if "/proc/" not in one}


class Server:
    def __init__(self, orders: int, answers: int) -> None:
        self.orders, self.answers = orders, answers
        self.imports: Imports | None = None
        self.running: set[int] = set()
        self._unread = b""

    def serve(self, modules: list[str]) -> dict[str, Any]:
        """Returns in a forked process, with what it is to run. Never in this one."""
        try:
            self.imports = Imports(modules)
        except Refused as refused:
            self._answer({"fit": str(refused)})
        except BaseException as error:
            self._answer({"fit": f"{type(error).__name__}: {error}"})
        else:
            self._answer({"fit": None})
        # what is imported stays: neither collected nor copied because of its counts
        gc.collect()
        gc.freeze()
        woken, wake = os.pipe()
        for end in (woken, wake):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while True:
            ready, _, _ = select.select([self.orders, woken], [], [])
            if woken in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(woken, 4096)
                self._reap()
            if self.orders in ready:
                for order in self._read_orders():
                    if self._fork(order):
                        for end in (woken, wake):
                            os.close(end)
                        return order

    def _read_orders(self) -> list[dict[str, Any]]:
        data = os.read(self.orders, 1 << 20)
        if not data:
            self._end()
        *lines, self._unread = (self._unread + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def _fork(self, order: dict[str, Any]) -> bool:
        """True in the forked process."""
        try:
            if self.imports is None:
                raise Refused("it has imported nothing")
            self.imports.check(order)
            sys.stdout.flush()
            sys.stderr.flush()
            pid = os.fork()
        except Refused as refused:
            self._answer({"id": order["id"], "refused": str(refused), "stale": refused.stale})
            return False
        except OSError as error:
            self._answer({"id": order["id"], "refused": str(error), "stale": False})
            return False
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setpgid(0, 0)
            os.close(self.orders)
            os.close(self.answers)
            return True
        with contextlib.suppress(OSError):
            # whoever is answered may stop it at once, by its group
            os.setpgid(pid, pid)
        self.running.add(pid)
        self._answer({"id": order["id"], "pid": pid})
        return False

    def _reap(self) -> None:
        for pid in list(self.running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self.running.discard(pid)
                self._answer({"ended": pid, "code": os.waitstatus_to_exitcode(status)})

    def _answer(self, value: dict[str, Any]) -> None:
        try:
            os.write(self.answers, json.dumps(value).encode() + b"\n")
        except OSError:
            self._end()

    def _end(self) -> None:
        """The parent is gone, or done: so is everything that it started here."""
        for sign, patience in ((signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, 1.0)):
            for pid in self.running:
                with contextlib.suppress(OSError):
                    os.killpg(pid, sign)
            deadline = time.monotonic() + patience
            while self.running and time.monotonic() < deadline:
                for pid in list(self.running):
                    if os.waitpid(pid, os.WNOHANG)[0]:
                        self.running.discard(pid)
                time.sleep(0.02)
        os._exit(0)


def _become(order: dict[str, Any]) -> None:
    """This process as a new interpreter would be for the command."""
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(log)
    os.close(nothing)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    first = [] if sys.flags.safe_path else [order["folder"]]
    sys.path[:0] = [*first, *order["paths"]]
    sys.argv = [order["module"], *order["arguments"]]
    sys.orig_argv = [sys.executable, "-m", *sys.argv]
    importlib.invalidate_caches()


def main() -> None:
    orders, answers = int(sys.argv[1]), int(sys.argv[2])
    modules = sys.argv[3:]
    if not sys.flags.safe_path:
        # the folder of this file: a new interpreter would have another one there
        del sys.path[0]
    for end in (orders, answers):
        os.set_inheritable(end, False)
    order = Server(orders, answers).serve(modules)
    _become(order)
    runpy.run_module(order["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
