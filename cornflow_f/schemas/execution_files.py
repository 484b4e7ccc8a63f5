"""The archive of an execution's files. Source: the legacy's ``schemas/execution.py``."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel

from cornflow_f.constants import ExecutionFiles
from cornflow_f.validation.marshmallow import Int, RequestModel, refuse


def _known(value: int) -> int:
    if value not in set(ExecutionFiles):
        raise refuse("Invalid value.")
    return value


class ExecutionFilesForm(RequestModel):
    """The fields beside the archive itself, `execution_file`."""

    execution_files_status: Annotated[Int, AfterValidator(_known)]


class ExecutionFilesMissing(BaseModel):
    """Why there is no archive; `status` is one of the numbers of ExecutionFiles."""

    status: int | None = None
    error: str
