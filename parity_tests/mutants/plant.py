"""Reads the planted bugs, checks that each applies, and makes copies of the package with one in it."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from parity_core.model import ParityError
from parity_tests.config import Config
from parity_tests.mutants.model import Mutant

_REQUIRED = {"id", "about", "file", "find", "replace", "operation", "place", "journeys"}
_OPTIONAL = {"kind", "equivalent"}


def load(path: Path, only: Sequence[str] = ()) -> list[Mutant]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ParityError(f"the mutants can not be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ParityError(f"{path}: {error}") from None
    mutants = []
    for number, entry in enumerate(data.get("mutant", ()), 1):
        wrong = (entry.keys() - _OPTIONAL) ^ _REQUIRED
        if wrong:
            raise ParityError(
                f"{path}: mutant {number}: missing or unknown: {', '.join(sorted(wrong))}"
            )
        mutants.append(Mutant(**{**entry, "journeys": tuple(entry["journeys"])}))
    known = [mutant.id for mutant in mutants]
    unknown = set(only) - set(known)
    if unknown:
        raise ParityError(f"no mutant {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if len(set(known)) < len(known):
        raise ParityError(f"{path}: two mutants have the same id")
    found = [mutant for mutant in mutants if not only or mutant.id in only]
    if not found:
        raise ParityError(f"{path} has no mutant")
    return found


def package_folder(config: Config) -> Path:
    """Where the ported package lies, found without importing it."""
    name = config.ported.source
    if not name:
        raise ParityError(f"{config.path}: [ported] source, the package to change, is missing")
    for folder in config.ported.pythonpath:
        if (folder / name).is_dir():
            return folder / name
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ParityError(f"the package {name} is not installed")
    return Path(next(iter(spec.submodule_search_locations)))


def changed(source: Path, mutant: Mutant) -> str:
    """The file's text with the bug in it; the text to find must be there exactly once."""
    file = source.parent / mutant.file
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ParityError(f"mutant {mutant.id}: {error}") from None
    count = text.count(mutant.find)
    if count != 1:
        raise ParityError(
            f"mutant {mutant.id}: its text occurs {count} times in {mutant.file}, must be once:\n"
            f"{mutant.find}"
        )
    if mutant.find == mutant.replace:
        raise ParityError(f"mutant {mutant.id} changes nothing")
    text = text.replace(mutant.find, mutant.replace)
    if mutant.file.endswith(".py"):
        try:
            compile(text, mutant.file, "exec")
        except SyntaxError as error:
            raise ParityError(
                f"mutant {mutant.id}: {mutant.file} is no Python any more: {error}"
            ) from None
    return text


def check(config: Config, mutants: Sequence[Mutant]) -> None:
    problems = []
    source = package_folder(config)
    for mutant in mutants:
        try:
            changed(source, mutant)
        except ParityError as error:
            problems.append(str(error))
    if problems:
        raise ParityError("mutants that do not apply:\n" + "\n".join(problems))


class Garden:
    """Copies of the package as it was when the first was planted, each with one bug in it."""

    def __init__(self, config: Config, folder: Path) -> None:
        self.source = package_folder(config)
        self.beside = config.ported.beside
        self.folder = folder
        self.original = folder / "original" / self.source.name
        # what is compiled stays: all but the file with the bug is still the same
        shutil.copytree(self.source, self.original)

    def plant(self, mutant: Mutant) -> Path:
        """The folder to put first on PYTHONPATH; the mutant before has no folder any more."""
        return self.plant_text(mutant.file, changed(self.original, mutant))

    def plant_text(self, name: str, text: str) -> Path:
        """As `plant`, for the whole text of one file, which is called as in a source tree."""
        place = self.folder / "mutant"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.original, place / self.source.name)
        for link in self.beside:
            (place / link).symlink_to(self.source.parent / link)
        file = place / name
        file.write_text(text, encoding="utf-8")
        for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
            compiled.unlink()
        return place
