"""The use case: draws sequences, plays them on both stacks, shrinks what differs. Prints nothing."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

from parity_core.compare.places import operation_matches
from parity_core.files import rules_toml, waivers_toml
from parity_core.files.sentence import nearest
from parity_core.model import Json, ParityError, Request, Side
from parity_tests.config import Config
from parity_tests.fuzz import catalogue as catalogues
from parity_tests.fuzz.branches import BranchReach, unreached
from parity_tests.fuzz.catalogue import Catalogue, FuzzOperation, Knowledge
from parity_tests.fuzz.documents import shapes
from parity_tests.fuzz.drills.drills import drills
from parity_tests.fuzz.machine import Enough, machine, play
from parity_tests.fuzz.reach import Corpus, ReplyReach
from parity_tests.fuzz.report import FuzzReport
from parity_tests.fuzz.scene import Theatre
from parity_tests.fuzz.session import FuzzListener, FuzzOptions, FuzzSession
from parity_tests.journeys.model import Profile
from parity_tests.operations import Census, CensusMatcher
from parity_tests.reach.process import connected, recorded
from parity_tests.stage import databases
from parity_tests.stage.databases import Databases
from parity_tests.stage.services import registry
from parity_tests.stage.stage import Stage, open_stage
from parity_tests.stage.workplace import load_census, workplace
from parity_tests.stage.world import World

__all__ = ["FuzzListener", "FuzzOptions", "fuzz", "fuzz_stage"]

ALL = "all"
"""Each profile by turns."""
_USUALLY = 0.6
"""What part is drawn under the usual profile when there are others."""
_FEW = 1000
"""Exchanges that are all drawn under the usual profile."""
_ROUND = 3
"""Examples of one Hypothesis run; a longer fuzz is many, each with a seed of its own."""
_EXTENDED = 4
"""After so many drills one sequence that reached something new is gone on from."""
_GUIDED = 2
"""After each drill so many sequences that reached a new branch are gone on from."""
_DRILLS = 36
"""Between two of them: three in four requests are those of a drill."""


def fuzz(config: Config, options: FuzzOptions, listener: FuzzListener) -> FuzzReport:
    """Under one profile, or under each by turns: the usual one has the greater part."""
    knowledge = catalogues.load(config.fuzz)
    if options.profile not in (ALL, *knowledge.profiles):
        suggestion = nearest(options.profile, [ALL, *knowledge.profiles])
        raise ParityError(f"{config.fuzz} has no profile {options.profile}{suggestion}")
    parts = shares(options, list(knowledge.profiles))
    profiles = {
        one.profile: Profile(
            tuple(
                sorted(
                    {
                        **dict(knowledge.profiles[one.profile].settings),
                        **dict(options.settings),
                    }.items()
                )
            ),
            knowledge.profiles[one.profile].services,
        )
        for one in parts
    }
    for profile in profiles.values():
        if lack := registry.missing(profile.services):
            raise ParityError(f"the sequences need more than this machine has: {lack}")
    # before minutes are spent on two stacks
    rules_toml.load(config.rules, options.database)
    waivers_toml.load(config.waivers)
    census = load_census(config, listener)
    with workplace(keep=False) as folder:
        made = databases.create(
            options.database, folder, f"parity_{folder.name.rpartition('-')[2]}"
        )
        with closing(made):
            listener.message(f"seeding a {made.name} database")
            made.seed(config)
            report: FuzzReport | None = None
            for number, part in enumerate(parts):
                profile = profiles[part.profile]
                listener.message(f"starting both stacks: {profile}")
                with _opened(config, knowledge, profile, made, f"fuzz{number}", folder, part) as (
                    stage,
                    reach,
                ):
                    report = fuzz_stage(
                        config, knowledge, census, stage, made.name, part, listener, report, reach
                    )
                    stage.still_logged_in()
        assert report is not None
        if options.source is not None:
            report.reached = unreached(folder, options.source, knowledge.branches)
    return report


@contextmanager
def _opened(
    config: Config,
    knowledge: Knowledge,
    profile: Profile,
    made: Databases,
    name: str,
    folder: Path,
    options: FuzzOptions,
) -> Iterator[tuple[Stage, BranchReach | None]]:
    """Both stacks, the port recorded if that is wanted; what it reaches is told if it is to guide."""
    if options.source is None:
        with open_stage(config, profile, made, name, folder) as stage:
            yield stage, None
        return
    traced, address = recorded(config, options.source, folder, name, knowledge.branches)
    with open_stage(traced, profile, made, name, folder) as stage, connected(address) as recorder:
        yield stage, BranchReach(recorder) if options.guided else None


def shares(options: FuzzOptions, profiles: Sequence[str]) -> list[FuzzOptions]:
    """What is drawn under each profile, until so much was drawn under it and those before it.

    With one seed: what another profile is drawn depends on that seed, and is something else.
    """
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(2**32)
    if options.profile != ALL:
        return [replace(options, seed=seed)]
    if options.exchanges is not None and options.exchanges < _FEW:
        return [replace(options, seed=seed, profile=profiles[0])]
    portions = []
    for number, profile in enumerate(profiles):
        part = _USUALLY + (1 - _USUALLY) * number / max(1, len(profiles) - 1)
        part = part if len(profiles) > 1 else 1.0
        portions.append(
            replace(
                options,
                profile=profile,
                seed=seed,
                turn=number,
                # each operation as it is configured is asked once
                opening=options.opening and number == 0,
                exchanges=None if options.exchanges is None else round(options.exchanges * part),
                seconds=None if options.seconds is None else options.seconds * part,
                examples=_of_examples(options.examples, number, len(profiles)),
            )
        )
    return portions


def _of_examples(examples: int | None, number: int, profiles: int) -> int | None:
    if examples is None or profiles == 1:
        return examples
    usual = round(examples * _USUALLY)
    return usual if number == 0 else max(1, (examples - usual) // (profiles - 1))


def fuzz_stage(
    config: Config,
    knowledge: Knowledge,
    census: Census,
    stage: Stage,
    database: str,
    options: FuzzOptions,
    listener: FuzzListener,
    report: FuzzReport | None = None,
    reach: BranchReach | None = None,
) -> FuzzReport:
    """Fuzzes two stacks that are up; they and their databases can be used again.

    A report of other profiles is gone on with.
    """
    paths = {Side.LEGACY: config.documents.legacy, Side.PORTED: config.documents.ported}
    documents = [
        read_document(world, path)
        for world in (stage.ported, stage.legacy)
        if (path := paths[world.side]) is not None
    ]
    catalogue = catalogues.build(knowledge, census.operations, shapes(documents, census.operations))
    drawn = wanted(catalogue, options.operations)
    number = options.seed if options.seed is not None else random.SystemRandom().randrange(2**32)
    labels = tuple(sorted((one.label for one in drawn), key=lambda label: label.split()[::-1]))
    report = report or FuzzReport(config.name, database, number, labels)
    report.guided = reach is not None
    listener.message(f"{len(drawn)} operations, seed {number}{', guided' if reach else ''}")
    theatre = Theatre(
        stage, rules_toml.load(config.rules, database), CensusMatcher(census.operations), catalogue
    )
    accepted = waivers_toml.load(config.waivers)
    seeds = random.Random(number + options.turn)
    corpus = Corpus(catalogue, random.Random(seeds.randrange(2**63)), reach or ReplyReach())
    run = FuzzSession(config, options, theatre, accepted, report, listener, corpus)
    users = tuple(config.users)
    # by turns: drills, examples about everything, drills, examples about one corner
    kinds = cycle(machine(drawn, catalogue, users, run, corners) for corners in (False, True))
    deck = drills(drawn, catalogue, random.Random(seeds.randrange(2**63)))
    left = options.examples
    if options.opening:
        run.open(drawn)
    corpus.promising.clear()
    while not run.is_over and (left is None or left > 0):
        for turn, drill in enumerate(islice(deck, _DRILLS), 1):
            run.drill(drill)
            if reach is not None:
                for _ in range(_GUIDED):
                    run.drill_if_any(corpus.next())
            if turn % _EXTENDED == 0:
                run.drill_if_any(corpus.extended())
        some = _ROUND if left is None else min(left, _ROUND)
        run.skip = True
        play(next(kinds), seeds.randrange(2**63), some + 1, options.steps)
        left = None if left is None else left - some
    if not run.is_over:
        run.pause()
    if run.error is not None and not isinstance(run.error, Enough):
        raise run.error
    return report


def read_document(world: World, path: str) -> Json:
    reply = world.send(Request("GET", path))
    try:
        if reply.status == 200:
            return json.loads(reply.body)
    except ValueError:
        pass
    raise ParityError(
        f"the {world.side} stack does not describe itself at {path} ({reply.status or reply.error}); "
        "[documents] of the configuration names the paths"
    )


def wanted(catalogue: Catalogue, globs: Sequence[str]) -> list[FuzzOperation]:
    """The operations that match any of the globs; all when there are none."""
    matches = [
        operation
        for label, operation in catalogue.operations.items()
        if not globs or any(operation_matches(glob, label) for glob in globs)
    ]
    if not matches:
        raise ParityError(
            f"no operation matches {', '.join(globs)}; they are written as `GET /case/<int:idx>/`"
        )
    return matches
