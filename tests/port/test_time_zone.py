"""A PostgreSQL database whose time zone is not UTC: both stacks store and show its local time."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import select, text, update

from cornflow_f.database.clock import in_database, zone_named
from cornflow_f.database.engine import create_engine
from cornflow_f.errors import ConfigurationError
from cornflow_f.migration import run
from cornflow_f.models import Case, User
from cornflow_f.security import create_token
from tests.conftest import RunLegacy
from tests.port.conftest import SECRET, Port, StartPort

pytestmark = pytest.mark.postgresql

# Far from UTC, the same all year.
ZONE, OFFSET = "Asia/Kathmandu", timedelta(hours=5, minutes=45)
PARTS = ("instance", "solution", "instance_checks", "solution_checks", "kpis", "config")
CASE = {"name": "x", "schema": "solve", "data": {"a": 1}}


async def set_zone(url: str, zone: str) -> None:
    engine = create_engine(url)
    async with engine.begin() as connection:
        name = (await connection.execute(text("SELECT current_database()"))).scalar_one()
        await connection.execute(text(f"ALTER DATABASE {name} SET timezone TO '{zone}'"))
    await engine.dispose()


@pytest.fixture
async def zoned_url(postgresql_url: str) -> str:
    await set_zone(postgresql_url, ZONE)
    await run.upgrade(postgresql_url)
    return postgresql_url


@pytest.fixture
async def zoned(zoned_url: str, start_port: StartPort) -> Port:
    port = await start_port(zoned_url)
    schemas = (f"{part}_schema" for part in PARTS)
    workflow = {"id": "solve", "description": "x", **{name: {} for name in schemas}}
    reply = await port.call("POST", "/dag/deployed/", as_="service_user", json=workflow)
    assert reply.status_code == 201, reply.text
    return port


async def stored(port: Port) -> dict[str, Any]:
    result = await port.execute(
        select(Case.name, Case.created_at, Case.updated_at, Case.deleted_at)
    )
    return {row.name: row for row in result}


def is_now(moment: datetime) -> bool:
    local = datetime.now(UTC).replace(tzinfo=None) + OFFSET
    return abs(local - moment) < timedelta(minutes=2)


async def test_the_first_thing_a_worker_does_is_local_too(
    zoned_url: str, start_port: StartPort
) -> None:
    # Sign-up makes its user before it asks the database anything.
    seeded = await start_port(zoned_url)
    port = await start_port(zoned_url, seed=False, SIGNUP_ACTIVATED="1")
    body = {"username": "new", "email": "new@cornflow.org", "password": "Password-1!"}
    assert (await port.call("POST", "/signup/", as_=None, json=body)).status_code == 201
    row = (await seeded.execute(select(User).where(User.username == "new"))).scalar_one()
    assert is_now(row.created_at)
    assert is_now(row.pwd_last_change)


async def test_every_time_stored_is_local(zoned: Port) -> None:
    created = (await zoned.call("POST", "/case/", json=CASE)).json()
    assert is_now(datetime.fromisoformat(created["created_at"]))
    path = f"/case/{created['id']}/"
    await zoned.execute(update(Case).values(updated_at=datetime(2020, 1, 1)))
    assert (await zoned.call("PUT", path, json={"name": "y"})).status_code == 200
    assert is_now((await stored(zoned))["y"].updated_at)


@pytest.mark.legacy
async def test_both_stacks_store_show_and_compare_the_same(
    zoned: Port, zoned_url: str, run_legacy: RunLegacy
) -> None:
    first = (await zoned.call("POST", "/case/", json={**CASE, "name": "ported"})).json()
    # Between the two: what UTC would say is hours off, so a wrong comparison shows.
    await zoned.execute(update(Case).values(created_at=Case.created_at - timedelta(hours=1)))
    moment = (datetime.now(UTC) - timedelta(minutes=30)).isoformat()
    queries = [
        f"creation_date_gte={quote(moment)}",
        f"creation_date_lte={quote(moment)}",
        "",
    ]
    code = f"""
    headers = {{"Authorization": "Bearer {create_token(SECRET, "admin", 1)}"}}
    client = app.test_client()
    client.post("/case/", headers=headers, json={{**{CASE!r}, "name": "legacy"}})
    answer([client.get("/case/?" + q, headers=headers).json for q in {queries!r}])
    """
    legacy = run_legacy(zoned_url, code, SECRET_KEY=SECRET)
    ported = [(await zoned.call("GET", f"/case/?{query}")).json() for query in queries]

    assert [[case["name"] for case in found] for found in ported[:2]] == [["legacy"], ["ported"]]
    assert ported == legacy
    rows = await stored(zoned)
    assert is_now(rows["legacy"].created_at)
    assert is_now(rows["ported"].created_at + timedelta(hours=1))
    assert is_now(datetime.fromisoformat(first["created_at"]))


def test_a_zone_without_known_rules_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="ALTER DATABASE"):
        zone_named("<+03>-03")


def test_a_moment_that_no_calendar_here_has_is_the_first_or_the_last() -> None:
    east, west = timezone(timedelta(hours=12)), timezone(timedelta(hours=-12))
    assert in_database(datetime.min.replace(tzinfo=east)) == datetime.min
    assert in_database(datetime.max.replace(tzinfo=west)) == datetime.max
