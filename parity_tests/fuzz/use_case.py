"""The use case: draws sequences, plays them on both stacks, shrinks what differs. Prints nothing."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from contextlib import closing
from itertools import cycle, islice

from parity_core.compare.places import operation_matches
from parity_core.files import rules_toml, waivers_toml
from parity_core.files.sentence import nearest
from parity_core.model import Json, ParityError, Request
from parity_tests.config import Config
from parity_tests.fuzz import catalogue as catalogues
from parity_tests.fuzz.catalogue import Catalogue, Knowledge, Operation
from parity_tests.fuzz.documents import shapes
from parity_tests.fuzz.drills.drills import drills
from parity_tests.fuzz.machine import Enough, machine, play
from parity_tests.fuzz.report import FuzzReport
from parity_tests.fuzz.scene import Theatre
from parity_tests.fuzz.session import FuzzListener, FuzzOptions, Session
from parity_tests.journeys.model import Profile
from parity_tests.operations import Census, Matcher
from parity_tests.stage import databases
from parity_tests.stage.services import registry
from parity_tests.stage.stage import Stage, World, open_stage
from parity_tests.stage.workplace import load_census, workplace

__all__ = ["FuzzListener", "FuzzOptions", "fuzz", "fuzz_stage"]

_ROUND = 3
"""Examples of one Hypothesis run; a longer fuzz is many, each with a seed of its own."""
_DRILLS = 12
"""Between two of them; these cost about as many requests."""


def fuzz(config: Config, options: FuzzOptions, listener: FuzzListener) -> FuzzReport:
    knowledge = catalogues.load(config.fuzz)
    if options.profile not in knowledge.profiles:
        near = nearest(options.profile, knowledge.profiles)
        raise ParityError(f"{config.fuzz} has no profile {options.profile}{near}")
    chosen = knowledge.profiles[options.profile]
    profile = Profile(
        tuple(sorted({**dict(chosen.settings), **dict(options.settings)}.items())),
        chosen.services,
    )
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
            listener.say(f"seeding a {made.name} database")
            made.seed(config)
            listener.say(f"starting both stacks: {profile}")
            with open_stage(config, profile, made, "fuzz", folder) as stage:
                return fuzz_stage(config, knowledge, census, stage, made.name, options, listener)


def fuzz_stage(
    config: Config,
    knowledge: Knowledge,
    census: Census,
    stage: Stage,
    database: str,
    options: FuzzOptions,
    listener: FuzzListener,
) -> FuzzReport:
    """Fuzzes two stacks that are up; they and their databases can be used again."""
    documents = [
        read_document(world, knowledge.documents[world.side])
        for world in (stage.ported, stage.legacy)
        if world.side in knowledge.documents
    ]
    catalogue = catalogues.build(knowledge, census.operations, shapes(documents, census.operations))
    drawn = wanted(catalogue, options.operations)
    number = options.seed if options.seed is not None else random.SystemRandom().randrange(2**32)
    labels = tuple(sorted((one.label for one in drawn), key=lambda label: label.split()[::-1]))
    report = FuzzReport(config.name, database, number, labels)
    listener.say(f"{len(drawn)} operations, seed {number}")
    theatre = Theatre(
        stage, rules_toml.load(config.rules, database), Matcher(census.operations), catalogue
    )
    accepted = waivers_toml.load(config.waivers)
    run = Session(config, options, theatre, accepted, report, listener)
    users = tuple(config.users)
    # by turns: drills, examples about everything, drills, examples about one corner
    kinds = cycle(machine(drawn, catalogue, users, run, corners) for corners in (False, True))
    seeds = random.Random(number)
    deck = drills(drawn, catalogue, random.Random(seeds.randrange(2**63)))
    left = options.examples
    if options.opening:
        run.open(drawn)
    while not run.is_over and (left is None or left > 0):
        for drill in islice(deck, _DRILLS):
            run.drill(drill)
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
        "[documents] of the fuzz file names the paths"
    )


def wanted(catalogue: Catalogue, globs: Sequence[str]) -> list[Operation]:
    """The operations that match any of the globs; all when there are none."""
    found = [
        operation
        for label, operation in catalogue.operations.items()
        if not globs or any(operation_matches(glob, label) for glob in globs)
    ]
    if not found:
        raise ParityError(
            f"no operation matches {', '.join(globs)}; they are written as `GET /case/<int:idx>/`"
        )
    return found
