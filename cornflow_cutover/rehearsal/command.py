"""The command `cutover rehearse`."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from cornflow_cutover.rehearsal.director import USERS, Director
from cornflow_cutover.rehearsal.faults import table
from cornflow_cutover.rehearsal.faults.catalogue import FAULTS, DrillTimes, chosen
from cornflow_cutover.rehearsal.faults.play import Plant, play
from cornflow_cutover.rehearsal.outcome import RehearsalOptions, RehearsalOutcome
from cornflow_cutover.rehearsal.stage import stage
from cornflow_cutover.rehearsal.timeline import Band, draw
from cornflow_cutover.up.steps import UpError
from legacy_bridge import assembly
from legacy_bridge.assembly import AssemblyError
from legacy_bridge.modes.store import StoreError
from legacy_bridge.operations.operation import Mode
from legacy_bridge.settings import SettingsError, load_settings

_SLICE = 2.0
"""Seconds of one point of the picture."""


@click.command()
@click.option(
    "--database",
    default="postgresql",
    show_default=True,
    metavar="KIND",
    help="postgresql starts a server of its own; sqlite; or the URL of an empty database.",
)
@click.option(
    "--samples", default=3, show_default=True, type=click.IntRange(1), help="Of each step."
)
@click.option(
    "--seconds", default=5.0, show_default=True, type=click.FloatRange(0), help="Of each step."
)
@click.option(
    "--limit", default=900.0, show_default=True, help="Seconds after which it has failed."
)
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("rehearsal.svg"),
    show_default=True,
    help="Where the timeline is drawn.",
)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--faults",
    is_flag=False,
    flag_value="all",
    metavar="[NAMES]",
    help="Play faults while clients write, instead of the cutover: all, or names with commas between.",
)
@click.option("--list", "lists", is_flag=True, help="List the faults.")
@click.option(
    "--hang-seconds",
    default=DrillTimes.hang,
    show_default=True,
    type=click.FloatRange(1),
    help="How long the legacy hangs, with --faults.",
)
@click.option(
    "--plant",
    type=click.Choice([one.value for one in Plant]),
    help="With --faults, a mistake of ours that has to be found: lost by a kill, doubled by a hang.",
)
def rehearse(
    database: str,
    samples: int,
    seconds: float,
    limit: float,
    picture: Path,
    json_file: Path | None,
    faults: str | None,
    lists: bool,
    hang_seconds: float,
    plant: str | None,
) -> None:
    """Rehearse the whole cutover under load, on scratch data.

    Three workers serve; several users send everything that clients send. All operations are moved from
    the legacy to the port through shadow and canary; two bugs are planted in the port and must be rolled
    back by themselves; one worker is killed. In the end no request may have failed but those that met a
    planted bug, and the rows must be those the clients were told of.

    With --faults, clients write while a disk is full, processes are killed and so on, and each row is
    looked for afterwards: none that was acknowledged may be lost, none may be doubled.

    Exits 0 when all that is so, 1 when not, 2 when it could not be done.
    """
    if lists:
        for fault in FAULTS:
            click.echo(f"{fault.name:14} {fault.about}")
        return
    if faults is not None:
        planted = Plant(plant) if plant else None
        sys.exit(_drill(faults, database, DrillTimes(hang_seconds), planted, json_file))
    console = Console(highlight=False, soft_wrap=True)

    def show(text: str) -> None:
        console.print(text, markup=False)

    try:
        load_settings()
        show("seeding a database, starting three workers …")
        with stage(database, USERS) as made:
            os.environ.update(made.environment)
            assembled = assembly.load(made.environment["CUTOVER_ASSEMBLY"])
            director = Director(made, RehearsalOptions(samples, seconds, limit), show)
            try:
                outcome = asyncio.run(director.run(assembled))
            except UpError as error:
                _show(director.outcome, console)
                raise UpError(f"{error}\nthe workers said:\n{made.log_end()}") from error
    except (AssemblyError, SettingsError, StoreError, UpError) as error:
        click.echo(f"cutover rehearse: {error}", err=True)
        sys.exit(2)
    picture.write_text(_picture(outcome), encoding="utf-8")
    _show(outcome, console)
    show(f"the timeline: {picture}")
    if json_file is not None:
        json_file.write_text(json.dumps(_as_json(outcome), indent=1))
    good = not (outcome.failures or outcome.rows_wrong or outcome.unasked)
    show("as it should be" if good else "not as it should be: see above")
    sys.exit(0 if good else 1)


def _drill(
    names: str, database: str, times: DrillTimes, plant: Plant | None, json_file: Path | None
) -> int:
    console = Console(highlight=False)
    try:
        load_settings()
        faults = chosen(names)
        tallies = play(faults, database, times, plant, click.echo)
    except (AssemblyError, SettingsError, StoreError, UpError, ValueError) as error:
        click.echo(f"cutover rehearse --faults: {error}", err=True)
        return 2
    table.show(tallies, console)
    if json_file is not None:
        json_file.write_text(json.dumps([one.as_json() for one in tallies], indent=1))
    wrong = [one.fault for one in tallies if not one.good and not one.is_broken]
    broken = [one.fault for one in tallies if one.is_broken]
    if wrong:
        click.echo(f"not as it should be: {', '.join(wrong)}")
    if broken:
        click.echo(f"could not be played: {', '.join(broken)}")
    if not wrong and not broken:
        click.echo("nothing lost, nothing doubled")
    return 1 if wrong else 2 if broken else 0


def _show(outcome: RehearsalOutcome, console: Console) -> None:
    asked = outcome.log.asked
    rate = len(asked) / outcome.seconds if outcome.seconds else 0.0
    lines = [
        f"{len(asked)} requests ({rate:.0f}/s), {len({one.operation for one in asked})} operations",
        f"failed beyond the planted bugs: {len(outcome.failures)}; by the bugs: {outcome.explained}",
        f"cut by the kill: {outcome.log.cut}, of these given up: {outcome.log.given_up}; "
        f"sent to another worker meanwhile: {outcome.log.not_reached}",
        f"rows: {outcome.rows_counted} counted, {len(outcome.rows_wrong)} lost, doubled or left over",
    ]
    lines += [f"  {text}" for text in (outcome.failures + outcome.rows_wrong)[:20]]
    lines += [f"  never asked for: {name}" for name in outcome.unasked]
    for name, seconds in outcome.found_seconds.items():
        met = outcome.rollback_seconds.get(name)
        when_met = (
            "no client met it" if met is None else f"{met:.1f} s after the first failed reply"
        )
        lines.append(f"{name}: rolled back {seconds:.1f} s after it was planted; {when_met}")
    for line in lines:
        console.print(line, markup=False)


def _as_json(outcome: RehearsalOutcome) -> dict[str, Any]:
    return {
        "seconds": outcome.seconds,
        "requests": len(outcome.log.asked),
        "operations": len({one.operation for one in outcome.log.asked}),
        "failures": outcome.failures,
        "failures_by_planted_bugs": outcome.explained,
        "cut": outcome.log.cut,
        "given_up": outcome.log.given_up,
        "not_reached": outcome.log.not_reached,
        "rows_counted": outcome.rows_counted,
        "rows_wrong": outcome.rows_wrong,
        "found_seconds": outcome.found_seconds,
        "rollback_seconds": outcome.rollback_seconds,
        "unasked": outcome.unasked,
        "moments": [[one.at, one.text] for one in outcome.moments],
    }


def _picture(outcome: RehearsalOutcome) -> str:
    times = [number * _SLICE for number in range(int(outcome.seconds / _SLICE) + 1)]
    answered: dict[str, list[float]] = {
        name: [0.0] * len(times) for name in ("legacy", "ported", "failed")
    }
    for one in outcome.log.asked:
        place = min(max(int((one.began - outcome.began) / _SLICE), 0), len(times) - 1)
        name = "failed" if not one.good else one.stack
        answered.setdefault(name, [0.0] * len(times))[place] += 1 / _SLICE
    modes = [one for one in outcome.modes if one[0] >= 0]
    owned = {mode.value: [float(counts[mode.value]) for _, counts in modes] for mode in Mode}
    bands: Sequence[Band] = (
        Band("Requests of clients, by who answered", "/s", times, answered),
        Band("Operations, by mode", "", [at for at, _ in modes], owned),
    )
    title = "A rehearsal of the cutover: three workers, everything from legacy to ported"
    return draw(title, bands, outcome.moments, outcome.seconds)
