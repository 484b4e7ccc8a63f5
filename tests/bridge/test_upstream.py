"""A legacy that runs elsewhere, over real HTTP."""

import socket
import threading

import httpx
import pytest

from legacy_bridge.stacks.upstream import UpstreamLegacy
from tests.bridge.conftest import MakeBridge, Serve


@pytest.fixture
def bridged(upstream: str, make_bridge: MakeBridge, serve: Serve) -> str:
    return serve(make_bridge(legacy=UpstreamLegacy(upstream))).url


def test_both_stacks_answer(bridged: str) -> None:
    for method, path, status, stack in (
        ("GET", "/thing/", 200, "ported"),
        ("GET", "/thing/deployed/", 200, "legacy"),
        ("HEAD", "/thing/deployed/", 200, "legacy"),
        ("GET", "/thing", 308, "legacy"),
        ("GET", "/nowhere/", 404, "legacy"),
    ):
        reply = httpx.request(method, bridged + path)
        assert (reply.status_code, reply.headers["x-served-by"]) == (status, stack)
        assert len(reply.headers.get_list("date")) == 1


def test_bodies_go_both_ways(bridged: str) -> None:
    assert httpx.post(bridged + "/echo/", content=b"x" * 3_000_000).json()["size"] == 3_000_000
    assert httpx.post(bridged + "/echo/", content=iter([b"ab", b"c"])).json()["size"] == 3
    assert len(httpx.get(bridged + "/big/40/").content) == 40 * 65536


def test_the_upstream_sees_the_client_and_its_host(bridged: str) -> None:
    headers = {"Host": "api.example.org", "X-Forwarded-For": "10.0.0.1", "TE": "trailers"}
    headers |= {"Connection": "keep-alive, X-Private", "X-Private": "mine", "X-Public": "yours"}
    known = httpx.get(bridged + "/environ/?a=1&b=%20é", headers=headers).json()
    assert known["HTTP_HOST"] == known["HTTP_X_FORWARDED_HOST"] == "api.example.org"
    assert known["HTTP_X_FORWARDED_FOR"].startswith("10.0.0.1, ")
    assert known["HTTP_X_FORWARDED_PROTO"] == "http"
    assert known["args"] == {"a": "1", "b": " é"}
    assert known["HTTP_X_PUBLIC"] == "yours"
    assert known["HTTP_X_PRIVATE"] == "mine"
    assert "HTTP_TE" not in known


def test_the_redirect_leads_back_to_the_bridge(bridged: str) -> None:
    assert httpx.get(bridged + "/thing").headers["location"] == bridged + "/thing/"


def test_an_upstream_that_is_down_is_a_502(
    make_bridge: MakeBridge, serve: Serve, free_port: int
) -> None:
    server = serve(make_bridge(legacy=UpstreamLegacy(f"http://127.0.0.1:{free_port}")))
    reply = httpx.get(server.url + "/thing/deployed/")
    assert (reply.status_code, reply.headers["x-served-by"]) == (502, "legacy")
    assert "can't be reached" in reply.json()["error"]
    assert httpx.get(server.url + "/thing/").status_code == 200, "the port does not mind"


def test_an_upstream_that_is_too_slow_is_a_504(
    upstream: str, make_bridge: MakeBridge, serve: Serve
) -> None:
    server = serve(make_bridge(legacy=UpstreamLegacy(upstream, read_seconds=0.2)))
    reply = httpx.get(server.url + "/sleep/20.0/")
    assert (reply.status_code, reply.headers["x-served-by"]) == (504, "legacy")
    assert "did not answer in time" in reply.json()["error"]


def test_a_reply_that_breaks_is_cut_not_ended(make_bridge: MakeBridge, serve: Serve) -> None:
    """The upstream promises more than it sends."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def half_an_answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

        thread = threading.Thread(target=half_an_answer)
        thread.start()
        legacy = UpstreamLegacy(f"http://127.0.0.1:{listening.getsockname()[1]}")
        server = serve(make_bridge(legacy=legacy))
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(server.url + "/thing/deployed/")
        thread.join(10)


def test_an_address_must_be_one() -> None:
    with pytest.raises(ValueError, match="must start with http"):
        UpstreamLegacy("legacy:5000")
