"""A file is written whole or not at all: what was there stays until the new one is complete."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from parity_core import private
from parity_core.model import ParityError


def save(file: Path, content: str | bytes) -> None:
    """Writes beside the file, then renames. ParityError, with words, when that fails.

    Half a surrogate pair, which no encoding has, becomes its escape: `\\udc80`.
    """
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
    try:
        if file.exists() and not file.is_file():
            # a pipe or a device: nothing to rename over
            file.write_bytes(raw)
            return
        target = file.resolve()  # a link stays one
        beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        try:
            with private.open_file(beside, "xb") as stream:
                stream.write(raw)
                stream.flush()
                os.fsync(stream.fileno())
            if target.exists():
                beside.chmod(target.stat().st_mode & 0o7777)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        why = error.strerror or str(error)
        raise ParityError(f"{file} could not be written: {why}") from None


def save_and_show(file: Path | None, render: Callable[[], str], show: Callable[[], None]) -> None:
    """The file first, for showing may fail; and it is shown, though the file may not be written."""
    try:
        if file is not None:
            save(file, render())
    finally:
        show()
