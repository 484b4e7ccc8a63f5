"""A run's results as a file of JSON lines, one appended when a mutant is done: a run that dies goes on there."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parity_core import private
from parity_core.model import ParityError
from parity_tests.mutants.generated.model import GeneratedTrial, MutantFate, from_json, to_json


class MutantLedger:
    """Without a path it keeps nothing. `about` must be the same for a run that goes on."""

    def __init__(self, path: Path | None, about: Mapping[str, Any]) -> None:
        self.path = path
        self.done: dict[str, GeneratedTrial] = {}
        self.earlier: dict[str, GeneratedTrial] = {}
        """Those that are tried again: what other parts made of them still counts."""
        self._lock = threading.Lock()
        if path is None:
            return
        if path.exists() and path.stat().st_size:
            self._read(path, about)
        else:
            private.make_folder(path.parent)
            self._append({"run": dict(about)})

    def _read(self, path: Path, about: Mapping[str, Any]) -> None:
        text = path.read_text(encoding="utf-8")
        if not text.endswith("\n"):
            # the process died while it wrote this line: the mutant is tried again
            text = text[: text.rfind("\n") + 1]
            private.write_text(path, text)
        lines = text.splitlines()
        try:
            first = json.loads(lines[0])["run"]
            if first != dict(about):
                raise ParityError(f"{path} is of another run: {first}; this one is {dict(about)}")
            for line in lines[1:]:
                trial = from_json(json.loads(line))
                self.done[trial.id] = trial
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ParityError(f"{path} is no file of --resume: {error!r}") from None

    def forget_survivors(self) -> None:
        """They are tried again, by the same parts or by others."""
        killed = {k: one for k, one in self.done.items() if one.fate is MutantFate.KILLED}
        self.earlier = {k: one for k, one in self.done.items() if k not in killed}
        self.done = killed

    def add(self, trial: GeneratedTrial) -> GeneratedTrial:
        """Keeps it, with the attempts of an earlier run by other parts; what is kept."""
        before = self.earlier.get(trial.id)
        if before is not None:
            trial.attempts = {**before.attempts, **trial.attempts}
        with self._lock:
            self.done[trial.id] = trial
            if self.path is not None:
                self._append(to_json(trial))
        return trial

    def _append(self, line: Mapping[str, Any]) -> None:
        assert self.path is not None
        with private.open_file(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=True) + "\n")
            file.flush()
            os.fsync(file.fileno())
