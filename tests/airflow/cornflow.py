"""Cornflow behind the bridge, with one of the stacks answering every operation."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from cornflow_client import CornFlow as Client

from tests.bridge import cornflow_stack
from tests.runner.world import ROOT, Server

PLANNER, PLANNER_PASSWORD = "planner", "Planner-pw1!"
SERVICE = ("service_user", "Service-pw1!")
"""As tests.bridge.cornflow_stack seeds it."""
_TOKEN = "control-token-of-the-tests"


class Cornflow:
    """A seeded, empty database and `cutover serve` in front of both stacks."""

    def __init__(
        self,
        stack: str,
        port: int,
        database_url: str,
        folder: Path,
        orchestrator: Mapping[str, str],
    ) -> None:
        self.stack = stack
        self.environment = {
            **cornflow_stack.environment(folder),
            "DATABASE_URL": database_url,
            "CUTOVER_TOKEN": _TOKEN,
            "PYTHONPATH": str(ROOT),
            **orchestrator,
        }
        cornflow_stack.seed(self.environment)
        user = ("-u", PLANNER, "-e", "planner@cornflow.org", "-p", PLANNER_PASSWORD)
        cornflow_stack.run(
            "cornflow_f.cli", "users", "create", "planner", *user, env=self.environment
        )
        words = ("serve", "--port", str(port), "--default-mode", stack, "--access-log")
        self.server = Server(
            [sys.executable, "-m", "legacy_bridge.cli", *words],
            port,
            "/_cutover/health",
            self.environment,
            folder / "bridge",
        )

    def start(self) -> None:
        self.server.start()

    def stop(self) -> None:
        self.server.close()

    def client(self, user: str = PLANNER, password: str = PLANNER_PASSWORD) -> Client:
        client = Client(url=self.server.url)
        client.token = client.login(user, password)["token"]
        return client

    def modes(self) -> set[str]:
        """Of all operations."""
        bearer = {"Authorization": f"Bearer {_TOKEN}"}
        told = httpx.get(
            self.server.url + "/_cutover/status", headers=bearer, timeout=30, trust_env=False
        )
        operations: list[dict[str, Any]] = told.raise_for_status().json()["operations"]
        return {one["mode"] for one in operations}
