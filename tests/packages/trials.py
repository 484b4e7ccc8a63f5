"""What each distribution must do in an environment where nothing else is."""

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.packages.environments import Environment, StepError, clean, run
from tests.packages.projects import ROOT

PASSWORD = "Standalone-1!"
_PATIENCE = 60.0


def port(made: Environment, folder: Path) -> None:
    """Its command; a new database; a server that is healthy."""
    command = made.command("cornflow-f")
    environment = {
        "DATABASE_URL": f"sqlite:///{folder / 'port.db'}",
        "SECRET_KEY": "a-secret-of-the-tests-of-the-packages",
        "FLASK_ENV": "production",
    }
    run([command, "--help"])
    run([command, "migrations", "upgrade"], environment=environment)
    run([command, "permissions", "init"], environment=environment)
    user = ("-u", "admin", "-e", "admin@cornflow.org", "-p", PASSWORD)
    run([command, "users", "create", "admin", *user], environment=environment)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = str(probe.getsockname()[1])
    words = [command, "serve", "--host", "127.0.0.1", "--port", number]
    with (folder / "port.log").open("wb") as log:
        server = subprocess.Popen(words, env={**clean(), **environment}, stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{number}/health/", server)
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            with urllib.request.urlopen(address, timeout=10) as reply:
                assert reply.status == 200
                return
        except (urllib.error.URLError, OSError) as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise StepError(f"{address} does not answer: {error}") from error
            time.sleep(0.2)


def bridge(made: Environment, folder: Path) -> None:
    """Its command, and the census of the library."""
    library = _library(folder)
    environment = {
        "DATABASE_URL": f"sqlite:///{folder / 'bridge.db'}",
        "PYTHONPATH": str(library),
        "CUTOVER_ASSEMBLY": "bridge:assemble",
    }
    run([made.command("cutover"), "--help"])
    printed = run([made.command("cutover"), "census"], cwd=library, environment=environment)
    _holds(printed, "7 rules, 11 operations, 11 ported")
    run([made.command("cutover"), "status"], cwd=library, environment=environment)


def comparison(made: Environment, folder: Path) -> None:
    """Its command, a first configuration, and the library on both of its stacks."""
    run([made.command("parity"), "--help"])
    run([made.command("parity"), "init", str(folder / "first")])
    printed = run([made.command("parity"), "run", "--config", "parity.toml"], cwd=_library(folder))
    _holds(printed, "11 of 11 operations")
    _holds(printed, "same: 0 differences")


def runner(made: Environment, folder: Path) -> None:
    """Its command, and the applications it finds, each imported in a process of its own."""
    run([made.command("cornflow-runner"), "--help"])
    run([made.command("cornflow-runner"), "applications"], cwd=folder)


def cutover(made: Environment, folder: Path) -> None:
    """Its commands are the bridge's own now, and its journeys are those that `parity` takes."""
    printed = run([made.command("cutover"), "--help"])
    _holds(printed, "rehearse")
    _holds(run([made.command("parity"), "journeys"], cwd=folder), "requests")


def _library(folder: Path) -> Path:
    place = folder / "library"
    if not place.exists():
        hidden = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "examples" / "library", place, ignore=hidden)
    return place


def _holds(printed: str, words: str) -> None:
    if words not in printed:
        raise StepError(f"`{words}` is not in:\n{printed[-2000:]}")


Trial = Callable[[Environment, Path], None]
