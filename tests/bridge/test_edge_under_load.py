"""Rows 3, 10, 11 and keep-alive of the pitfalls, with many requests at once."""

import json
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flask
import httpx
import pytest
from fastapi import FastAPI, Request

from legacy_bridge.operations.operation import Mode
from legacy_bridge.stacks.in_process import InProcessLegacy
from tests.bridge.conftest import MakeBridge, Serve
from tests.bridge.cornflow_stack import ADMIN, ADMIN_PASSWORD, cutover_serve, environment, seed
from tests.bridge.pair import Ported, pair_rules

CLIENTS, PIPELINED = 8, 60


def read_reply(stream: Any) -> tuple[str, dict[str, Any]]:
    """Who served it, and the JSON of its body."""
    assert stream.readline() == b"HTTP/1.1 200 OK\r\n"
    headers = {}
    while (line := stream.readline()) != b"\r\n":
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    body = json.loads(stream.read(int(headers["content-length"])))
    return headers["x-served-by"], body


def test_pipelined_replies_come_in_order_from_both_stacks(
    serve: Serve, make_bridge: MakeBridge
) -> None:
    server = serve(make_bridge(threads=4))

    def converse(client: int) -> None:
        asked = [("GET", "ported"), ("PUT", "legacy")] * (PIPELINED // 2)
        sent = "".join(
            f"{method} /thing/{client * 1000 + number}/ HTTP/1.1\r\nHost: x\r\n\r\n"
            for number, (method, _) in enumerate(asked)
        )
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            connection.sendall(sent.encode())
            with connection.makefile("rb") as stream:
                for number, (_, stack) in enumerate(asked):
                    served_by, body = read_reply(stream)
                    assert (served_by, body["by"]) == (stack, stack)
                    assert body["idx"] == client * 1000 + number

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(converse, range(CLIENTS)))


def test_row_3_nobody_is_taken_for_somebody_else(serve: Serve, make_bridge: MakeBridge) -> None:
    legacy = flask.Flask("legacy_with_users")

    @legacy.before_request
    def log_in() -> None:
        flask.g.user = flask.request.headers["authorization"]

    @legacy.get("/me/")
    def me() -> dict[str, str]:
        before = flask.g.user
        time.sleep(0.005)
        return {"before": before, "after": flask.g.user, "by": "legacy"}

    ported = FastAPI()

    @ported.get("/mine/")
    async def mine(request: Request) -> dict[str, str]:
        return {"before": request.headers["authorization"], "after": "", "by": "ported"}

    legacy.add_url_rule("/mine/", "mine", me)
    bridge = make_bridge(
        ported=ported,
        legacy=InProcessLegacy(legacy, threads=8, wait_seconds=30),
        rules=pair_rules(legacy),
        ported_operations=[Ported("GET", "/mine/")],
    )
    server = serve(bridge)

    def ask(number: int) -> None:
        user = f"user-{number}"
        with httpx.Client(base_url=server.url, headers={"Authorization": user}) as client:
            for path in ("/me/", "/mine/") * 5:
                told = client.get(path).raise_for_status().json()
                assert told["before"] == user
                assert told["after"] in ("", user)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(ask, range(48)))


@pytest.mark.legacy
def test_rows_10_and_11_one_owner_of_cors_and_of_compression(tmp_path: Any) -> None:
    env = environment(tmp_path)
    seed(env)
    folder = {"name": "a folder", "schema": "solve_model_dag", "description": "long " * 800}
    with (
        cutover_serve(env, "--allow-force") as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        user = {"username": ADMIN, "password": ADMIN_PASSWORD}
        token = client.post("/login/", json=user).raise_for_status().json()["token"]
        asked = {
            "Authorization": f"Bearer {token}",
            "Origin": "https://front.example",
            "Accept-Encoding": "gzip",
        }
        replies = {}
        for stack in Mode.LEGACY, Mode.PORTED:
            client.headers.update(asked | {"X-Force-Stack": stack.value})
            case = client.post("/case/", json=folder).raise_for_status().json()
            replies[stack] = client.get(f"/case/{case['id']}/data/").raise_for_status()
        for stack, reply in replies.items():
            assert reply.headers["x-served-by"] == stack.value
            assert reply.headers.get_list("access-control-allow-origin") == [
                "https://front.example"
            ]
            assert reply.headers.get_list("content-encoding") == ["gzip"]
            vary = re.split(r",\s*", ", ".join(reply.headers.get_list("vary")).lower())
            assert sorted(vary) == sorted(set(vary)), "each name once"
        texts = [reply.json()["description"] for reply in replies.values()]
        assert texts == [folder["description"]] * 2
