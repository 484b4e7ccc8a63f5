"""`/execution/files/…`. Source: the legacy's ``endpoints/execution.py``, ExecutionFilesEndpoint."""

import time
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.responses import FileResponse, JSONResponse, Response

from cornflow_f.constants import ExecutionFiles
from cornflow_f.errors import InvalidUsage
from cornflow_f.schemas.common import ErrorReply, HttpErrorReply, Message
from cornflow_f.schemas.execution_files import ExecutionFilesForm, ExecutionFilesMissing
from cornflow_f.services import execution_files
from cornflow_f.views.common import guarded_router
from cornflow_f.web.attachment import attachment
from cornflow_f.web.deps import SessionDep, SettingsDep
from cornflow_f.web.forms import first_values, form_messages, read_form, uploaded
from cornflow_f.web.guards import AccessDep


async def _require_active(settings: SettingsDep) -> None:
    execution_files.require_active(settings)


router = guarded_router("Executions")
_ACTIVE = [Depends(_require_active)]
_INACTIVE: dict[int | str, dict[str, Any]] = {501: {"model": ErrorReply}}
_ZIP = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}
_ARCHIVE: dict[int | str, dict[str, Any]] = {
    200: {"content": _ZIP, "description": "The archive"},
    206: {"content": _ZIP, "description": "The part of it that `Range` asks for"},
    304: {"description": "The client has it already"},
    400: {"model": ExecutionFilesMissing},
    412: {"content": _ZIP, "description": "The archive, although `If-Match` names another"},
    416: {"model": HttpErrorReply, "description": "It has no such part"},
}


class _Upload:
    """What a worker sends: fields of a form or of the query, and a file."""

    def __init__(self, values: dict[str, Any], file: UploadFile | None) -> None:
        try:
            form = ExecutionFilesForm.model_validate(values)
        except ValidationError as error:
            # legacy-5xx: the legacy fails (marshmallow's ValidationError outside of webargs).
            raise InvalidUsage(str(form_messages(error))) from error
        self.status = ExecutionFiles(form.execution_files_status)
        self.file = file


async def _read_upload(request: Request) -> _Upload:
    form = await read_form(request)
    # parity: a value in the query counts before one in the form (werkzeug, Request.values)
    values = {**first_values(form), **request.query_params}
    return _Upload(values, uploaded(form, "execution_file"))


@router.get(
    "/execution/files/{idx}/",
    name="execution-files",
    response_class=FileResponse,
    responses={**_ARCHIVE, **_INACTIVE},
    dependencies=_ACTIVE,
)
async def get_files(
    idx: str, request: Request, session: SessionDep, settings: SettingsDep, access: AccessDep
) -> Response:
    archive = await execution_files.find(session, settings, access, idx)
    words = execution_files.MESSAGES[archive.status]
    if archive.path is None:
        return JSONResponse({"status": int(archive.status), "error": words}, 400)
    name = f"{archive.name}_{time.strftime('%Y%m%d-%H%M%S')}.zip"
    headers = {"X-Message": words, "X-Status-Code": "200"}
    return await attachment(request, archive.path, name, "application/zip", headers)


@router.post(
    "/execution/files/{idx}/",
    name="execution-files",
    response_model=Message,
    responses=_INACTIVE,
    dependencies=_ACTIVE,
    openapi_extra={
        "requestBody": {
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["execution_files_status"],
                        "properties": {
                            "execution_files_status": {
                                "type": "integer",
                                "enum": sorted(map(int, ExecutionFiles)),
                            },
                            "execution_file": {"type": "string", "format": "binary"},
                        },
                    }
                }
            }
        }
    },
)
async def save_files(
    idx: str,
    upload: Annotated[_Upload, Depends(_read_upload)],
    session: SessionDep,
    settings: SettingsDep,
    access: AccessDep,
) -> Message:
    file = upload.file
    name, content = (file.filename, file.file) if file is not None else (None, None)
    await execution_files.store(session, settings, access, idx, upload.status, name, content)
    saved = "Execution files" if upload.status is ExecutionFiles.OK else "Execution files status"
    return Message(message=f"{saved} saved correctly")


@router.delete(
    "/execution/files/cleanup/",
    name="execution-files-cleanup",
    response_model=Message,
    responses=_INACTIVE,
    dependencies=_ACTIVE,
)
async def clean_up(session: SessionDep, settings: SettingsDep, access: AccessDep) -> Message:
    deleted = await execution_files.clean_up(session, settings, access)
    if deleted is None:
        return Message(message="No execution files found")
    return Message(message=f"{deleted} files were deleted.")
