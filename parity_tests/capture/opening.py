"""Starts both stacks for a replay, on copies of a seed or on the databases that an earlier run left."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from sqlalchemy.engine import make_url

from parity_core.model import ParityError
from parity_tests.capture.options import ReplayOptions
from parity_tests.capture.player import NAME
from parity_tests.capture.state import State
from parity_tests.config import Config
from parity_tests.report.listening import Listener
from parity_tests.stage import databases
from parity_tests.stage.databases import Databases, PostgresqlDatabases, SqliteDatabases
from parity_tests.stage.services import registry
from parity_tests.stage.stage import Stage, join_stage, open_stage


def opened(
    config: Config,
    options: ReplayOptions,
    state: State,
    folder: Path,
    listener: Listener,
    stack: ExitStack,
) -> Stage:
    """Both stacks, on databases of their own or where they run; `stack` closes them."""
    if options.legacy and options.ported:
        stage = stack.enter_context(
            join_stage(config, options.legacy, options.ported, options.legacy_db, options.ported_db)
        )
    else:
        if lack := registry.missing(options.profile.services):
            raise ParityError(f"the capture can not be replayed: {lack}")
        made = _databases(options, state)
        # a replay that is interrupted finds them again
        stack.callback(lambda: None if state.is_kept and not state.is_done else made.close())
        if not state.goes_on:
            listener.message(f"seeding a {made.name} database")
            if options.seed:
                made.promote(options.seed)
            else:
                made.seed(config)
        listener.message(f"starting both stacks: {options.profile}")
        kept = _Kept(made, state.live, options) if state.goes_on else made
        stage = stack.enter_context(open_stage(config, options.profile, kept, NAME, folder))
    if not options.rows:
        for world in (stage.legacy, stage.ported):
            if world.reader:
                world.reader.close()
                world.reader = None
    return stage


def _databases(options: ReplayOptions, state: State) -> Databases:
    if options.database == "sqlite":
        return SqliteDatabases(state.live)
    return databases.create(options.database, state.live, state.prefix())


class _Kept(SqliteDatabases):
    """The databases of an earlier run, where they were left."""

    def __init__(self, made: Databases, folder: Path, options: ReplayOptions) -> None:
        super().__init__(folder)
        self._made = made
        self._url = options.database.partition("=")[2] or options.database

    def copy(self, name: str) -> str:
        if not isinstance(self._made, PostgresqlDatabases):
            return f"sqlite:///{self.folder / f'{name}.db'}"
        full = f"{self._made.prefix}_{name}"
        # removed at the end, as if they had been made now
        self._made._made += [full, f"{self._made.prefix}_seed"]
        url = make_url(self._url).set(drivername="postgresql", database=full)
        return url.render_as_string(hide_password=False)
