"""Runs a bridge under uvicorn, in one process or in several."""

import asyncio
import os
import signal
import socket
import tempfile

import uvicorn

from legacy_bridge import assembly
from legacy_bridge.operations.operation import Mode
from legacy_bridge.settings import BridgeSettings
from legacy_bridge.supervisor import SUPERVISOR
from legacy_bridge.telemetry.logs import config as logging_config
from legacy_bridge.uvicorn_connections_private import (
    ConnectionLimits,
    connections_below_file_limit,
    limited,
)
from legacy_bridge.uvicorn_private import serve_in_processes


class ServeError(Exception):
    """The bridge can't serve; the text says what to do."""


def listen(host: str, port: int) -> socket.socket:
    """Takes the port before anything slow is done, so that a clash is told at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
    except OSError as error:
        taken.close()
        raise ServeError(
            f"{host}:{port} can't be taken: {error.strerror or error}. Stop what listens there, or "
            "choose another with --port"
        ) from None
    taken.set_inheritable(True)
    return taken


def serve(
    taken: socket.socket,
    settings: BridgeSettings,
    *,
    workers: int = 1,
    default_mode: Mode | None = None,
) -> None:
    """Serves until a signal asks to stop. Whatever would keep a worker from starting is found first.

    ``default_mode`` is stored, so that every worker and the command line know it.
    """
    assembled = assembly.load(settings.assembly)
    asyncio.run(_prepare(assembled, settings, default_mode))
    if workers > 1:
        with tempfile.TemporaryDirectory(prefix="cutover-metrics-") as folder:
            _share(
                settings.model_copy(update={"metrics_folder": settings.metrics_folder or folder})
            )
            config = uvicorn_config("legacy_bridge.assembly:create_app", settings)
            config.factory, config.workers = True, workers
            serve_in_processes(config, taken)
        return
    server = uvicorn.Server(uvicorn_config(assembly.bridge(assembled, settings), settings))
    # uvicorn raises the signal that stopped it once more when it is done: let that be an ordinary end.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    server.run(sockets=[taken])
    if not server.started:
        raise ServeError("the bridge did not start: see the log above")


async def _prepare(
    assembled: assembly.Assembly, settings: BridgeSettings, default_mode: Mode | None
) -> None:
    owner = assembly.ownership(assembled, settings)
    owner.census.check()
    try:
        await owner.read()
        if default_mode is not None:
            await owner.set_default(default_mode, who="cutover serve", why="--default-mode")
    finally:
        await owner.stop()


def _share(settings: BridgeSettings) -> None:
    """Workers are new processes: they read the settings from the environment."""
    os.environ[SUPERVISOR] = str(os.getpid())
    os.environ.update(settings.environment())


def uvicorn_config(
    app: object, settings: BridgeSettings, log_level: str = "info"
) -> uvicorn.Config:
    """How every bridge is run."""
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # an application or the name of a factory
        lifespan="on",
        # The bridge's own line says more: see `logs.log_access`.
        access_log=False,
        log_config=logging_config(settings.log, log_level.upper()),
        log_level=log_level,
        server_header=False,
        http=limited(_limits(settings)),
        timeout_graceful_shutdown=30,
        # A worker answers no health check while it imports both stacks.
        timeout_worker_healthcheck=60,
    )


def _limits(settings: BridgeSettings) -> ConnectionLimits:
    # The other half is for bodies on disk, connections to the legacy and those who are refused.
    most = settings.max_connections or connections_below_file_limit(0.5)
    return ConnectionLimits(settings.head_seconds, settings.body_seconds, most)
