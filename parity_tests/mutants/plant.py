"""Reads the planted bugs, checks that each applies, and makes copies of the package with one in it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from parity_core.files.read import read_toml
from parity_core.files.sentence import nearest
from parity_core.model import ParityError
from parity_tests.config import Config
from parity_tests.mutants.model import Mutant
from parity_tests.mutants.mutants_toml import MutantsFile


def load(path: Path, only: Sequence[str] = (), group: str = "") -> list[Mutant]:
    """Those of `only`, whatever their group; without it those of the group, as a rule the one without a name.

    Raises ParityError: one sentence with the file, the line and the key that is wrong.
    """
    mutants = [Mutant(**one.model_dump()) for one in read_toml(path, MutantsFile).mutant]
    known = [mutant.id for mutant in mutants]
    for name in only:
        if name not in known:
            raise ParityError(f"{path} has no mutant {name}{nearest(name, known)}")
    chosen = [one for one in mutants if (one.id in only if only else one.group == group)]
    if not chosen:
        groups = {one.group for one in mutants if one.group}
        what = f" in the group {group}{nearest(group, groups)}" if group else ""
        raise ParityError(f"{path} has no mutant{what}")
    return chosen


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
            if not (self.source.parent / link).exists():
                continue  # an installed package may carry it inside
            (place / link).symlink_to(self.source.parent / link)
        file = place / name
        file.write_text(text, encoding="utf-8")
        for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
            compiled.unlink()
        return place
