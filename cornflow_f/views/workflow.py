"""`/schema/…` and `/example/…`. Source: the legacy's ``endpoints/schemas.py`` and ``endpoints/example_data.py``."""

from fastapi import Response

from cornflow_f.schemas.workflow import (
    ExampleDetail,
    ExampleListed,
    WorkflowName,
    WorkflowSchemas,
)
from cornflow_f.services import workflow as workflow_service
from cornflow_f.views.common import AirflowDep, guarded_router
from cornflow_f.web.deps import SessionDep, UserDep
from cornflow_f.web.json_replies import raw_json_list_reply, raw_json_reply

schemas = guarded_router("Schemas")
examples = guarded_router("DAG")


@schemas.get("/schema/", name="schema", response_model=list[WorkflowName])
async def list_workflows(session: SessionDep, user: UserDep) -> list[dict[str, str]]:
    return await workflow_service.list_names(session, user.id)


@schemas.get("/schema/{dag_name}/", name="schema-details", response_model=WorkflowSchemas)
async def get_schemas(dag_name: str, session: SessionDep, user: UserDep) -> Response:
    return raw_json_reply(await workflow_service.schemas(session, user.id, dag_name))


@examples.get("/example/{dag_name}/", name="example-data", response_model=list[ExampleListed])
async def list_examples(
    dag_name: str, session: SessionDep, airflow: AirflowDep, user: UserDep
) -> Response:
    shown = await workflow_service.examples(session, airflow, user.id, dag_name)
    # parity: of null the legacy shows one object, and an empty one (marshmallow, dump of None)
    return raw_json_reply({}) if shown is None else raw_json_list_reply(shown)


@examples.get(
    "/example/{dag_name}/{example_name}/", name="example-data-detail", response_model=ExampleDetail
)
async def get_example(
    dag_name: str, example_name: str, session: SessionDep, airflow: AirflowDep, user: UserDep
) -> Response:
    shown = await workflow_service.example(session, airflow, user.id, dag_name, example_name)
    return raw_json_reply(shown)
