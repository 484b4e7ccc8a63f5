"""The small pair as an assembly, for tests of the command line: `tests.bridge.pair_assembly:assemble`."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import AsyncMock

from sqlalchemy import Table

from legacy_bridge.assembly import Assembly, Proof
from legacy_bridge.operations.operation import Operation, Stack
from legacy_bridge.shadow.contract import ClientExchange, ComparisonStage
from legacy_bridge.shadow.limits import Limits
from legacy_bridge.shadow.rows.recording import Recording
from legacy_bridge.shadow.verdict import Comparer, PairOutcome, PairVerdict, Reason
from tests.bridge.pair import PORTED, Ported, flask_app, pair_rules, ported_app


def assemble() -> Assembly:
    app = flask_app()
    return Assembly(
        ported=ported_app(),
        ported_operations=PORTED,
        wsgi=app,
        rules=pair_rules(app),
        database_url=os.environ["PAIR_DATABASE_URL"],
    )


def assemble_badly() -> Assembly:
    good = assemble()
    return Assembly(
        ported=good.ported,
        ported_operations=[*PORTED, Ported("GET", "/new/")],
        wsgi=good.wsgi,
        rules=good.rules,
        database_url=good.database_url,
    )


def assemble_nothing() -> None:
    return None


def assemble_for_the_end() -> Assembly:
    """Something is left, and the proof ends as PROOF_CODE says."""

    async def leftovers() -> list[str]:
        return ["a row of the tests"]

    program = "import os, sys; print('the proof ran with', *sys.argv[1:]); sys.exit(int(os.environ['PROOF_CODE']))"
    proof = Proof((sys.executable, "-c", program))
    return replace(assemble(), leftovers=leftovers, proof=proof)


def assemble_for_comparisons() -> Assembly:
    """Each process that makes the comparer writes a line in NOTES: whether its legacy is in process."""

    def comparer(in_process: bool, limits: Limits) -> Comparer:
        _note(f"{os.getpid()} {in_process} {limits.share}")
        return AsyncMock()

    return replace(assemble(), comparer=comparer)


def _note(line: str) -> None:
    with Path(os.environ["NOTES"]).open("a") as notes:
        notes.write(f"{line}\n")


class NotingComparer:
    """Compares nothing, and writes into NOTES in which process it should have, and with which legacy."""

    def __init__(self, in_process: bool) -> None:
        self._in_process = in_process

    def watch(self) -> None: ...

    def tables(self) -> dict[str, Table]:
        return {}

    async def startup(self, stage: ComparisonStage) -> None: ...

    async def shutdown(self) -> None: ...

    async def ready(self) -> None: ...

    def refuses(self, operation: Operation, compared: Stack, method: str) -> Reason | None:
        return None

    def repeatable(self, operation: Operation, method: str) -> bool:
        return True

    async def compare(self, exchange: ClientExchange, recording: Recording) -> PairOutcome:
        _note(f"{os.getpid()} {self._in_process} {exchange.operation}")
        return PairOutcome(PairVerdict.SAME, status=200)


def assemble_for_pairs() -> Assembly:
    return replace(assemble(), comparer=lambda in_process, _: NotingComparer(in_process))
