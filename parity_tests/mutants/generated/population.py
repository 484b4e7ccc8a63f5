"""Which mutants there are: of the files that the configuration names; a sample; those marked as equivalent."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parity_core.files.read import read_toml
from parity_core.model import ParityError
from parity_tests.mutants.generated import make
from parity_tests.mutants.generated.make import Generated
from parity_tests.mutants.mutants_toml import MutantsFile


@dataclass(frozen=True)
class GeneratedSettings:
    """`[generated]` of the file of mutants."""

    files: tuple[str, ...]
    """Globs below the folder that the package lies in: `shop/services/*.py`."""
    skip_calls: tuple[str, ...] = ()
    """Statements that call one of these, and decorators, are left alone: `logger.*`."""
    equivalent: Path | None = None
    tests: tuple[str, ...] = ()
    """The command of the unit tests; `{tests}` stands for the files that are run."""
    test_files: tuple[str, ...] = ()
    """Globs of the files that are chosen from."""
    tests_beside: tuple[str, ...] = ()
    """What the tests expect beside the package's folder: copied beside the mutant, where they are run."""


def settings(path: Path) -> GeneratedSettings:
    table = read_toml(path, MutantsFile).generated
    if table is None:
        raise ParityError(f"{path} has no [generated] table, which names the files to change")
    return GeneratedSettings(
        table.files,
        table.skip_calls,
        path.parent / table.equivalent if table.equivalent else None,
        table.tests,
        table.test_files,
        table.tests_beside,
    )


def equivalents(path: Path | None) -> dict[str, str]:
    """Id → why it changes nothing that a client or an operator can observe."""
    if path is None or not path.exists():
        return {}
    marked: dict[str, str] = {}
    for entry in _toml(path).get("mutant", ()):
        if entry.keys() != {"id", "reason"} or not str(entry["reason"]).strip():
            raise ParityError(f"{path}: an entry has an id and a reason, nothing else: {entry}")
        if entry["id"] in marked:
            raise ParityError(f"{path}: {entry['id']} is marked twice")
        marked[entry["id"]] = entry["reason"]
    return marked


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ParityError(f"the mutants can not be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ParityError(f"{path}: {error}") from None


def load(source: Path, wanted: GeneratedSettings) -> list[Generated]:
    """All mutants of the package's files, by file and place. ParityError when no file matches."""
    folder = source.parent
    files = sorted({path for glob in wanted.files for path in folder.glob(glob)})
    if not files:
        raise ParityError(f"no file matches {', '.join(wanted.files)} in {folder}")
    result: list[Generated] = []
    for path in files:
        name = path.relative_to(folder).as_posix()
        result += make.mutants(name, path.read_text(encoding="utf-8"), wanted.skip_calls)
    return result


def sample(population: Sequence[Generated], count: int, seed: int) -> list[Generated]:
    """The same for the same seed; a file that changes elsewhere changes few of them."""
    return sorted(population, key=lambda one: _lot(one, seed))[:count]


def _lot(one: Generated, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{one.id}".encode()).digest()


def only(population: Sequence[Generated], ids: Sequence[str]) -> list[Generated]:
    known = {one.id: one for one in population}
    if unknown := [one for one in ids if one not in known]:
        raise ParityError(f"no generated mutant {', '.join(unknown)}")
    return [known[one] for one in ids]


def vanished(marked: Mapping[str, str], population: Sequence[Generated]) -> list[str]:
    return sorted(marked.keys() - {one.id for one in population})
