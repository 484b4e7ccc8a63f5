"""Patches whose steps depend on each other, and what is read after each. Pure."""

from __future__ import annotations

from dataclasses import replace

from parity_tests.fuzz.draw.draft import Ref, Wish, plain
from parity_tests.fuzz.draw.filled import fields
from parity_tests.fuzz.draw.json_patch import is_patch, patches
from parity_tests.fuzz.drills.distribution import (
    READS,
    Distribution,
    Drill,
    aimed,
    kinds_of,
    members,
)

_CHUNK = 4


def patch_chains(distribution: Distribution) -> list[Drill]:
    """For each field of which an example is a JSON Patch, or which is called like one that is."""
    drills: list[Drill] = []
    for one in distribution.operations:
        patched = [
            name for body in one.examples for name, example in body.items() if is_patch(example)
        ]
        if not patched or not kinds_of(one):
            continue
        suffix = patched[0].rpartition("_")[2]
        for name in [name for name in fields(one) if name.endswith(suffix)]:
            kind = kinds_of(one)[0]
            draft = replace(plain(one), path=aimed(one, Ref(kind, Wish.MINE), kind))
            chains = patches()
            distribution.rng.shuffle(chains)
            for at in range(0, len(chains), _CHUNK):
                drill: Drill = []
                for chain in chains[at : at + _CHUNK]:
                    body = {name: chain}
                    if distribution.rng.random() < 0.25:
                        body = {**members(one.examples[0]), name: chain}
                    drill.append((one, replace(draft, body=body)))
                drills.append(drill + distribution.read([kind], Wish.MINE, draft.user, READS))
    return drills
