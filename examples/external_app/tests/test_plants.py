"""Plants, from the tables to the documents."""

import json

import pytest
from plants_app import application
from plants_app.roles import DISPATCHER

from tests.conftest import PASSWORD, Cli, Client

PLANT = {"name": "North", "capacity": 20.5}
VIEWS = ["plants", "plants-detail", "plants-units"]
REFUSED = {"error": "You do not have permission to access this endpoint"}


async def dispatcher(client: Client) -> None:
    """A user who has the role of this application and no other."""
    body = {"username": "dan", "email": "dan@plants.org", "password": PASSWORD}
    idx = (await client("POST", "/signup/", as_=None, json=body)).json()["id"]
    role = {"user_id": idx, "role_id": DISPATCHER.id}
    assert (await client("POST", "/user/role/", json=role)).status_code == 201
    planner = (await client("DELETE", f"/user/role/{idx}/2/")).status_code
    assert planner == 200


def test_both_chains_of_migrations_are_run_and_undone(cli: Cli) -> None:
    assert "Revision of plants: none -> 0001_plants" in cli("migrations", "upgrade")
    assert "Nothing to do: the database is at revision 0001_plants of plants" in cli(
        "migrations", "upgrade"
    )
    shown = json.loads(cli("migrations", "current", "--json"))
    assert shown["external_revision"] == shown["external_head"] == ["0001_plants"]
    cli("migrations", "downgrade", "--external")
    assert "Run: cornflow-f migrations upgrade" in cli.fails("permissions", "init")
    cli("migrations", "upgrade", "--external")
    cli("permissions", "init")


def test_the_migrations_make_what_the_models_say(cli: Cli) -> None:
    cli("migrations", "upgrade")
    written = application.migrations
    assert written is not None
    before = set(written.glob("*.py"))
    output = cli("migrations", "revision", "-m", "nothing")
    made = set(written.glob("*.py")) - before
    try:
        assert len(made) == 1, output
        text = next(iter(made)).read_text()
        assert "op." not in text, text
    finally:
        for path in made:
            path.unlink()


def test_permissions_are_registered_once_and_kept(prepared: Cli) -> None:
    changes = json.loads(prepared("permissions", "init", "--json"))
    assert all(not rows for table in changes.values() for rows in table.values()), changes


def test_without_the_application_its_permissions_go(
    prepared: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXTERNAL_APP", "0")
    changes = json.loads(prepared("permissions", "init", "--json"))
    assert changes["views"]["deleted"] == VIEWS
    monkeypatch.setenv("EXTERNAL_APP", "1")
    changes = json.loads(prepared("permissions", "init", "--json"))
    assert changes["views"]["added"] == VIEWS
    assert changes["roles"]["added"] == []


async def test_a_plant_is_made_read_and_changed(client: Client) -> None:
    created = await client("POST", "/plant/", as_="planner", json=PLANT)
    assert created.status_code == 201, created.text
    plant = created.json()
    assert plant == {"id": plant["id"], "user_id": 2, **PLANT}
    path = f"/plant/{plant['id']}/"
    assert (await client("GET", path)).json() == plant
    edited = await client("PUT", path, json={"capacity": 3})
    assert edited.json() == {**plant, "capacity": 3, "user_id": 1}
    assert (await client("GET", "/plant/")).json() == [edited.json()]


async def test_errors_are_those_of_cornflow(client: Client) -> None:
    await client("POST", "/plant/", json=PLANT)
    again = await client("POST", "/plant/", json=PLANT)
    assert (again.status_code, again.json()) == (400, {"error": "There is a plant North"})
    missing = await client("GET", "/plant/77/")
    words = "The data entity does not exist on the database"
    assert (missing.status_code, missing.json()) == (404, {"error": words})
    wrong = await client("POST", "/plant/", json={"name": 1, "colour": "red"})
    assert wrong.json() == {
        "error": "{'json': {'name': ['Not a valid string.'], 'capacity': ['Missing data for required "
        "field.'], 'colour': ['Unknown field.']}}"
    }
    assert (await client("GET", "/plant/x/")).status_code == 404
    assert (await client("DELETE", "/plant/")).status_code == 405


async def test_who_may_do_what(client: Client) -> None:
    await dispatcher(client)
    plant = (await client("POST", "/plant/", json=PLANT)).json()
    path = f"/plant/{plant['id']}/"
    statuses = {
        user: [
            (await client("GET", "/plant/", as_=user)).status_code,
            (await client("POST", "/plant/", as_=user, json={**PLANT, "name": user})).status_code,
            (await client("PUT", path, as_=user, json={"capacity": 1})).status_code,
        ]
        for user in ("admin", "planner", "viewer", "service", "dan")
    }
    assert statuses == {
        "admin": [200, 201, 200],
        "planner": [200, 201, 200],
        "viewer": [200, 201, 403],
        "service": [403, 403, 403],
        "dan": [200, 403, 200],
    }
    assert (await client("GET", "/instance/", as_="dan")).status_code == 200
    assert (await client("GET", "/execution/", as_="dan")).json() == REFUSED
    assert (await client("GET", "/plant/", as_=None)).status_code == 400
    assert (await client("GET", "/plant/units/", as_=None)).json() == {"capacity": "tons a day"}


async def test_cornflow_itself_knows_the_application(client: Client) -> None:
    await client("POST", "/plant/", json=PLANT)
    views = {view["name"]: view for view in (await client("GET", "/apiview/")).json()}
    assert views["plants"]["url_rule"] == "/plant/"
    assert views["plants"]["description"] == "The plants of the company"
    assert views["plants-detail"]["url_rule"] == "/plant/<int:idx>/"
    roles = {role["id"]: role["name"] for role in (await client("GET", "/roles/")).json()}
    assert roles[DISPATCHER.id] == "dispatcher"
    (row,) = (await client("GET", "/table/plants/", as_="service")).json()
    assert (row["name"], row["capacity"]) == ("North", 20.5)
    one = await client("GET", f"/table/plants/{row['id']}/", as_="service")
    assert one.json() == row
    document = (await client("GET", "/openapi.json", as_=None)).json()
    assert document["paths"]["/plant/"]["post"]["security"]
    assert "security" not in document["paths"]["/plant/units/"]["get"]
