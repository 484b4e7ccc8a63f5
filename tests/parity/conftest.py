"""Builders of pairs and journeys, and the shop: two real servers that have nothing to do with Cornflow."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from parity_core.model import Attribution, Exchange, Pair, Reply, Request, RowChange, Side

# a suite of its own: test_suite_cornflow.py runs it
collect_ignore = ["suite_cornflow"]

SHOP = Path(__file__).with_name("shop")
ROOT = Path(__file__).parents[2]


def keep_step(process: subprocess.Popen[str]) -> None:
    """A process that prints waits for who reads, so that it is not at its end before one has seen its middle."""
    assert process.stdout is not None
    if sys.platform == "linux":
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)


def exchange(
    side: Side,
    body: Any = None,
    status: int | None = 200,
    headers: dict[str, str] | None = None,
    rows: list[RowChange] | None = None,
    effects: dict[str, list[Any]] | None = None,
    at: float = 1_800_000_000.0,
) -> Exchange:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Exchange(
        side=side,
        origin="http://127.0.0.1:1001" if side is Side.LEGACY else "http://127.0.0.1:2002",
        request=Request("GET", "/x/"),
        reply=Reply(status, tuple((headers or {}).items()), raw),
        started=at,
        ended=at + 0.1,
        rows=rows or [],
        effects=effects or {},
    )


def pair(legacy: Any, ported: Any, step: int = 1, operation: str = "GET /x/") -> Pair:
    """Two exchanges, or two bodies."""
    sides = [
        one if isinstance(one, Exchange) else exchange(side, one)
        for side, one in ((Side.LEGACY, legacy), (Side.PORTED, ported))
    ]
    return Pair("journey", step, "journey.yaml:1", Attribution(operation), sides[0], sides[1])


@dataclass
class Shop:
    """A copy of the shop that a test may change, and `parity` run on it as a command."""

    folder: Path

    def change(self, file: str, find: str, replace: str) -> None:
        path = self.folder / file
        text = path.read_text()
        assert text.count(find) == 1, f"{find!r} occurs {text.count(find)} times in {file}"
        path.write_text(text.replace(find, replace))

    def parity(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command, *rest = arguments
        return self.parity_tool(command, "--config", str(self.folder / "parity.toml"), *rest)

    def parity_tool(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`parity` for a command that knows no configuration."""
        return subprocess.run(
            [sys.executable, "-m", "parity_tests.cli", *arguments],
            capture_output=True,
            text=True,
            timeout=600,
            cwd=ROOT,
            check=False,
        )

    def parity_plain(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command that takes no configuration."""
        return subprocess.run(
            [sys.executable, "-m", "parity_tests.cli", *arguments],
            capture_output=True,
            text=True,
            timeout=600,
            cwd=ROOT,
            check=False,
        )

    def report(self, *arguments: str) -> tuple[int, dict[str, Any], str]:
        """Exit code, JSON report and everything printed of `parity run`."""
        file = self.folder / "report.json"
        done = self.parity("run", "--json", str(file), *arguments)
        return done.returncode, json.loads(file.read_text()), done.stdout + done.stderr


def seed_elsewhere(folder: Path) -> dict[str, str]:
    """A seeded `shop.db` in the folder; the environment of a stack on it, with a secret no replay has."""
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{folder / 'shop.db'}",
        "SECRET_KEY": "another secret than in the replay",
        "PYTHONPATH": str(SHOP),
    }
    subprocess.run([sys.executable, "-m", "seed"], env=environment, check=True, timeout=600)
    return environment


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    folder = tmp_path / "shop"
    shutil.copytree(SHOP, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return Shop(folder)


JourneyWriter = Callable[[str], Path]


@pytest.fixture
def write_journey(tmp_path: Path) -> JourneyWriter:
    def write(text: str) -> Path:
        path = tmp_path / "one.yaml"
        path.write_text(text)
        return path

    return write
