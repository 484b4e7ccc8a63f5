"""A plain read costs two statements: the permission, and the read."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from tests.port.conftest import Port

WORKFLOW = {
    "id": "solve",
    "description": "x",
    **{
        f"{name}_schema": {}
        for name in (
            "instance",
            "solution",
            "instance_checks",
            "solution_checks",
            "kpis",
            "config",
        )
    },
}


@contextmanager
def counted(port: Port) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    engine = port.app.state.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
async def paths(port: Port) -> dict[str, str]:
    deployed = await port.call("POST", "/dag/deployed/", as_="service_user", json=WORKFLOW)
    assert deployed.status_code == 201, deployed.text
    body = {"name": "x", "schema": "solve", "data": {"a": 1}}
    instance = (await port.call("POST", "/instance/", as_="planner", json=body)).json()["id"]
    asked = {"name": "x", "schema": "solve", "instance_id": instance, "config": {}}
    created = await port.call("POST", "/execution/?run=0", as_="planner", json=asked)
    assert created.status_code == 201, created.text
    execution = created.json()["id"]
    case = (await port.call("POST", "/case/", as_="planner", json=body)).json()["id"]
    return {
        "/instance/": "/instance/",
        "/instance/<id>/": f"/instance/{instance}/",
        "/instance/<id>/data/": f"/instance/{instance}/data/",
        "/execution/": "/execution/",
        "/execution/<id>/": f"/execution/{execution}/",
        "/execution/<id>/data/": f"/execution/{execution}/data/",
        "/execution/<id>/log/": f"/execution/{execution}/log/",
        "/execution/<id>/status/": f"/execution/{execution}/status/",
        "/case/": "/case/",
        "/case/<id>/": f"/case/{case}/",
        "/case/<id>/data/": f"/case/{case}/data/",
    }


async def test_a_plain_read_takes_two_statements(port: Port, paths: dict[str, str]) -> None:
    counts = {}
    for name, path in paths.items():
        with counted(port) as statements:
            reply = await port.call("GET", path, as_="planner")
        assert reply.status_code == 200, (name, reply.text)
        counts[name] = len(statements)
    assert counts == dict.fromkeys(paths, 2)
