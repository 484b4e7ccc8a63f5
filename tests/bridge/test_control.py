"""The control API: closed without a token, and the same words as the command line."""

import os
from collections.abc import Callable

import httpx
import pytest

from legacy_bridge.operations.operation import Mode
from tests.bridge.conftest import MakeBridge, Serve

Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(make_bridge: MakeBridge, serve: Serve) -> Ask:
    url = serve(make_bridge(token="word", default_mode=Mode.LEGACY)).url

    def ask(
        method: str, path: str, token: str | None = "word", **options: object
    ) -> httpx.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.request(method, f"{url}{path}", headers=headers, **options)  # type: ignore[arg-type]

    return ask


def test_closed_to_strangers(ask: Ask, make_bridge: MakeBridge, serve: Serve) -> None:
    change = {"operation": "GET /thing/", "mode": "ported", "by": "me"}
    for token in (None, "wrong", "wor", "words"):
        assert ask("GET", "/_cutover/status", token).status_code == 401
        assert ask("PUT", "/_cutover/mode", token, json=change).status_code == 401
        assert ask("GET", "/_cutover/history", token).status_code == 401
    assert ask("GET", "/thing/").headers["x-served-by"] == "legacy", "nothing was changed"
    closed = serve(make_bridge()).url
    reply = httpx.get(f"{closed}/_cutover/status", headers={"Authorization": "Bearer None"})
    assert reply.status_code == 403
    assert "CUTOVER_TOKEN" in reply.json()["error"]


def test_a_change_is_made_told_and_remembered(ask: Ask) -> None:
    change = {"operation": "* /thing/", "mode": "ported", "by": "ann", "why": "it is ready"}
    reply = ask("PUT", "/_cutover/mode", json=change)
    assert [(one["operation"], one["from"], one["to"]) for one in reply.json()["changed"]] == [
        ("GET /thing/", "legacy", "ported"),
        ("POST /thing/", "legacy", "ported"),
    ]
    assert ask("GET", "/thing/").headers["x-served-by"] == "ported"
    status = {one["operation"]: one for one in ask("GET", "/_cutover/status").json()["operations"]}
    assert status["GET /thing/"]["mode"] == "ported"
    assert status["GET /thing/"]["changed_by"] == "ann"
    assert status["PUT /thing/<int:idx>/"]["ported"] is False
    history = ask("GET", "/_cutover/history").json()["history"]
    assert {one["why"] for one in history} == {"it is ready"}


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"operation": "GET /things/", "mode": "ported"}, 404, "near: 'GET /thing/'"),
        ({"operation": "PUT /thing/<int:idx>/", "mode": "ported"}, 409, "does not implement"),
        ({"operation": "GET /thing/", "mode": "dreaming"}, 400, "mode"),
    ],
)
def test_what_can_not_be_set_is_told(
    ask: Ask, change: dict[str, str], status: int, words: str
) -> None:
    reply = ask("PUT", "/_cutover/mode", json={**change, "by": "me"})
    assert reply.status_code == status
    assert words in reply.text


def test_health_is_open(ask: Ask) -> None:
    reply = ask("GET", "/_cutover/health", None)
    found = reply.json()
    assert (found["status"], found["modes"], found["revision"]) == ("serving", "current", 0)
    assert "worker" not in found
    assert ask("GET", "/_cutover/health").json()["worker"] == os.getpid()


def test_the_document_is_for_operators(ask: Ask) -> None:
    assert ask("GET", "/_cutover/openapi.json", None).status_code == 401
    document = ask("GET", "/_cutover/openapi.json").json()
    assert "/_cutover/mode" in document["paths"]
    replies = document["paths"]["/_cutover/mode"]["put"]["responses"]
    assert {"200", "400", "401", "409", "429", "503"} <= set(replies)
    assert "422" not in replies
    for path in ("/openapi.json", "/docs", "/redoc", "/_cutover/docs"):
        assert "Cutover bridge" not in ask("GET", path, None).text
