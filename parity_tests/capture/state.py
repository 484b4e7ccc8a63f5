"""Where a replay stopped, so that the next run goes on there: `--state FILE` and the folder beside it.

With databases of our own that are SQLite files, a checkpoint is a copy of both: whatever kills the
replay, the next one goes on from the last checkpoint as if nothing had been sent since. Of other
databases there is no copy: what was under way when the process was killed is left out, and told.
"""

from __future__ import annotations

import pickle
import secrets
import shutil
import sqlite3
import time
from pathlib import Path

from parity_core import private
from parity_core.model import ParityError
from parity_tests.capture.store import ReplayStore
from parity_tests.capture.tally import ReplayTally

_SECONDS = 60.0
_EXCHANGES = 5000
"""Between two checkpoints, whichever comes first."""


class State:
    """`file` None: nothing outlives the run, in `scratch`."""

    def __init__(self, file: Path | None, scratch: Path, with_copies: bool) -> None:
        self.is_kept = file is not None
        self._copies = with_copies and self.is_kept
        path = file if file is not None else scratch / "replay.state"
        try:
            self.store = ReplayStore(path)
        except sqlite3.DatabaseError as error:
            raise ParityError(f"{path} is no state of a replay ({error}): choose another") from None
        self.folder = path.with_name(f"{path.name}.d") if self.is_kept else scratch
        self.live = self.folder / "live" if self.is_kept else scratch
        private.make_folder(self.folder)
        private.make_folder(self.live)
        self.position = int(self.store.fact("position") or 0)
        self._at = self.position
        self._when = time.monotonic()
        self._findings = 0
        """How many are in the file."""

    @property
    def goes_on(self) -> bool:
        # without copies, what was under way must not be sent twice, not even the first of all
        return self.position > 0 or (not self._copies and bool(self.store.fact("under_way")))

    def check(self, **facts: str) -> None:
        """The same capture, the same kind of run; on the first time they are remembered."""
        for name, value in facts.items():
            before = self.store.fact(name)
            if before is None or not self.goes_on:
                self.store.set_fact(name, value)
            elif before != value:
                raise ParityError(
                    f"the state is that of another {name} ({before}, not {value}): give another "
                    "--state, or remove the file and its folder to start anew"
                )

    def prefix(self) -> str:
        """Of databases on a server: the same in the next run."""
        stored = self.store.fact("prefix")
        if stored is None:
            stored = f"parity_{secrets.token_hex(4)}"
            self.store.set_fact("prefix", stored)
            self.store.commit()
        return str(stored)

    def recover(self, tally: ReplayTally) -> list[str]:
        """Brings databases and counts back to where the last run stopped; says what is to be known."""
        if not self.goes_on:
            shutil.rmtree(self.live, ignore_errors=True)
            private.make_folder(self.live)
            return []
        if (counts := self.store.fact("tally")) is not None:
            tally.thaw(counts)
        while (frozen := self.store.fact(f"finding {self._findings}")) is not None:
            tally.report.findings.append(pickle.loads(frozen))
            self._findings += 1
        notes = [f"goes on after {self.position} exchanges of an earlier run"]
        if self._copies:
            slot = self.folder / str(self.store.fact("slot"))
            shutil.rmtree(self.live)
            shutil.copytree(slot, self.live)
        else:
            under_way = int(self.store.fact("under_way") or 0)
            if under_way > self.position:
                count = under_way - self.position
                notes.append(
                    f"{count} exchanges were under way when the earlier run was killed: they are left "
                    "out, and what they wrote on one side only shows as differences"
                )
                tally.skipped["under way when the earlier run was killed"] += count
                self.position = under_way
        self._at = self.position
        return notes

    def before(self, last: int) -> None:
        """Exchanges up to `last` are about to be sent."""
        if self.is_kept and not self._copies:
            self.store.set_fact("under_way", last)
            self.store.commit()

    def after(
        self, last: int, tally: ReplayTally, databases: dict[str, Path], *, end: bool
    ) -> None:
        """They are done and compared; nothing is under way."""
        self.position = last
        due = last - self._at >= _EXCHANGES or time.monotonic() - self._when >= _SECONDS
        if (not self.is_kept or self._copies) and not due and not end:
            return
        self.store.set_fact("position", last)
        self.store.set_fact("tally", tally.freeze())
        for finding in tally.report.findings[self._findings :]:
            self.store.set_fact(f"finding {self._findings}", pickle.dumps(finding))
            self._findings += 1
        if self._copies:
            self._copy(databases)
        self.store.commit()
        self._at, self._when = last, time.monotonic()

    def _copy(self, databases: dict[str, Path]) -> None:
        slot = "b" if self.store.fact("slot") == "a" else "a"
        folder = self.folder / slot
        shutil.rmtree(folder, ignore_errors=True)
        private.make_folder(folder)
        for name, path in databases.items():
            target = folder / f"{name}.db"
            private.make_database(target)
            source, copy = sqlite3.connect(path), sqlite3.connect(target)
            try:
                source.backup(copy)
            finally:
                source.close()
                copy.close()
        self.store.set_fact("slot", slot)

    def done(self) -> None:
        """The capture has been replayed to its end: only the file stays, which says so."""
        self.store.set_fact("done", 1)
        self.store.commit()
        if self.is_kept:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def is_done(self) -> bool:
        return bool(self.store.fact("done"))

    def close(self) -> None:
        self.store.close()
