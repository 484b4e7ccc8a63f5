"""The data folder of `cutover up`: an SQLite database, its secrets, and what was done with it.

A database appears under its name only when it is complete, so a start that was killed at any moment is
simply repeated.
"""

import fcntl
import hashlib
import json
import os
import secrets
import shlex
import sqlite3
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from parity_core import private

ORCHESTRATOR_NOWHERE = "http://127.0.0.1:9"
"""An address where nothing listens, for a start without an orchestrator."""

ADMIN = "admin"
SERVICE_USER = "service_user"


class DataError(Exception):
    """The folder can't be used; the text says what to do."""


@dataclass(frozen=True)
class Secrets:
    secret_key: str
    secret_bi_key: str
    service_password: str

    @property
    def runner_password(self) -> str:
        """What both stacks tell the embedded runner."""
        return self._derived("runner")

    @property
    def check_password(self) -> str:
        """Of the user that `up --check` solves as; one that passes the application's rules."""
        return f"Aa1!{self._derived('check')}"

    def _derived(self, purpose: str) -> str:
        return hashlib.sha256(f"{purpose} {self.secret_key}".encode()).hexdigest()


class DataFolder:
    """One folder, used by one process at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.database = self.path / "cornflow.db"
        self.report = self.path / "parity.json"
        self.shell_file = self.path / "environment.sh"
        self.runner = self.path / "runner"
        self.runner_log = self.path / "runner.log"
        self._draft = self.path / "cornflow.db.unfinished"
        self._secrets = self.path / "secrets.json"
        self._state = self.path / "state.json"
        self._lock: IO[str] | None = None

    def take(self) -> None:
        """Creates the folder and keeps others out until this process ends, however it ends."""
        try:
            self._make_private()
            self._lock = private.open_file(self.path / ".lock", "w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(
                f"another `cutover up` uses {self.path}: stop it, or choose another folder with --data"
            ) from None
        except OSError as error:
            raise DataError(f"the data folder {self.path} can't be used: {error}") from None

    def _make_private(self) -> None:
        """Also what an earlier version has left open to others."""
        private.make_folder(self.path)
        if self._secrets.exists():
            self.path.chmod(0o700)
            for file in self.path.glob("*"):
                if file.is_file() and file.stat().st_mode & 0o077:
                    file.chmod(0o600)

    def release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def is_seeded(self) -> bool:
        return self.database.exists()

    def secrets(self) -> Secrets:
        """Those of this folder; made, and readable by the owner only, on the first call."""
        if not self._secrets.exists():
            made = {
                "secret_key": secrets.token_urlsafe(48),
                "secret_bi_key": secrets.token_urlsafe(48),
                "service_password": new_password(),
            }
            _write(self._secrets, json.dumps(made, indent=2))
        try:
            return Secrets(**json.loads(self._secrets.read_text()))
        except (ValueError, TypeError) as error:
            raise DataError(
                f"{self._secrets} can't be read ({error}): put it right, or delete {self.path} to "
                "start from nothing"
            ) from None

    def start_draft(self) -> Path:
        """A place for a database that is not complete; what a killed start left there is gone."""
        for leftover in self.path.glob(f"{self._draft.name}*"):
            leftover.unlink()
        private.make_database(self._draft)
        return self._draft

    def finish_draft(self) -> None:
        # Whatever still waits in the write-ahead log belongs into the one file that is renamed.
        connection = sqlite3.connect(self._draft)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        self._draft.replace(self.database)

    def remembered(self) -> dict[str, Any]:
        """What earlier starts did. Empty when nothing usable is there: then it is done again."""
        try:
            state = json.loads(self._state.read_text())
        except (OSError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def remember(self, **facts: Any) -> None:
        _write(self._state, json.dumps({**self.remembered(), **facts}, indent=2))

    def write_shell_file(self, orchestrator: Mapping[str, str]) -> None:
        """What a shell has to source, so that `cutover status` and the like find this database."""
        inherited = os.environ
        lines = [
            f"export {name}={shlex.quote(value)}"
            for name, value in sorted({**self.environment(), **orchestrator}.items())
            if inherited.get(name) != value
        ]
        _write(self.shell_file, "\n".join(lines))

    def environment(self, database: Path | None = None) -> dict[str, str]:
        """The variables both stacks need; what the caller's environment already says of the
        orchestrator and the log stays."""
        known = self.secrets()
        defaults = {
            "FLASK_ENV": "production",
            "CF_ALARMS_ENDPOINT": "1",
            # Whoever can reach this address may try it.
            "SIGNUP_ACTIVATED": "1",
            "AIRFLOW_URL": ORCHESTRATOR_NOWHERE,
            "AIRFLOW_USER": "admin",
            "AIRFLOW_PWD": "admin",
            "LOG_LEVEL": "40",
        }
        return {
            **defaults,
            **os.environ,
            "DATABASE_URL": f"sqlite:///{database or self.database}",
            "SECRET_KEY": known.secret_key,
            "SECRET_BI_KEY": known.secret_bi_key,
            "CORNFLOW_SERVICE_USER": SERVICE_USER,
        }


def new_password() -> str:
    """One that passes the application's rules: lower, upper, digit, special."""
    alphabet = string.ascii_letters + string.digits
    middle = "".join(secrets.choice(alphabet) for _ in range(16))
    return (
        secrets.choice(string.ascii_lowercase)
        + secrets.choice(string.ascii_uppercase)
        + middle
        + secrets.choice(string.digits)
        + secrets.choice("-_.!")
    )


def fingerprint(folders: Iterable[Path]) -> str:
    """Changes when any source file below the folders does."""
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(str(file.relative_to(folder)).encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and for the owner only."""
    draft = path.with_suffix(".unfinished")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
