"""Problems in MPS format, read by PuLP into the JSON its workflow takes."""

import tempfile
from pathlib import Path
from typing import Any

from cornflow_f.errors import InvalidUsage

EXTENSIONS = frozenset(("mps", "lp"))


def is_allowed(filename: str) -> bool:
    """Whether a client's name of a file ends as it should. Nothing else is done with that name."""
    stem, dot, extension = filename.strip("._ \t\r\n").rpartition(".")
    return bool(dot) and bool(stem) and extension.lower() in EXTENSIONS


def read(content: bytes, *, minimize: bool) -> dict[str, Any]:
    """The problem as a JSON document. Raises InvalidUsage."""
    # Half a second, and few ask for it.
    import pulp

    sense = pulp.LpMinimize if minimize else pulp.LpMaximize
    with tempfile.TemporaryDirectory(prefix="cornflow-mps-") as folder:
        file = Path(folder, "problem.mps")
        file.write_bytes(content)
        try:
            _, problem = pulp.LpProblem.fromMPS(str(file), sense=sense)
            document: dict[str, Any] = problem.toDict()
        except Exception as error:
            # PuLP lets whatever a malformed line causes pass through, KeyError and TypeError too.
            raise InvalidUsage(
                "Error reading or parsing the MPS file.", log=f"MPS file refused: {error!r}"
            ) from error
    return document
