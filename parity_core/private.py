"""Files and folders that hold data or keys: for their owner alone (0600, 0700), whatever the umask is.

What exists keeps its mode: somebody may have shared it on purpose.
"""

import os
from pathlib import Path
from typing import IO, Any

_FILE, _FOLDER = 0o600, 0o700


def make_folder(path: Path) -> None:
    """With its parents, where they are missing. Raises OSError."""
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=_FOLDER, exist_ok=True)


def open_file(path: Path, mode: str, **options: Any) -> IO[Any]:
    """As `open`; a new file is the owner's. Raises OSError."""
    return open(path, mode, opener=_opener, **options)


def write_text(path: Path, text: str) -> None:
    """UTF-8. Raises OSError."""
    with open_file(path, "w", encoding="utf-8") as file:
        file.write(text)


def make_database(path: Path) -> None:
    """An empty file for SQLite, unless there is one. Its log and its index get the same mode from SQLite.

    Where that is not possible SQLite itself will say why. A file that is there is never opened: to close it
    would take away all locks of this process's connections to it (POSIX), and writes would be lost.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, _FILE))
    except OSError:
        return


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags, _FILE)
