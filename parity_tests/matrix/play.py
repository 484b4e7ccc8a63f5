"""Plays the matrix: prepares objects once, then asks every operation by everybody under each setting."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from parity_core.compare import rules, waivers
from parity_core.files import rules_toml, waivers_toml
from parity_core.model import Finding, Pair, ParityError, Side, Waiver
from parity_tests.config import Config
from parity_tests.journeys.model import Journey, Profile, Step
from parity_tests.matrix import plan as plans
from parity_tests.matrix.judge import judge
from parity_tests.matrix.model import Cell, CellVerdict, MatrixPlan, MatrixReport, Whose
from parity_tests.operations import CensusMatcher
from parity_tests.report.keys import shape
from parity_tests.run.confirm import failed, mute, silence
from parity_tests.run.replay import Replay
from parity_tests.stage import databases
from parity_tests.stage.databases import Databases
from parity_tests.stage.stage import Stage, open_stage
from parity_tests.stage.workplace import load_census, workplace

_TRIES = 3
"""Times that a cell which differs is asked, at most."""


class MatrixListener(Protocol):
    """Told of progress, while there is some."""

    def message(self, text: str) -> None: ...
    def cell(self, cell: Cell, done: int, total: int) -> None: ...


@dataclass(frozen=True)
class MatrixOptions:
    database: str = "sqlite"
    operations: tuple[str, ...] = ()
    keep: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    """Only under these values; a setting that is not named is asked with all of its values."""
    today: date = field(default_factory=date.today)


@dataclass
class MatrixTable:
    """What stays the same over all settings: the plan, the prepared values, rules and waivers."""

    config: Config
    """With the plan's users."""
    plan: MatrixPlan
    matcher: CensusMatcher
    rules: rules.Rules
    waivers: list[Waiver]
    database: str
    today: date
    values: dict[str, Any] = field(default_factory=dict)
    """What preparing captured: `role`, `viewer.instance`, …"""

    def player(self, stage: Stage, name: str) -> Replay:
        return Replay(Journey(name, self.plan.path, ()), stage, self.rules, self.matcher)

    def findings(self, pair: Pair, differences: Sequence[Any]) -> list[Finding]:
        return waivers.accept(self.waivers, pair, differences, self.database, self.today)


def run(config: Config, options: MatrixOptions, listener: MatrixListener) -> MatrixReport:
    started = time.monotonic()
    listener.message("reading the list of operations")
    census = load_census(config, _Quiet())
    with workplace(options.keep) as folder:
        made = databases.create(
            options.database, folder, f"parity_{folder.name.rpartition('-')[2]}"
        )
        table = lay(
            config, CensusMatcher(census.operations), census.operations, made.name, options.today
        )
        wanted = choose(list(table.plan.requests), options.operations)
        profiles = narrowed(table.plan, options.settings)
        report = MatrixReport(config.name, made.name, tuple(table.plan.columns))
        report.settings = tuple(setting_name(profile) for profile in profiles)
        report.operations_total = len(census.operations)
        if options.keep:
            report.notes.append(f"databases and logs are kept in {folder}")
        try:
            listener.message(f"seeding a {made.name} database and preparing objects of everybody")
            made.seed(config)
            report.notes += prepare(table, made, folder)
            total = len(profiles) * sum(len(list(askers(table.plan, label))) for label in wanted)
            for number, profile in enumerate(profiles):
                listener.message(f"starting both stacks: {setting_name(profile)}")
                with open_table(table, profile, made, f"s{number}", folder) as stage:
                    begun = time.monotonic()
                    for cell, _ in ask(table, stage, wanted):
                        report.cells.append(cell)
                        listener.cell(cell, len(report.cells), total)
                    report.asking_seconds += time.monotonic() - begun
                    stage.still_logged_in()
                check_somebody_was_let_in(table.plan, report.cells)
        finally:
            if not options.keep:
                made.close()
    report.waiver_problems = waivers.problems(table.waivers, made.name, options.today, False)
    report.seconds = time.monotonic() - started
    return report


def check_somebody_was_let_in(plan: MatrixPlan, cells: Sequence[Cell]) -> None:
    """Raises ParityError when the legacy answered 401 to all that a user asked who had logged in.

    Both stacks refuse nobody alike: "lets nobody in" would say nothing of the port.
    """
    for column, user in plan.columns.items():
        statuses = {cell.legacy for cell in cells if cell.column == column}
        if user is not None and statuses == {401}:
            raise ParityError(
                f"the matrix compared nothing as {column}: the legacy answered 401 to everything, so the "
                f"log-in of {user} is not valid; look at [login], and name a request for `check` there"
            )


def choose(census: Sequence[str], globs: Sequence[str]) -> list[str]:
    # a glob over text, so that `POST *` and `* /case/*` work; `<` and `>` stand for themselves
    wanted = [
        one for one in census if not globs or any(fnmatch.fnmatchcase(one, glob) for glob in globs)
    ]
    if not wanted:
        raise ParityError(f"no operation matches {', '.join(globs)}; `parity matrix` lists all")
    return sorted(wanted, key=lambda label: (label.split()[1], label))


def narrowed(plan: MatrixPlan, settings: Mapping[str, str]) -> list[Profile]:
    profiles = [one for one in plan.profiles() if settings.items() <= dict(one.settings).items()]
    if not profiles:
        choices = "; ".join(
            f"{name}: {', '.join(values)}" for name, values in plan.settings.items()
        )
        raise ParityError(f"the plan has no such settings; it has {choices or 'none'}")
    return profiles


def lay(
    config: Config, matcher: CensusMatcher, census: Sequence[str], database: str, today: date
) -> MatrixTable:
    plan = plans.load(config.matrix, config.users, matcher, census)
    users = {**config.users, **{user.name: user for user in plan.users}}
    return MatrixTable(
        replace(config, users=users),
        plan,
        matcher,
        rules_toml.load(config.rules, database),
        waivers_toml.load(config.waivers),
        database,
        today,
    )


def setting_name(profile: Profile) -> str:
    return " ".join(f"{name}={value}" for name, value in profile.settings) or "usual settings"


def prepare(table: MatrixTable, made: Databases, folder: Path) -> list[str]:
    """Gives everybody objects, under the usual settings; what the legacy made becomes the seed."""
    notes: list[str] = []
    with open_stage(table.config, table.plan.profiles()[0], made, "prepare", folder) as stage:
        player = table.player(stage, "prepare")
        for step in table.plan.prepare:
            _prepared(table, player, step, notes)
        for owner in table.plan.owners:
            _stand_for(owner, player)
            for step in table.plan.objects:
                _prepared(table, player, replace(step, user=owner), notes)
                for known in player.known.values():
                    known.update({f"{owner}.{name}": known[name] for name in step.capture})
        for step in table.plan.finish:
            _prepared(table, player, step, notes)
        table.values = dict(player.known[Side.LEGACY])
        url = stage.legacy.url
    if table.plan.sql:
        made.execute(url, table.plan.sql)
    made.promote(url)
    return notes


def open_table(
    table: MatrixTable, profile: Profile, made: Databases, name: str, folder: Path
) -> Stage:
    """Both stacks on copies of what was prepared; the caller closes the stage."""
    stage = open_stage(table.config, profile, made, name, folder)
    try:
        arrange(table, stage)
    except BaseException:
        stage.close()
        raise
    return stage


def arrange(table: MatrixTable, stage: Stage) -> None:
    """What lies outside of the database is made again for stacks that have just started."""
    for world in (stage.legacy, stage.ported):
        world.known = {**table.values, **world.known}
    player = table.player(stage, "each_setting")
    for owner in table.plan.owners:
        _stand_for(owner, player)
        for step in table.plan.each_setting:
            _prepared(table, player, step, [])
    stage.rebase()


def _prepared(table: MatrixTable, player: Replay, step: Step, notes: list[str]) -> None:
    pair, differences = player.play(step, {})
    reply = pair.legacy.reply
    # some legacies fail after they have done what they were asked to
    passes = table.plan.lets_in.get(pair.operation.label, ())
    if reply.status is None or (reply.status >= 400 and reply.status not in passes):
        answer = reply.body[:300].decode(errors="replace") or reply.error
        raise ParityError(
            f"{pair.where}: preparing {pair.operation.label} as {pair.user} was answered "
            f"{reply.status}: {answer}"
        )
    if any(finding.waiver is None for finding in table.findings(pair, differences)):
        notes.append(f"{pair.where}: the port prepares otherwise at {differences[0].place}")


def _stand_for(owner: str, player: Replay) -> None:
    for known in player.known.values():
        known.update(_of(owner, known))


def _of(owner: str, known: dict[str, Any]) -> dict[str, Any]:
    prefix = f"{owner}."
    return {
        f"{plans.WHOSE}.{name.removeprefix(prefix)}": value
        for name, value in known.items()
        if name.startswith(prefix)
    }


def askers(plan: MatrixPlan, operation: str) -> Iterator[tuple[str, str | None, Whose]]:
    """Who asks an operation, for whose object: column, user, whose."""
    for column, user in plan.columns.items():
        if not plans.names_an_owner(plan.requests[operation]):
            yield column, user, Whose.NOBODY
            continue
        if user is not None:
            yield column, user, Whose.OWN
        yield column, user, Whose.OTHER


def ask(table: MatrixTable, stage: Stage, operations: Sequence[str]) -> Iterator[tuple[Cell, Pair]]:
    """Every cell of these operations, each on the rows that were prepared."""
    player = table.player(stage, "matrix")
    known, correspondence = player.known, player.correspondence
    setting = setting_name(stage.profile)
    for operation in operations:
        step = table.plan.requests[operation]
        for column, user, whose in askers(table.plan, operation):
            owner = user if whose is Whose.OWN and user else table.plan.stranger
            player.known = {side: own | _of(owner, own) for side, own in known.items()}
            tries: list[tuple[Cell, Pair]] = []
            while not _is_certain(tries):
                if tries:
                    # a busy machine may be the reason: once more, from the rows that were prepared
                    stage.restore()
                player.correspondence = correspondence.copy()
                pair, differences = player.play(replace(step, user=user), {})
                pair.note = f"{column}{', ' + whose if whose else ''}; {setting}"
                findings = table.findings(pair, differences)
                verdict, why = judge(pair, findings, table.plan.lets_in.get(operation, ()))
                statuses = pair.legacy.reply.status, pair.ported.reply.status
                kept = findings if verdict is not CellVerdict.SAME else []
                cell = Cell(operation, setting, column, whose, *statuses, verdict, why, kept)
                tries.append((cell, pair))
            if pair.legacy.rows or pair.ported.rows:
                stage.restore()
            yield _settled(tries)


def _is_certain(tries: Sequence[tuple[Cell, Pair]]) -> bool:
    """The first says that it is the same, two agree, or three do not."""
    if not tries:
        return False
    last = tries[-1][0]
    if len(tries) == 1:
        return last.verdict in (CellVerdict.SAME, CellVerdict.WAIVED) and not mute(tries[0][1])
    return len(tries) == _TRIES or _signs(last) == _signs(tries[-2][0])


def _settled(tries: Sequence[tuple[Cell, Pair]]) -> tuple[Cell, Pair]:
    """What two tries say; that nothing can be said when none agree, or when the port failed in one."""
    cell, pair = tries[-1]
    if len(tries) == 1:
        return cell, pair
    before = tries[-2]
    if _signs(cell) != _signs(before[0]) or mute(pair):
        why = silence(pair) if mute(pair) else f"{before[0].verdict}, then {cell.verdict}"
        return replace(cell, verdict=CellVerdict.UNCLEAR, why=why), pair
    if cell.verdict in (CellVerdict.SAME, CellVerdict.WAIVED):
        for earlier, shown in tries:
            if failed((shown, list(earlier.findings))):
                why = f"the port answered {earlier.ported} once, the legacy {earlier.legacy}"
                return replace(earlier, verdict=CellVerdict.UNCLEAR, why=why), shown
    return cell, pair


def _signs(cell: Cell) -> tuple[CellVerdict, int | None, int | None, frozenset[str]]:
    places = {shape(one.difference.place) for one in cell.findings if one.waiver is None}
    return cell.verdict, cell.legacy, cell.ported, frozenset(places)


class _Quiet:
    """The census tells nothing that the matrix does not tell itself."""

    def message(self, text: str) -> None: ...
    def journey(self, journey: Journey, number: int, total: int) -> None: ...
    def pair(self, pair: Pair, findings: Sequence[Finding]) -> None: ...
    def journey_done(self, journey: Journey, seconds: float) -> None: ...
