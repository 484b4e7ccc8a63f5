"""The files a run leaves: one archive per execution in `EXECUTION_FILES_PATH`.

Source: ``endpoints/execution.py``, ExecutionFilesEndpoint and ExecutionFilesCleanupEndpoint.
"""

import asyncio
import logging
import os
import shutil
import zipfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f import shadowing
from cornflow_f.config import Settings
from cornflow_f.constants import ExecutionFiles
from cornflow_f.database.clock import database_now
from cornflow_f.errors import EndpointNotImplemented, InvalidUsage
from cornflow_f.identity import Access
from cornflow_f.models import Execution
from cornflow_f.services import execution as execution_service
from cornflow_f.services import owned

logger = logging.getLogger(__name__)

MESSAGES = {
    ExecutionFiles.NOT_GENERATED: "The output files were not generated for this execution",
    ExecutionFiles.ERROR: "The generation of the execution files failed. Please contact support.",
    ExecutionFiles.DELETED: "The requested files have been deleted. Please wait while they are generated again.",
    ExecutionFiles.NOT_UP_TO_DATE: "The requested files are not up-to-date. Please wait while they are generated again.",
    ExecutionFiles.OK: "The files were generated successfully.",
}
_FOLDER = "the folder of execution files"
_SUFFIX = ".zip"
_IDS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Archive:
    """The archive of an execution; without a path there is none, and `status` tells why."""

    status: ExecutionFiles
    name: str
    path: Path | None = None


def require_active(settings: Settings) -> None:
    if not settings.execution_files:
        raise EndpointNotImplemented("Execution files are not active for this deployment")


async def find(session: AsyncSession, settings: Settings, access: Access, idx: str) -> Archive:
    columns = (Execution.name, Execution.execution_files_status)
    row = await owned.get(session, Execution, access, idx, columns)
    status = ExecutionFiles(row.execution_files_status)
    if status is not ExecutionFiles.OK:
        return Archive(status, row.name)
    path = _path(settings, idx)
    if not await asyncio.to_thread(path.exists):
        await _save_status(session, idx, ExecutionFiles.DELETED)
        return Archive(ExecutionFiles.DELETED, row.name)
    return Archive(status, row.name, path)


async def store(
    session: AsyncSession,
    settings: Settings,
    access: Access,
    idx: str,
    status: ExecutionFiles,
    name: str | None,
    file: BinaryIO | None,
) -> None:
    """Keeps the archive that a worker sends, or the reason why it sends none."""
    await owned.get(session, Execution, access, idx, (Execution.id,))
    if status is ExecutionFiles.OK:
        if file is None or name is None:
            raise InvalidUsage("Execution file status was 'OK' but not file was provided.")
        shadowing.require_world(_FOLDER)
        await asyncio.to_thread(_write, _path(settings, idx), name, file)
    await _save_status(session, idx, status)


def _path(settings: Settings, idx: str) -> Path:
    # The id is that of a row: it can't lead out of the folder.
    return settings.execution_files_path / f"{idx}{_SUFFIX}"


def _write(path: Path, name: str, file: BinaryIO) -> None:
    if not name.lower().endswith(_SUFFIX) or not zipfile.is_zipfile(file):
        raise InvalidUsage("The execution file must be a valid .zip file")
    file.seek(0)
    # of all users, so for nobody else on this machine, whatever the umask is
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Whole or not at all: a reader never gets half an archive.
    unfinished = path.with_name(f".{path.name}.part")
    with open(unfinished, "wb", opener=_for_the_owner) as target:
        shutil.copyfileobj(file, target)
    unfinished.replace(path)


def _for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


async def _save_status(session: AsyncSession, idx: str, status: ExecutionFiles) -> None:
    await execution_service.save(session, idx, execution_files_status=int(status))


async def clean_up(session: AsyncSession, settings: Settings, access: Access) -> int | None:
    """Deletes archives of old or unknown executions; how many, or None when there is no folder."""
    if settings.execution_files_cleanup_frequency == 0:
        raise EndpointNotImplemented("Execution files cleanup is deactivated server-side.")
    folder = settings.execution_files_path
    if not await asyncio.to_thread(folder.exists):
        return None
    paths = await asyncio.to_thread(lambda: sorted(folder.iterdir()))
    oldest = database_now() - timedelta(days=settings.execution_files_cleanup_frequency)
    deleted = 0
    for start in range(0, len(paths), _IDS_AT_ONCE):
        # parity: whatever lies in the folder is taken for an archive
        by_id = {path.name.replace(_SUFFIX, ""): path for path in paths[start:][:_IDS_AT_ONCE]}
        statement = select(Execution.id, Execution.updated_at).where(
            Execution.id.in_(by_id), *access.conditions(Execution)
        )
        changed = {row.id: row.updated_at for row in await session.execute(statement)}
        for idx, path in by_id.items():
            if idx in changed and changed[idx] > oldest:
                continue
            shadowing.require_world(_FOLDER)
            if await asyncio.to_thread(_removed, path):
                deleted += 1
                if idx in changed:
                    await _save_status(session, idx, ExecutionFiles.DELETED)
    return deleted


def _removed(path: Path) -> bool:
    try:
        path.unlink()
    except OSError as error:
        logger.error("Error deleting execution file %s: %s", path.name, error)
        return False
    return True
