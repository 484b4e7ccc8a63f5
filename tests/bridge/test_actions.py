"""The operator's actions by command line and over HTTP: the same words, the same answers."""

import json
from collections.abc import Callable

import httpx
import pytest
from click.testing import CliRunner, Result

from legacy_bridge.cli.main import main
from legacy_bridge.operations.operation import Mode
from tests.bridge.conftest import MakeBridge, Serve

Run = Callable[..., Result]
Post = Callable[..., httpx.Response]


@pytest.fixture
def cutover(monkeypatch: pytest.MonkeyPatch, modes_url: str) -> Run:
    monkeypatch.setenv("CUTOVER_ASSEMBLY", "tests.bridge.pair_assembly:assemble")
    monkeypatch.setenv("PAIR_DATABASE_URL", modes_url)
    return lambda *words: CliRunner().invoke(main, list(words), catch_exceptions=False)


@pytest.fixture
def send(make_bridge: MakeBridge, serve: Serve) -> Post:
    url = serve(make_bridge(token="word", default_mode=Mode.LEGACY)).url
    bearer = {"Authorization": "Bearer word"}

    def send(method: str, path: str, **values: object) -> httpx.Response:
        body = {"by": "ann", "why": "a test", **values} if method != "GET" else None
        return httpx.request(method, f"{url}/_cutover/{path}", json=body, headers=bearer)

    return send


def test_a_canary_by_command_line(cutover: Run) -> None:
    assert cutover("set", "GET /thing/", "canary", "5%").output == (
        "GET /thing/: legacy -> canary 5%\n"
    )
    assert cutover("set", "GET /thing/", "12.5%").output == (
        "GET /thing/: canary 5% -> canary 12.5%\n"
    )
    assert "canary 12.5%" in cutover("status").output
    wrong = cutover("set", "GET /thing/", "canary")
    assert (wrong.exit_code, "say the share" in wrong.output) == (2, True)


def test_a_ramp_by_command_line(cutover: Run) -> None:
    assert cutover("group", "things", "* /thing/").exit_code == 0
    begun = json.loads(
        cutover("ramp", "start", "things", "--steps", "shadow,50", "--json", "--by", "bob").output
    )
    assert [(one["kind"], one["operation"], one["to"]) for one in begun["changed"]] == [
        ("mode", "GET /thing/", "shadow"),
        ("mode", "POST /thing/", "shadow"),
        ("ramp", "things", "running, step 1 of 2: shadow"),
    ]
    assert "0 of 50 samples" in cutover("ramp", "show").output
    assert "paused, step 1 of 2" in cutover("ramp", "pause", "things", "--why", "lunch").output
    assert json.loads(cutover("ramp", "show", "--json").output)["ramps"][0]["why"] == "lunch"
    assert "running, step 1 of 2" in cutover("ramp", "resume", "things").output
    assert cutover("ramp", "start", "things").exit_code == 2
    assert "GET /thing/: shadow -> legacy" in cutover("rollback", "GET /thing/").output
    held = cutover("ramp", "start", "things")
    assert (held.exit_code, "--again" in held.output) == (2, True)
    assert "(rolled back)" in cutover("status").output
    assert cutover("ramp", "start", "things", "--again").exit_code == 0
    assert "nothing was rolled back by the bridge" in cutover("breaches").output


def test_kill_switch_budget_and_sticky_by_command_line(cutover: Run) -> None:
    cutover("set", "all-ported", "ported")
    assert cutover("kill", "--why", "fire").output == "switch kill: none -> on\n"
    assert "already killed" in cutover("kill").output
    status = cutover("status").output
    assert "KILLED" in status
    assert "4 answered in mode ported" not in status
    assert cutover("unkill").exit_code == 0
    assert "4 answered in mode ported" in cutover("status").output
    cutover("budget", "*", "errors=0.5", "samples=3")
    shown = json.loads(cutover("status", "--json").output)
    assert shown["budgets"] == {"*": {"errors": 0.5, "samples": 3}}
    assert shown["operations"][0]["evidence"]["budget"]["errors"] == 0.5
    assert cutover("budget", "*", "speed=1").exit_code == 2
    assert cutover("budget", "*", "errors").exit_code == 2
    assert cutover("budget", "*").exit_code == 2
    assert cutover("budget", "*", "--reset").exit_code == 0
    assert "sticky user" not in cutover("sticky", "cookie:session").output
    assert json.loads(cutover("status", "--json").output)["sticky"] == "cookie:session"
    kinds = {one["kind"] for one in json.loads(cutover("history", "--json").output)["history"]}
    assert kinds == {"mode", "switch", "budget", "setting"}


def test_a_ramp_over_http(send: Post) -> None:
    assert send("PUT", "group/things", operations=["* /thing/"]).status_code == 200
    begun = send("POST", "ramp/start", operation="things", steps=["1", "100"], samples=1)
    assert [one["to"] for one in begun.json()["changed"]] == [
        "canary 1%", "canary 1%", "running, step 1 of 2: canary 1%"
    ]  # fmt: skip
    for action in ("pause", "resume", "abort"):
        assert send("POST", f"ramp/{action}", operation="things").status_code == 200
    again = send("POST", "ramp/resume", operation="things")
    assert (again.status_code, "no ramp that is paused" in again.text) == (409, True)
    (ramp,) = send("GET", "status").json()["ramps"]
    assert (ramp["name"], ramp["state"], ramp["changed_by"]) == ("things", "aborted", "ann")


def test_rollback_and_kill_over_http(send: Post) -> None:
    send("PUT", "mode", operation="GET /thing/", mode="canary 50%")
    assert send("POST", "rollback", operation="GET /thing/").json()["changed"][0]["to"] == "legacy"
    held = send("PUT", "mode", operation="GET /thing/", mode="ported")
    assert (held.status_code, held.json()["held"]) == (409, True)
    assert send("PUT", "mode", operation="GET /thing/", mode="ported", again=True).is_success
    assert send("POST", "kill").is_success
    status = send("GET", "status").json()
    assert status["killed"]["by"] == "ann"
    assert {one["mode"] for one in status["operations"]} == {"legacy"}
    assert send("POST", "unkill").is_success
    assert send("PUT", "budget", name="*", limits={"errors": 2}).status_code == 409
    assert send("PUT", "budget", name="*", limits={"errors": 0.2}).is_success
    assert send("PUT", "sticky", to="header:X-Tenant").is_success
    assert send("GET", "status").json()["sticky"] == "header:x-tenant"
    for path in ("breaches", "examples"):
        assert send("GET", path).json() == {path: []}
    assert {one["kind"] for one in send("GET", "history").json()["history"]} == {
        "mode", "hold", "switch", "budget", "setting"
    }  # fmt: skip
