"""Known holes of the real legacy, as it is, behind a guard, and as the port answers.

Another user's instance for one's own execution: open without the guard, refused as the port does with it.
Deletes that the database refuses: which of them the legacy acknowledges.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text

from tests.bridge.cornflow_stack import (
    ADMIN,
    ADMIN_PASSWORD,
    cutover_serve,
    environment,
    run,
    seed,
)

NAME = "execution-of-anothers-instance"
SCHEMAS = ("instance", "solution", "config", "instance_checks", "solution_checks")


class Client:
    def __init__(self, url: str) -> None:
        self.url = url
        self.tokens: dict[str, str] = {}

    def log_in(self, name: str, password: str) -> str:
        reply = httpx.post(
            f"{self.url}/login/", json={"username": name, "password": password}, timeout=60
        )
        self.tokens[name] = reply.json()["token"]
        return self.tokens[name]

    def sign_up(self, name: str) -> None:
        body = {"username": name, "email": f"{name}@cornflow.org", "password": f"{name}-Pw-12345!"}
        assert httpx.post(f"{self.url}/signup/", json=body, timeout=60).status_code == 201
        self.log_in(name, body["password"])

    def ask(self, who: str, method: str, path: str, stack: str = "", **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.tokens[who]}", **options.pop("headers", {})}
        if stack:
            headers["X-Force-Stack"] = stack
        return httpx.request(method, self.url + path, headers=headers, timeout=60, **options)


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def env(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("guards")
    url = f"sqlite:///{folder / 'cornflow.db'}"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql_server")
        server.psql("DROP DATABASE IF EXISTS guards;")
        server.psql("CREATE DATABASE guards;")
        url = server.get_uri("guards")
    made = environment(
        folder, DATABASE_URL=url, CUTOVER_ASSEMBLY="cornflow_cutover.assembly:assemble"
    )
    seed(made)
    return made


@pytest.fixture(scope="module")
def guarded(env: dict[str, str]) -> Iterator[Client]:
    with cutover_serve({**env, "CUTOVER_OPEN_METRICS": "1"}, "--allow-force") as url:
        client = Client(url)
        client.log_in(ADMIN, ADMIN_PASSWORD)
        client.log_in("service_user", "Service-pw1!")
        for name in ("ana", "bob"):
            client.sign_up(name)
        body = {"id": "plain", "kpis_schema": {}, **{f"{one}_schema": {} for one in SCHEMAS}}
        client.ask("service_user", "POST", "/dag/deployed/", json=body)
        yield client


class World:
    """An execution of Ana's, an instance of hers, and one of Bob's."""

    def __init__(self, client: Client) -> None:
        def instance(who: str, secret: int) -> str:
            body = {"name": f"of {who}", "data": {"secret": secret}, "schema": "plain"}
            reply = client.ask(who, "POST", "/instance/", json=body)
            assert reply.status_code == 201, reply.text
            return str(reply.json()["id"])

        self.own, self.second = instance("ana", 1), instance("ana", 2)
        self.foreign = instance("bob", 3)
        body = {"name": "run", "config": {}, "instance_id": self.own, "schema": "plain"}
        self.execution = client.ask("ana", "POST", "/execution/?run=0", json=body).json()["id"]
        self.path = f"/execution/{self.execution}/"
        self.refusal = {
            "error": f"Integrity error on updating with data <Execution {self.execution}>"
        }


@pytest.fixture
def world(guarded: Client) -> World:
    return World(guarded)


def instance_of(client: Client, world: World) -> str:
    return str(client.ask(ADMIN, "GET", world.path, "ported").json()["instance_id"])


def test_the_guard_refuses_with_the_words_of_the_port(guarded: Client, world: World) -> None:
    body = {"instance_id": world.foreign}
    by_guard = guarded.ask("ana", "PUT", world.path, json=body)
    by_port = guarded.ask("ana", "PUT", world.path, "ported", json=body)
    assert by_guard.headers["x-served-by"] == "bridge"
    assert by_port.headers["x-served-by"] == "ported"
    assert (by_guard.status_code, by_guard.json()) == (400, world.refusal)
    assert (by_port.status_code, by_port.json()) == (400, world.refusal)
    assert instance_of(guarded, world) == world.own


def test_it_is_not_got_past_by_gzip_chunks_or_another_key(guarded: Client, world: World) -> None:
    import gzip
    import json

    plain = json.dumps({"instance_id": world.foreign}).encode()
    twice = f'{{"instance_id": "{world.own}", "instance_id": "{world.foreign}"}}'.encode()
    tries: list[dict[str, Any]] = [
        {"content": gzip.compress(plain), "headers": {"Content-Encoding": "gzip"}},
        {"content": iter([plain[:5], plain[5:]])},
        {"content": twice},
        {"content": plain.replace(b"instance", b"\\u0069nstance")},
        {"content": b" " * 2_000_000 + plain},
    ]
    for one in tries:
        headers = {"Content-Type": "application/json", **one.pop("headers", {})}
        reply = guarded.ask("ana", "PUT", world.path, headers=headers, **one)
        assert (reply.status_code, reply.json()) == (400, world.refusal)
    assert instance_of(guarded, world) == world.own


def test_what_is_allowed_reaches_the_legacy(guarded: Client, world: World) -> None:
    for who, body in (
        ("ana", {"instance_id": world.second}),
        ("ana", {"name": "renamed"}),
        (ADMIN, {"instance_id": world.foreign}),
    ):
        reply = guarded.ask(who, "PUT", world.path, json=body)
        assert (reply.status_code, reply.headers["x-served-by"]) == (200, "legacy"), reply.text


def test_whom_the_legacy_refuses_it_refuses_itself(guarded: Client, world: World) -> None:
    body = {"instance_id": world.own}
    reply = guarded.ask("bob", "PUT", world.path, json=body)
    assert reply.headers["x-served-by"] == "legacy"
    assert reply.status_code >= 400
    guarded.tokens["nobody"] = "x.y.z"
    reply = guarded.ask("nobody", "PUT", world.path, json=body)
    assert (reply.status_code, reply.headers["x-served-by"]) == (400, "legacy")


def test_without_the_guard_the_hole_is_there(
    guarded: Client, world: World, env: dict[str, str]
) -> None:
    with cutover_serve({**env, "CUTOVER_GUARDS": "none"}) as url:
        bare = Client(url)
        bare.tokens = dict(guarded.tokens)
        reply = bare.ask("ana", "PUT", world.path, json={"instance_id": world.foreign})
        assert (reply.status_code, reply.headers["x-served-by"]) == (200, "legacy")
        assert instance_of(guarded, world) == world.foreign
        # … and this is what it opens: the worker, for whom the execution runs, gets Bob's data.
        worker = guarded.ask("service_user", "GET", f"/dag/{world.execution}/")
        assert worker.json()["data"] == {"secret": 3}


def test_switched_off_while_serving(guarded: Client, world: World, env: dict[str, str]) -> None:
    import time

    def put() -> int:
        body = {"instance_id": world.foreign}
        return int(guarded.ask("ana", "PUT", world.path, json=body).status_code)

    assert put() == 400
    run("legacy_bridge.cli", "guards", "off", NAME, "--why", "of the tests", env=env)
    try:
        deadline = time.monotonic() + 60
        while put() != 200:
            assert time.monotonic() < deadline, "no worker follows"
            time.sleep(0.2)
        listed = run("legacy_bridge.cli", "guards", env=env)
        assert NAME in listed
        assert "switched off" in listed
        assert f"the guard {NAME} is switched off" in run("legacy_bridge.cli", "status", env=env)
    finally:
        run("legacy_bridge.cli", "guards", "on", NAME, env=env)
    history = run("legacy_bridge.cli", "history", env=env)
    assert "of the tests" in history


def test_shared_objects_have_no_hole(env: dict[str, str]) -> None:
    shared = run("legacy_bridge.cli", "guards", env={**env, "USER_ACCESS_ALL_OBJECTS": "1"})
    assert "this deployment has no such hole" in shared


def test_results_are_counted(guarded: Client, world: World, tmp_path: Path) -> None:
    guarded.ask("ana", "PUT", world.path, json={"instance_id": world.foreign})
    page = httpx.get(f"{guarded.url}/_cutover/metrics", timeout=60).text
    line = f'cutover_guarded_total{{guard="{NAME}",operation="PUT /execution/<string:idx>/",result="refused"}}'
    assert line in page


@contextmanager
def refusing(url: str, table: str, verb: str = "DELETE") -> Iterator[None]:
    """The database refuses to change the rows of a table, as a foreign key of somebody's own table would."""
    if url.startswith("sqlite"):
        plant = [
            f"CREATE TRIGGER refusing BEFORE {verb} ON {table} "
            "BEGIN SELECT RAISE(ABORT, 'refused'); END"
        ]
        clear = ["DROP TRIGGER refusing"]
    else:
        plant = [
            "CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'refused' "
            "USING ERRCODE = 'integrity_constraint_violation'; END $$ LANGUAGE plpgsql",
            f"CREATE TRIGGER refusing BEFORE {verb} ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse()",
        ]
        clear = [f"DROP TRIGGER refusing ON {table}", "DROP FUNCTION refuse()"]
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            for statement in plant:
                connection.execute(text(statement))
        try:
            yield
        finally:
            with engine.begin() as connection:
                for statement in clear:
                    connection.execute(text(statement))
    finally:
        engine.dispose()


DELETED = {"message": "The object has been deleted"}
REFUSED_DELETES = [
    # table, who, path, is acknowledged by the legacy
    ("instances", "ana", "/instance/{instance}/", False),
    ("executions", "ana", "/execution/{execution}/", False),
    ("executions", "ana", "/instance/{instance}/", False),
    ("cases", "ana", "/case/{case}/", True),
    ("cases", "ana", "/case/{case}/data/", True),
    ("permission_view", ADMIN, "/permission/1/", False),
    ("user_role", ADMIN, "/user/role/{ana}/2/", False),
    ("users", ADMIN, "/user/{ana}/", False),
]


@pytest.mark.parametrize(("table", "who", "path", "is_acknowledged"), REFUSED_DELETES)
def test_deletes_that_the_database_refuses(
    guarded: Client,
    world: World,
    env: dict[str, str],
    table: str,
    who: str,
    path: str,
    is_acknowledged: bool,
) -> None:
    body = {"name": "one", "data": {}, "schema": "plain"}
    case = guarded.ask("ana", "POST", "/case/", json=body).json()["id"]
    users = guarded.ask(ADMIN, "GET", "/user/").json()
    (ana,) = [one["id"] for one in users if one["username"] == "ana"]
    path = path.format(instance=world.own, execution=world.execution, case=case, ana=ana)
    with refusing(env["DATABASE_URL"], table):
        legacy = guarded.ask(who, "DELETE", path, "legacy")
        ported = guarded.ask(who, "DELETE", path, "ported")
    assert ported.status_code == 400
    assert ported.json()["error"].startswith("Integrity error on deleting with data ")
    if is_acknowledged:
        assert (legacy.status_code, legacy.json()) == (200, DELETED)
    elif (table, path) == ("executions", f"/instance/{world.own}/"):
        # The legacy deletes them one by one and commits each, so it names the one that stayed.
        words = f"Integrity error on deleting with data <Execution {world.execution}>"
        assert (legacy.status_code, legacy.json()) == (400, {"error": words})
    else:
        assert (legacy.status_code, legacy.json()) == (400, ported.json())
    assert guarded.ask(who, "GET", path).status_code == 200, "it is still there"
