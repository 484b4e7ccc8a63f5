"""The whole way: the real bridge records the real legacy, and the record is replayed on both stacks."""

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from parity_tests import config as configuration
from parity_tests.capture import session
from parity_tests.capture.options import ReplayOptions
from parity_tests.journeys.model import Profile
from parity_tests.report.exit_code import Exit
from tests.bridge.cornflow_stack import ADMIN, ADMIN_PASSWORD, cutover_serve, environment, seed
from tests.parity.conftest import ROOT

pytestmark = pytest.mark.legacy

WORKFLOW = {
    "id": "anything", "description": "goes", "instance_schema": {}, "solution_schema": {},
    "config_schema": {}, "instance_checks_schema": {}, "solution_checks_schema": {}, "kpis_schema": {},
}  # fmt: skip
OPERATIONS = [
    "POST /login/", "POST /signup/", "POST /dag/deployed/", "POST /instance/",
    "GET /instance/<string:idx>/", "GET /instance/<string:idx>/data/", "PUT /instance/<string:idx>/",
]  # fmt: skip
PASSWORDS = (ADMIN_PASSWORD, "Service-pw1!", "Carla-pw1!", "not this one")


def visit(url: str) -> list[str]:
    """A small session of four people; the tokens that were given."""
    given: list[str] = []
    with httpx.Client(base_url=url) as client:

        def ask(method: str, path: str, token: str = "", body: Any = None) -> Any:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return client.request(method, path, json=body, headers=headers).json()

        def log_in(name: str, password: str) -> str:
            told = ask("POST", "/login/", body={"username": name, "password": password})
            given.append(told.get("token", ""))
            return given[-1]

        log_in(ADMIN, "not this one")
        admin = log_in(ADMIN, ADMIN_PASSWORD)
        service = log_in("service_user", "Service-pw1!")
        ask("POST", "/dag/deployed/", service, WORKFLOW)
        account = {"username": "carla", "email": "carla@cornflow.org", "password": "Carla-pw1!"}
        signed_up = ask("POST", "/signup/", body=account)
        carla = log_in("carla", "Carla-pw1!")
        given.append(signed_up["token"])
        body = {"name": "one", "schema": "anything", "data": {"a": [1, 2.5, None]}}
        instance = ask("POST", "/instance/", carla, body)["id"]
        ask("GET", f"/instance/{instance}/", signed_up["token"])
        ask("GET", f"/instance/{instance}/data/", admin)
        ask("PUT", f"/instance/{instance}/", carla, {"name": "two"})
        folder = ask("POST", "/case/", carla, {"name": "folder", "schema": "anything"})["id"]
        inside = {"name": "case", "schema": "anything", "data": {}, "parent_id": folder}
        case = ask("POST", "/case/", carla, inside)["id"]
        ask("GET", f"/case/{case}/", carla)
        ask("GET", f"/user/{signed_up['id']}/", admin)
        ask("GET", "/instance/", "no.token.atall")
        ask("GET", "/nowhere/", admin)
        ask("DELETE", f"/instance/{instance}/", carla)
    return [token for token in given if token]


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    env = environment(folder)
    seed(env)
    shutil.copy(folder / "cornflow.db", folder / "before.db")
    with cutover_serve(env, "--capture", str(folder / "capture")) as url:
        tokens = visit(url)
        state = httpx.get(f"{url}/_cutover/health").json()["capture"]
    assert (state["dropped"], state["failed"], len(tokens)) == (0, 0, 4)
    text = "".join(path.read_text() for path in (folder / "capture").glob("capture-*"))
    for secret in (*PASSWORDS, *tokens, *(token.rpartition(".")[2] for token in tokens)):
        assert secret not in text
    return folder / "capture"


def test_a_session_at_the_bridge_is_replayed_on_a_database_with_other_ids(
    capture: Path, tmp_path: Path
) -> None:
    command = [
        sys.executable, "-m", "parity_tests.cli", "replay", str(capture), "-v",
        "--setting", "SIGNUP_ACTIVATED=1", "--json", str(tmp_path / "report.json"),
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    # every reply of the legacy has the status that was recorded, or a note would say so
    assert (report["exchanges"], report["differences"], report["notes"]) == (17, 0, [])
    assert report["operations"]["POST /case/"]["statuses"] == {"201": 2}
    assert report["operations"]["DELETE /instance/<string:idx>/"]["statuses"] == {"200": 1}
    # the recorded database had three users when she signed up, this one has five
    assert "GET /user/5/ admin" in done.stdout


class Silent:
    def message(self, text: str) -> None: ...
    def journey(self, *_: object) -> None: ...
    def pair(self, *_: object) -> None: ...
    def journey_done(self, *_: object) -> None: ...


def test_a_bug_of_the_port_shows_in_the_replay(capture: Path, tmp_path: Path) -> None:
    config = configuration.load(configuration.DEFAULT)
    shutil.copytree(
        ROOT / "cornflow_f", tmp_path / "cornflow_f", ignore=shutil.ignore_patterns("__pycache__")
    )
    (tmp_path / "migrations").symlink_to(ROOT / "migrations")
    view = tmp_path / "cornflow_f" / "views" / "instance.py"
    text = view.read_text()
    assert text.count('"Updated correctly"') == 1
    view.write_text(text.replace('"Updated correctly"', '"Updated"'))
    config = dataclasses.replace(
        config,
        ported=dataclasses.replace(config.ported, pythonpath=(tmp_path, *config.ported.pythonpath)),
        # the list of operations, without the time that both stacks take to be imported
        census=(("echo", json.dumps(OPERATIONS)),),
    )
    options = ReplayOptions(
        (capture,),
        seed=f"sqlite:///{capture.parent / 'before.db'}",
        profile=Profile((("SIGNUP_ACTIVATED", "1"),)),
        fail_fast=True,
    )
    report = session.replay(config, options, Silent())
    found = [(one.pair.operation.label, one.difference.place) for one in report.differences]
    assert found == [("PUT /instance/<string:idx>/", "body/message")]
    assert report.exit is Exit.DIFFERENT
    assert "stopped at the first difference after" in report.notes[0]
