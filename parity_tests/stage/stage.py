"""Both stacks of one profile, running on two equal databases, ready to be asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from parity_core.model import MISSING, ParityError, Side
from parity_tests.config import Config, Target, User
from parity_tests.journeys.compose import compose
from parity_tests.journeys.model import Profile, Step
from parity_tests.login import flow
from parity_tests.stage.databases import Databases
from parity_tests.stage.prefork.pool import Program, pool
from parity_tests.stage.process import ProcessStack, RunningStack, free_port
from parity_tests.stage.rows.reader import RowReader
from parity_tests.stage.services import registry as services
from parity_tests.stage.services.base import Service
from parity_tests.stage.world import World

T = TypeVar("T")

_QUIET = 3
_QUIET_AT_LAST = 60.0
"""Seconds without a write after which a stack counts as done, and how long that is waited for."""


class Stage:
    """The two worlds of a profile. `both` asks them at the same time."""

    def __init__(self, config: Config, profile: Profile, legacy: World, ported: World) -> None:
        self.config = config
        self.profile = profile
        self.legacy = legacy
        self.ported = ported
        self._threads = {side: ThreadPoolExecutor(1, f"parity-{side}") for side in Side}

    @property
    def environment(self) -> dict[str, str]:
        return {**self.config.environment, **dict(self.profile.settings)}

    @property
    def reads_rows(self) -> bool:
        return self.legacy.reader is not None and self.ported.reader is not None

    def both(self, work: Callable[[World], T]) -> tuple[T, T]:
        """Runs the work on both worlds concurrently, each on a thread of its own."""
        worlds = (self.legacy, self.ported)
        legacy, ported = [self._threads[world.side].submit(work, world) for world in worlds]
        return legacy.result(), ported.result()

    def begin(self) -> list[Future[None]]:
        """Opens a step on both worlds, while the caller goes on; what `both` is told later waits for it."""
        return [
            self._threads[world.side].submit(world.reader.start)
            for world in (self.legacy, self.ported)
            if world.reader
        ]

    def log_in(self) -> None:
        """Learns id and token of every seeded user on both sides."""
        self.both(lambda world: world.known.update(learn(self.config, world)))

    def check_log_ins(self) -> None:
        """Raises ParityError when `[login] check` is no longer answered to somebody who had logged in.

        Whoever is nobody meanwhile is let in nowhere, on both sides alike: such a run compares nothing.
        """
        login = self.config.login
        if login is None or login.check is None:
            return
        method, _, path = login.check.partition(" ")
        for user in self.config.users:
            step = Step(method, path, 0, user=user)
            for world in (self.legacy, self.ported):
                if f"{user}.session" not in world.known:
                    continue
                reply = world.send(compose(step, world.known, {}, int(time.time())))
                if reply.status is None or reply.status >= 400:
                    raise ParityError(
                        f"{user}'s log-in is not valid any more: the {world.side} stack answers "
                        f"{login.check} with {reply.status or reply.error}; what was compared as {user} "
                        "says nothing ([login] check)"
                    )

    def still_logged_in(self) -> None:
        """The same after something was played, which may have taken users away: it is put back."""
        if self.config.login is not None and self.config.login.check is not None:
            self.restore()
            self.check_log_ins()

    def rebase(self) -> None:
        self.both(lambda world: world.reader.rebase() if world.reader else None)

    def restore(self) -> None:
        """Both databases as they were; nothing of an earlier journey is left."""
        self.both(lambda world: world.reader.restore() if world.reader else None)
        self.legacy.reset()
        self.ported.reset()

    def pass_days(self, days: int) -> None:
        """As if the clock went on by so many days: all times in both databases are as much older."""
        self.both(lambda world: world.reader.age(days) if world.reader else None)

    def wait_until_quiet(self) -> None:
        """Returns when neither stack writes any more: a request that nobody waits for still goes on."""
        deadline = time.monotonic() + _QUIET_AT_LAST
        quiet = 0
        while quiet < _QUIET and time.monotonic() < deadline:
            self.both(lambda world: world.reader.start() if world.reader else None)
            time.sleep(1.0)
            wrote = self.both(lambda world: bool(world.reader and world.reader.changes()))
            quiet = 0 if any(wrote) else quiet + 1

    def close(self) -> None:
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)
        for world in (self.legacy, self.ported):
            world.close()
        for threads in self._threads.values():
            threads.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def learn(config: Config, world: World) -> dict[str, Any]:
    """Ids, tokens and sessions of the seeded users: `ann.id`, `ann.token`, `ann.session`."""
    known: dict[str, Any] = {}
    for user in config.users.values():
        known[f"{user.name}.username"] = user.username
        known[f"{user.name}.password"] = user.password
        try:
            state = log_in(config, user, world)
        except flow.RefusedError as error:
            # some profiles let nobody log in; it matters only to a journey that needs the token
            for part in ("token", "id", "session"):
                world.refused[f"{user.name}.{part}"] = str(error)
            continue
        if state is not None:
            known[f"{user.name}.session"] = state.session
            known[f"{user.name}.token"] = state.token
            if state.id is not MISSING:
                known[f"{user.name}.id"] = state.id
    return known


def log_in(config: Config, user: User, world: World) -> flow.LoggedIn | None:
    """One user on one side; None where nothing says how. Raises flow.RefusedError."""
    state = flow.without_request(config, user, world.stack.origin)
    if state is not None or config.login is None or config.login.kind == "fixed":
        return state
    state = flow.LoggedIn()
    known = {"username": user.username, "password": user.password}
    steps = flow.Flow(config.login)
    for part in steps.parts:
        step = replace(part.step, user=state.session)
        request = compose(step, known | state.known(), {}, int(time.time()))
        state = steps.after(part, world.send(request), state)
    return state


def prepare(config: Config) -> None:
    """Begins to import what both stacks will, while something else is done."""
    for side in Side:
        target = config.legacy if side is Side.LEGACY else config.ported
        if target.command:
            command = config.expand(target.command, side=side)
            environment = config.process_environment(target.environment, target.pythonpath)
            pool.prepare(Program(command, environment, (), target.preload))


def start_stack(
    config: Config,
    target: Target,
    side: Side,
    environment: Mapping[str, str],
    folder: Path,
    pythonpath: tuple[Path, ...] = (),
) -> ProcessStack:
    """Starts one stack, without waiting for it; `pythonpath` goes before the target's own."""
    port = free_port()
    command = config.expand(target.command, port=port, side=side)
    full = config.process_environment(
        {**target.environment, **environment}, (*pythonpath, *target.pythonpath)
    )
    return ProcessStack(
        side,
        command,
        full,
        port,
        folder,
        target.health,
        target.start_timeout,
        target.preload,
        pythonpath,
    )


def start_world(
    config: Config,
    profile: Profile,
    side: Side,
    databases: Databases,
    name: str,
    folder: Path,
    pythonpath: tuple[Path, ...] = (),
    shared: Sequence[Service] = (),
) -> World:
    """A copy of the seed, the profile's services and a stack, started but not waited for.

    `shared` are the services that run already, for both sides.
    """
    target = config.legacy if side is Side.LEGACY else config.ported
    url = databases.copy(f"{name}_{side}")
    settings = dict(profile.settings)
    started: list[Service] = []
    try:
        for service in profile.services:
            if not services.is_shared(service):
                started.append(services.start(service, config.services, settings, folder))
        environment = {"DATABASE_URL": url, **_environment_of([*started, *shared]), **settings}
        stack = start_stack(config, target, side, environment, folder, pythonpath)
    except BaseException:
        for one in started:
            one.stop()
        raise
    known = {name: value for one in (*started, *shared) for name, value in one.values().items()}
    reader = RowReader(url, config.ignored_tables)
    return World(side, stack, reader, [*started, *shared], known, url, timeout=config.timeout)


def _environment_of(running: Sequence[Service]) -> dict[str, str]:
    """What services tell a stack; a journey's own settings go before it."""
    return {name: value for one in running for name, value in one.environment().items()}


def open_stage(
    config: Config, profile: Profile, databases: Databases, name: str, folder: Path
) -> Stage:
    if not (config.legacy.command and config.ported.command):
        raise ParityError(
            f"{config.path} names stacks that run already (url): this needs to start them itself, "
            "by command, wsgi or asgi"
        )
    worlds: list[World] = []
    shared: list[Service] = []
    try:
        for service in filter(services.is_shared, profile.services):
            shared.append(services.start(service, config.services, dict(profile.settings), folder))
        for side in Side:
            worlds.append(
                start_world(config, profile, side, databases, name, folder, shared=shared)
            )
        for world in worlds:
            assert isinstance(world.stack, ProcessStack)
            world.stack.wait()
            world.serve()
        stage = Stage(config, profile, worlds[0], worlds[1])
        stage.log_in()
        stage.check_log_ins()
        stage.rebase()
        return stage
    except BaseException:
        for world in worlds:
            world.close()
        for one in shared:
            one.stop()
        raise


def join_stage(
    config: Config, legacy: str, ported: str, legacy_db: str | None, ported_db: str | None
) -> Stage:
    """Stacks that run already; without both database addresses their rows are not compared."""
    worlds = []
    for side, url, database in ((Side.LEGACY, legacy, legacy_db), (Side.PORTED, ported, ported_db)):
        stack = RunningStack(side, url)
        stack.check()
        reader = (
            RowReader(database, config.ignored_tables)
            if legacy_db and ported_db and database
            else None
        )
        worlds.append(World(side, stack, reader, timeout=config.timeout))
    stage = Stage(config, Profile(), worlds[0], worlds[1])
    stage.log_in()
    stage.check_log_ins()
    stage.rebase()
    return stage


@contextmanager
def replace_ported(stage: Stage, pythonpath: tuple[Path, ...]) -> Iterator[Stage]:
    """The stage with another ported process, its path in front; the old one keeps its database.

    The usual process is not stopped: it idles until the stage is whole again.
    """
    usual = stage.ported
    assert usual.reader is not None
    assert isinstance(usual.stack, ProcessStack)
    stage.restore()
    environment = {
        "DATABASE_URL": usual.url,
        **_environment_of(usual.services),
        **dict(stage.profile.settings),
    }
    config = stage.config
    stack = start_stack(
        config, config.ported, Side.PORTED, environment, usual.stack.log.parent, pythonpath
    )
    try:
        stack.wait()
        stage.ported = World(
            Side.PORTED,
            stack,
            usual.reader,
            usual.services,
            dict(usual.known),
            usual.url,
            dict(usual.refused),
            usual.timeout,
        )
        stage.ported.serve()
        yield stage
    finally:
        stack.stop()
        if stage.ported is not usual:
            stage.ported.client.close()
        stage.ported = usual
        usual.serve()
