"""What solves in an orchestrator's place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from parity_tests.config import ServiceConfig
from parity_tests.stage.services.base import Quiet, filled_environment


class RunnerService(Quiet):
    """What solves in an orchestrator's place, by the commands of the configuration: one for each side."""

    observation = "runner"

    def __init__(self, config: ServiceConfig, settings: Mapping[str, str], folder: Path) -> None:
        from parity_tests.stage.services.servers.companion import Companion

        options = config.options
        self._config = config
        self._companion = Companion(
            options["command"],
            options.get("ready", ()),
            str(options.get("health", "/")),
            {**config.environment, **{k: str(v) for k, v in options.get("process", {}).items()}},
            [config.folder / path for path in options.get("pythonpath", ())],
            folder,
        )

    def environment(self) -> Mapping[str, str]:
        return filled_environment(self._config, url=self._companion.url)

    def serve(self, origin: str) -> None:
        self._companion.serve(origin)

    def stop(self) -> None:
        self._companion.stop()
