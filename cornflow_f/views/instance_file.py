"""`/instancefile/`. Source: the legacy's ``endpoints/instance.py``, InstanceFileEndpoint."""

from typing import Any

from starlette.requests import Request

from cornflow_f.schemas.instance import InstanceDetail, InstanceFileForm
from cornflow_f.services import instance as instance_service
from cornflow_f.services import instance_file
from cornflow_f.views.common import guarded_router
from cornflow_f.web import forms
from cornflow_f.web.deps import SessionDep, UserDep

router = guarded_router("Instances")

_FORM = {
    "type": "object",
    "required": ["name", "description", "file"],
    "properties": {
        "name": {"type": "string"},
        "description": {"type": "string"},
        "minimize": {"type": "boolean", "default": True},
        "file": {"type": "string", "format": "binary", "description": "A problem in MPS format"},
    },
}


@router.post(
    "/instancefile/",
    name="instance-file",
    response_model=InstanceDetail,
    status_code=201,
    openapi_extra={
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}
    },
)
async def create_instance_from_file(
    request: Request, session: SessionDep, user: UserDep
) -> dict[str, Any]:
    form = await forms.read_form(request)
    try:
        fields = forms.validated(form, InstanceFileForm)
        file = forms.uploaded(form, "file")
        instance = await instance_file.create(
            session,
            user.id,
            fields.sent_fields(),
            None if file is None else instance_file.Upload(file.filename or "", file.read),
        )
    finally:
        await form.close()
    return instance_service.without_executions(instance)
