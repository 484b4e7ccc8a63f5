"""The bridge over the real pair: census, client journey, several workers, an upstream."""

import asyncio
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cornflow_client import CornFlow

from legacy_bridge.modes.store import ModeStore
from parity_tests.stage.process import free_port
from tests.bridge.cornflow_stack import (
    ADMIN,
    ADMIN_PASSWORD,
    cutover_serve,
    environment,
    process,
    run,
    seed,
)
from tests.bridge.following import obey
from tests.browser import browser  # noqa: F401  (a fixture)

pytestmark = pytest.mark.legacy

AUTH_GROUP = {
    "GET /health/", "POST /login/", "POST /signup/", "GET /token/",
    "GET /user/", "GET /user/<int:user_id>/", "PUT /user/<int:user_id>/",
    "DELETE /user/<int:user_id>/", "PUT /user/<int:user_id>/<int:make_admin>/",
    "PUT /user/recover-password/", "GET /user/role/", "POST /user/role/",
    "GET /user/role/<int:user_id>/<int:role_id>/", "DELETE /user/role/<int:user_id>/<int:role_id>/",
    "GET /roles/", "POST /roles/", "GET /roles/<int:idx>/", "PUT /roles/<int:idx>/",
    "DELETE /roles/<int:idx>/", "GET /permission/", "POST /permission/",
    "GET /permission/<int:idx>/", "PUT /permission/<int:idx>/", "DELETE /permission/<int:idx>/",
    "GET /action/", "GET /apiview/",
}  # fmt: skip


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    found = environment(tmp_path_factory.mktemp("cornflow"))
    found["CUTOVER_TOKEN"] = "operator"
    seed(found)
    return found


@pytest.fixture(scope="module")
def census(env: dict[str, str]) -> Any:
    return json.loads(run("legacy_bridge.cli", "census", "--json", env=env))


@pytest.fixture(scope="module")
def url(env: dict[str, str]) -> Iterator[str]:
    """Two workers, the authentication group ported and all else the legacy's."""
    asyncio.run(move(env["DATABASE_URL"], AUTH_GROUP))
    with cutover_serve(env, "--workers", "2", "--allow-force") as address:
        yield address


async def move(database_url: str, operations: Iterable[str]) -> None:
    """One change for all: the command would import both stacks for each."""
    store = ModeStore(database_url)
    await store.create()
    modes = dict.fromkeys(sorted(operations), "ported")
    await store.change(modes, unset="legacy", who="a test", why="the authentication group")
    await store.close()


def test_an_admin_of_the_application_operates_on_the_page(
    url: str,
    browser: Any,  # noqa: F811
) -> None:
    """By the application's own log-in; without a token of the bridge there is no other way."""
    page = browser.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{url}/_cutover/")
    page.get_by_label("User").fill(ADMIN)
    page.get_by_label("Password").fill(ADMIN_PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.locator("#count", has_text="88").wait_for()
    assert page.locator("tr.op").count() == 88
    assert page.locator("#name").inner_text() == ADMIN
    assert page.get_by_text(f"{len(AUTH_GROUP)} of 88").is_visible()
    page.close()


def test_an_admins_token_opens_the_control_api_and_no_other(url: str) -> None:
    with httpx.Client(base_url=url, timeout=30) as client:
        words = {"username": ADMIN, "password": ADMIN_PASSWORD}
        token = client.post("/login/", json=words).json()["token"]
        someone = {"username": f"u{uuid.uuid4().hex[:8]}", "password": "Planner-pw1!"}
        signed = client.post("/signup/", json={**someone, "email": "planner@cornflow.org"})
        for bearer, status in ((token, 200), (signed.json()["token"], 401), (token + "x", 401)):
            headers = {"Authorization": f"Bearer {bearer}"}
            assert client.get("/_cutover/status", headers=headers).status_code == status
    headers = {"Authorization": f"Bearer {token}"}
    line = 'cutover_requests_total{operation="POST /login/",stack="ported",status="2xx"}'

    def told() -> str:
        # On a connection of its own, so either worker may answer.
        text = httpx.get(f"{url}/_cutover/metrics", headers=headers, timeout=30).text
        return next((one for one in text.splitlines() if one.startswith(line)), "")

    # They show each other their counts once a second.
    deadline = time.monotonic() + 120
    while len({told() for _ in range(8)}) > 1:
        assert time.monotonic() < deadline
        time.sleep(0.3)


def run_set(env: dict[str, str], operation: str, mode: str) -> None:
    run("legacy_bridge.cli", "set", operation, mode, "--by", "a test", env=env)


def test_the_census_counts_57_rules_and_88_operations(census: Any) -> None:
    assert census["problems"] == []
    assert (census["rules_total"], census["operations_total"]) == (57, 88)
    assert len(census["infrastructure"]) == 4
    ported = {one["operation"] for one in census["operations"] if one["ported"]}
    assert ported >= AUTH_GROUP


def test_the_census_finds_the_legacys_permission_checks(census: Any) -> None:
    open_to_all = {one["operation"] for one in census["operations"] if not one["legacy_guarded"]}
    assert open_to_all == {
        "GET /token/",
        "GET /health/",
        "PUT /user/recover-password/",
        "POST /login/",
        # SIGNUP_ACTIVATED=1 switches its check off
        "POST /signup/",
    }


def test_the_census_follows_the_settings(env: dict[str, str]) -> None:
    changed = {**env, "SIGNUP_ACTIVATED": "2"}
    changed.pop("DATABASE_URL")
    found = json.loads(run("legacy_bridge.cli", "census", "--json", env=changed))
    (signup,) = [one for one in found["operations"] if one["operation"] == "POST /signup/"]
    assert (signup["legacy_guarded"], signup["ported_guarded"]) == (True, True)


def test_what_is_missing_is_told(env: dict[str, str]) -> None:
    for changes, says in (
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"DATABASE_URL": "sqlite:///cornflow.db"}, "is relative"),
        ({"DATABASE_URL": ""}, "set DATABASE_URL"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "legacy_bridge.cli", "status"],
            env={**env, **changes}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 2
        assert says in done.stderr


def test_the_real_client_signs_up_logs_in_and_manages_a_user(url: str) -> None:
    name, password = f"user{uuid.uuid4().hex[:8]}", "Password-1!"
    client = CornFlow(url=url)
    assert client.is_alive()["cornflow_status"] == "healthy"
    signed_up = client.sign_up(name, f"{name}@cornflow.org", password)
    logged_in = client.login(name, password)
    assert logged_in["id"] == signed_up["id"]
    user_id = signed_up["id"]
    client.token = logged_in["token"]
    assert client.get_one_user(user_id)["username"] == name

    # The legacy takes the token that the port has made.
    assert client.get_all_cases() == []
    legacy = client.raw.get_api("case")
    assert (legacy.status_code, legacy.headers["X-Served-By"]) == (200, "legacy")

    admin = CornFlow(url=url)
    admin.token = admin.login(ADMIN, ADMIN_PASSWORD)["token"]
    assert name in {user["username"] for user in admin.get_all_users()}
    changed = admin.raw.put_api_for_id("user", user_id, {"first_name": "Ada"})
    assert (changed.status_code, changed.headers["X-Served-By"]) == (200, "ported")
    assert client.get_one_user(user_id)["first_name"] == "Ada"
    removed = admin.raw.delete_api_for_id("user", user_id)
    assert (removed.status_code, removed.headers["X-Served-By"]) == (200, "ported")
    assert admin.raw.get_api_for_id("user", user_id).status_code == 404


def test_both_stacks_see_one_database(url: str) -> None:
    """A user made by one stack logs in at the other."""
    for first, second in (("legacy", "ported"), ("ported", "legacy")):
        name = f"user{uuid.uuid4().hex[:8]}"
        user = {"username": name, "password": "Password-1!", "email": f"{name}@cornflow.org"}
        made = httpx.post(f"{url}/signup/", json=user, headers={"X-Force-Stack": first})
        assert (made.status_code, made.headers["x-served-by"]) == (201, first)
        known = {"username": name, "password": "Password-1!"}
        login = httpx.post(f"{url}/login/", json=known, headers={"X-Force-Stack": second})
        assert (login.status_code, login.headers["x-served-by"]) == (200, second)


def test_all_workers_obey_within_two_seconds(url: str, env: dict[str, str]) -> None:
    found: set[int] = set()
    deadline = time.monotonic() + 120
    operator = {"Authorization": f"Bearer {env['CUTOVER_TOKEN']}"}
    while len(found) < 2 and time.monotonic() < deadline:
        found.add(httpx.get(f"{url}/_cutover/health", headers=operator).json()["worker"])
    assert len(found) == 2
    for mode in ("legacy", "ported"):
        run_set(env, "GET /roles/", mode)
        obey(url, "/roles/", mode)


def test_a_legacy_elsewhere_with_rules_from_a_file(
    env: dict[str, str], census: Any, tmp_path: Path
) -> None:
    """The bridge does not import the legacy: its rules are a file, itself is gunicorn."""
    rules = tmp_path / "census.json"
    rules.write_text(json.dumps(census))
    port = free_port()
    upstream = f"http://127.0.0.1:{port}"
    gunicorn = [
        sys.executable, "-m", "gunicorn", "-k", "gthread", "--threads", "4", "--log-level", "warning",
        "-b", f"127.0.0.1:{port}", "cornflow.app:create_app('production')",
    ]  # fmt: skip
    without = {**env, "CUTOVER_RULES": str(rules)}
    with (
        process(gunicorn, upstream, env, health="/health/"),
        cutover_serve(without, "--legacy", upstream, "--allow-force") as address,
    ):
        for stack in ("legacy", "ported"):
            reply = httpx.get(f"{address}/health/", headers={"X-Force-Stack": stack}, timeout=20)
            assert (reply.status_code, reply.headers["x-served-by"]) == (200, stack)
        reply = httpx.get(f"{address}/nowhere/")
        assert (reply.status_code, reply.headers["x-served-by"]) == (404, "legacy")


def test_below_an_application_root(env: dict[str, str]) -> None:
    with cutover_serve({**env, "APPLICATION_ROOT": "/test"}, "--allow-force") as address:
        for stack in ("legacy", "ported"):
            forced = {"X-Force-Stack": stack}
            reply = httpx.get(f"{address}/test/health/", headers=forced, timeout=20)
            assert (reply.status_code, reply.headers["x-served-by"]) == (200, stack)
        assert httpx.get(f"{address}/health/").status_code == 404


def test_the_legacys_logging_leaves_ours_alone(tmp_path: Path) -> None:
    code = """
import logging
mine = logging.getLogger("mine")
mine.setLevel(logging.DEBUG)
before = list(logging.getLogger().handlers)
from cornflow_cutover.assembly import create_legacy
app = create_legacy()
assert not mine.disabled and mine.level == logging.DEBUG
assert logging.getLogger().handlers == before
assert logging.getLogger("cornflow").handlers and not logging.getLogger("cornflow.app").disabled
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(tmp_path), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
