"""The small pair as an assembly, for tests of the command line: `tests.bridge.pair_assembly:assemble`."""

import os
import sys
from dataclasses import replace

from legacy_bridge.assembly import Assembly, Proof
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
