"""One real legacy for all tests of the runner; a runner of its own for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.runner.world import Server, World, until

StartRunner = Callable[..., Server]


@pytest.fixture(scope="session")
def registered_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The legacy, with the applications registered by its own unmodified command."""
    pytest.importorskip("cornflow", reason="install cornflow (requirements/dev.txt)")
    folder = tmp_path_factory.mktemp("world")
    world = World(folder)
    runner = world.runner(folder / "first")
    try:
        runner.start()
        world.register_as_the_legacy_does()
        done = until(world.internal_runs_done, "the internal workflows end")
        assert set(done.values()) == {"success"}, runner.log
        runner.stop()
        yield world
    finally:
        runner.close()
        world.close()


@pytest.fixture
def world(registered_world: World) -> Iterator[World]:
    """The legacy is up again after tests that end it."""
    yield registered_world
    if registered_world.legacy.process is None:
        registered_world.legacy.start()


@pytest.fixture
def start_runner(world: World, tmp_path: Path) -> Iterator[StartRunner]:
    """`start_runner(*options)`: a runner on a data folder of this test; again for a restart."""
    started: list[Server] = []

    def start(*options: str) -> Server:
        runner = world.runner(tmp_path / "runner", *options)
        started.append(runner)
        runner.start()
        return runner

    yield start
    for runner in started:
        runner.close()
