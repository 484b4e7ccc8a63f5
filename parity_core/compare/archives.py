"""What is in a zip archive: two with the same members are equal, whenever they were packed. Pure."""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import Any

_MAGIC = b"PK\x03\x04", b"PK\x05\x06"
_MOST = 200_000_000
"""Bytes, unpacked, of an archive that is looked into."""


def archive_members(body: bytes) -> list[dict[str, Any]] | None:
    """Name, size, digest and kind of each member, in the archive's order; None when it is no archive."""
    if not body.startswith(_MAGIC):
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            infos = archive.infolist()
            if sum(one.file_size for one in infos) > _MOST:
                return None
            return [
                {
                    "name": one.filename,
                    "bytes": one.file_size,
                    "sha256": hashlib.sha256(archive.read(one)).hexdigest(),
                    "method": one.compress_type,
                    "mode": one.external_attr >> 16,
                    "comment": one.comment.decode("latin-1"),
                }
                for one in infos
            ]
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError, ValueError):
        return None
