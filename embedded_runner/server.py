"""Joins queue, supervisor and REST API in one process, one per data folder."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from embedded_runner.api import create_app
from embedded_runner.cornflow import Cornflow, Refused, Unreachable
from embedded_runner.model import RunnerError
from embedded_runner.registration import register
from embedded_runner.runner import Runner
from embedded_runner.settings import Settings
from embedded_runner.store import RunStore

log = logging.getLogger(__name__)

_REGISTER_PAUSE = 2.0


def serve(settings: Settings) -> None:
    """Runs until it is told to stop (SIGINT, SIGTERM). RunnerError when it cannot start."""
    # also for the workers and what their solvers leave behind
    os.umask(0o077)
    with only_one(settings.data):
        server = uvicorn.Server(
            uvicorn.Config(
                build(settings),
                host=settings.host,
                port=settings.port,
                log_level="warning",
                timeout_graceful_shutdown=3,
                lifespan="on",
            )
        )
        server.run()
    if not server.started:
        raise RunnerError(
            f"the runner could not start on {settings.host}:{settings.port}; its log says why"
        )


def build(settings: Settings) -> Starlette:
    cornflow = Cornflow(settings.cornflow)
    store = RunStore(settings.data / "runner.db")
    runner = Runner(settings, store, cornflow)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await runner.start()
        registering = asyncio.create_task(keep_registering(cornflow, runner))
        log.info("ready on http://%s:%d", settings.host, settings.port)
        try:
            yield
        finally:
            registering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await registering
            await runner.close()
            await cornflow.close()
            store.close()

    return create_app(runner, lifespan)


async def keep_registering(cornflow: Cornflow, runner: Runner) -> None:
    """Makes the applications known once, as soon as Cornflow is there; for `serve --register`."""
    while runner.settings.register:
        try:
            registered = await register(cornflow, runner.catalogue)
        except Unreachable as error:
            log.info("waiting to register the applications: %s", error)
        except Refused as error:
            log.error("the applications could not be registered: %s", error)
            return
        else:
            log.info("registered in Cornflow: %s", ", ".join(registered))
            return
        await asyncio.sleep(_REGISTER_PAUSE)


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Holds the data folder for this process: two runners would both solve the one queue."""
    try:
        # results and logs of every user: nobody else's to read
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (data / "lock").open("w")
    except OSError as error:
        raise RunnerError(f"the data folder {data} cannot be used: {error}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunnerError(
                f"a runner uses {data} already; stop it, or give this one another --data"
            ) from None
        yield
