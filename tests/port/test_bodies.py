"""What a body may cost: permission comes first, then limits of bytes and of values, off the event loop."""

import asyncio
import gc
import gzip
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.types import Message

from cornflow_f.config import Settings
from cornflow_f.errors import ConfigurationError
from cornflow_f.schemas.user import SignupRequest
from cornflow_f.security import create_token
from cornflow_f.web.body import ValueCounter, has_more_values
from tests.port.conftest import SECRET, Port, StartPort

PIECE = b" " * 65_536
FORM = (b"content-type", b"multipart/form-data; boundary=x")
JSON = (b"content-type", b"application/json")
STALL = 1.0
"""Seconds of the processor that another client may wait for. Without the cures it is five and more."""


class Sender:
    """A client that sends pieces for as long as anybody takes them, or stops in the middle."""

    def __init__(self, pieces: int, stops_after: int | None = None, piece: bytes = PIECE) -> None:
        self.left, self.taken = pieces, 0
        self._stops_after = stops_after
        self._piece = piece
        self.waits = asyncio.Event()

    async def receive(self) -> Message:
        if self._stops_after is not None and self.taken >= self._stops_after:
            self.waits.set()
            await asyncio.sleep(3600)
        self.taken += 1
        self.left -= 1
        return {"type": "http.request", "body": self._piece, "more_body": self.left > 0}


async def send(
    port: Port, method: str, path: str, sender: Sender, *headers: tuple[bytes, bytes], as_: str = ""
) -> tuple[int, Any]:
    fields = [(b"host", b"port"), *headers]
    if as_:
        fields.append((b"authorization", f"Bearer {create_token(SECRET, as_, 1)}".encode()))
    replies: list[Message] = []

    async def take(message: Message) -> None:
        replies.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "", "headers": fields, "client": ("127.0.0.1", 1), "server": ("port", 80),
    }  # fmt: skip
    await port.app(scope, sender.receive, take)
    body = b"".join(message.get("body", b"") for message in replies)
    return replies[0]["status"], json.loads(body)


@pytest.mark.parametrize(
    ("headers", "as_", "status"),
    [
        ((), "", 400),
        (((b"authorization", b"Bearer no.token.at-all"),), "", 400),
        ((), "nobody", 400),
        ((), "viewer", 403),
    ],
)
@pytest.mark.parametrize("kind", [JSON, (b"content-type", b"text/plain")])
async def test_who_may_not_is_refused_before_the_body_is_read(
    port: Port, headers: tuple[Any, ...], as_: str, status: int, kind: tuple[bytes, bytes]
) -> None:
    sender = Sender(10_000)
    got, text = await send(port, "POST", "/instance/", sender, kind, *headers, as_=as_)
    assert (got, sender.taken) == (status, 1)
    # the words are those that a small body gets
    small = await send(port, "POST", "/instance/", Sender(1, piece=b"{"), kind, *headers, as_=as_)
    assert small == (got, text)


async def test_a_body_beyond_the_limit_is_not_read_to_its_end(start_port: StartPort) -> None:
    port = await start_port(CORNFLOW_F_MAX_BODY_BYTES="200000")
    expected = "The body is larger than 200000 bytes, which is the most this server takes here."
    sender = Sender(10_000)
    assert await send(port, "POST", "/instance/", sender, JSON, as_="admin") == (
        413,
        {"error": expected},
    )
    assert sender.taken == 4
    said = (b"content-length", b"200001")
    sender = Sender(10_000)
    assert (await send(port, "POST", "/instance/", sender, JSON, said, as_="admin"))[0] == 413
    assert sender.taken == 1
    form = (b"content-type", b"multipart/form-data; boundary=x")
    sender = Sender(10_000)
    assert (await send(port, "POST", "/instancefile/", sender, form, as_="admin"))[0] == 413
    assert sender.taken == 4
    good = await port.call("PUT", "/user/1/", json={"first_name": "x" * 100_000})
    assert good.status_code == 200, good.text


async def test_where_nobody_must_show_a_token_the_limit_is_lower(port: Port) -> None:
    sender = Sender(10_000)
    assert (await send(port, "POST", "/login/", sender, JSON))[0] == 413
    assert sender.taken == 17
    words = {"username": "admin", "password": "Password-1!"}
    assert (await port.call("POST", "/login/", as_=None, json=words)).status_code == 200


async def test_operations_have_limits_of_their_own(start_port: StartPort) -> None:
    limits = "POST /case/ = 100;PUT /user/<int:user_id>/=10"
    port = await start_port(CORNFLOW_F_BODY_LIMITS=limits)
    long = {"first_name": "12345"}
    assert (await port.call("PUT", "/user/1/", json=long)).status_code == 413
    assert (await port.call("POST", "/case/", json={"name": "x" * 100})).status_code == 413
    assert (await port.call("POST", "/instance/", json={"name": "x" * 100})).status_code == 400


@pytest.mark.parametrize("text", ["POST /case/", "POST /case/=x", "/case/=5"])
def test_limits_that_say_nothing_are_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="CORNFLOW_F_BODY_LIMITS"):
        Settings(CORNFLOW_F_BODY_LIMITS=text)


async def test_a_limit_of_no_operation_is_refused(start_port: StartPort) -> None:
    with pytest.raises(ConfigurationError, match="POST /cases/"):
        await start_port(CORNFLOW_F_BODY_LIMITS="POST /cases/=5")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/instance/", JSON),
        ("/instancefile/", FORM),
        ("/execution/files/x/", FORM),
        ("/execution/files/x/", (b"content-type", b"application/x-www-form-urlencoded")),
    ],
    ids=lambda value: value if isinstance(value, str) else value[1].decode()[:24],
)
async def test_a_slow_client_keeps_no_connection(
    start_port: StartPort, path: str, kind: tuple[bytes, bytes]
) -> None:
    port = await start_port(EXECUTION_FILES="1")
    as_ = "admin" if path.startswith("/instance") else "service_user"
    senders = [Sender(10, stops_after=2) for _ in range(5)]
    tasks = [asyncio.create_task(send(port, "POST", path, one, kind, as_=as_)) for one in senders]
    for one in senders:
        await asyncio.wait_for(one.waits.wait(), 20)
    try:
        assert port.app.state.engine.pool.checkedout() == 0
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


# --- how many values


def test_texts_may_hold_what_looks_like_values() -> None:
    assert not has_more_values(json.dumps({"csv": '1,2,3,"x",[{' * 1000}).encode(), 3)
    assert has_more_values(b"[" * 10, 9)
    assert not has_more_values(b"[1,2,3]", 3)


_documents = st.recursive(
    st.none() | st.integers() | st.text() | st.sampled_from(['"', "\\", '\\"', ",", "[{"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def _begun(document: Any) -> int:
    """Commas and opening brackets of a document, outside of texts."""
    if isinstance(document, dict | list):
        children = document.values() if isinstance(document, dict) else document
        return 1 + max(0, len(document) - 1) + sum(map(_begun, children))
    return 0


@given(_documents, st.lists(st.integers(min_value=1, max_value=7)), st.booleans())
@settings(max_examples=300)
def test_values_are_counted_however_they_arrive(
    document: Any, sizes: list[int], ascii_only: bool
) -> None:
    text = json.dumps(document, ensure_ascii=ascii_only)
    raw = text.encode(errors="surrogatepass")
    counter, at = ValueCounter(10_000), 0
    for size in sizes:
        counter.add(raw[at : at + size])
        at += size
    counter.add(raw[at:])
    assert counter.count == _begun(document)
    if counter.count:
        assert has_more_values(raw, counter.count - 1)
    assert not has_more_values(raw, counter.count)


@pytest.mark.parametrize("packed", [False, True])
async def test_a_body_of_too_many_values_is_never_built(
    start_port: StartPort, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = await start_port(CORNFLOW_F_MAX_JSON_VALUES="1000")
    raw = b'{"name": "a", "data": [' + b"[]," * 600 + b"[]]}"
    headers = {"Content-Type": "application/json"}
    if packed:
        raw, headers["Content-Encoding"] = gzip.compress(raw), "gzip"
    real = json.loads
    monkeypatch.setattr(
        json, "loads", lambda text, **how: real(text, **how) if len(text) < 1000 else 1 / 0
    )
    reply = await port.call("POST", "/instance/", content=raw, headers=headers)
    assert (reply.status_code, reply.json()) == (
        413,
        {"error": "The body has more than 1000 values, which is the most this server takes."},
    )
    # who may not is told so, not how large it is
    refused = await port.call("POST", "/instance/", as_="viewer", content=raw, headers=headers)
    assert refused.status_code == 403


# --- the event loop


async def longest_stall(work: Callable[[], Awaitable[Any]]) -> tuple[float, Any]:
    """Seconds for which this process had the processor while a coroutine that only wants to go on waited.

    Not those of a clock: on a machine that does much else they say how much.
    """
    longest, is_done = 0.0, asyncio.Event()

    async def tick() -> None:
        nonlocal longest
        while not is_done.is_set():
            began = time.process_time()
            await asyncio.sleep(0.005)
            longest = max(longest, time.process_time() - began)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.05)
    result = await work()
    is_done.set()
    await ticking
    return longest, result


def _many_keys() -> bytes:
    return b"{" + b",".join(b'"key%07d":1' % number for number in range(400_000)) + b"}"


LARGE = {
    "unknown keys": ("PUT", "/user/1/", _many_keys, 400),
    "wrong steps": (
        "PATCH", "/case/1/data/", lambda: b'{"data_patch":[' + b"{}," * 400_000 + b"{}]}", 400,
    ),
    "lists": (
        "POST", "/instance/",
        lambda: b'{"name":"a","data":[' + b"[]," * 2_000_000 + b"[]]}", 404,
    ),
    "more lists": (
        "POST", "/instance/",
        lambda: b'{"name":"a","data":[' + b"[]," * 20_000_000 + b"[]]}", 413,
    ),
    "an address": (
        "POST", "/signup/",
        lambda: json.dumps(
            {"username": "a", "password": "Ab-12345", "email": f"a@{'é' * 900_000}.org"}
        ).encode(), 400,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
async def test_others_do_not_wait_for_what_is_large(port: Port, name: str) -> None:
    method, path, make, status = LARGE[name]
    body = make()
    stalls = []
    for _ in range(3):
        stall, reply = await longest_stall(
            lambda: port.call(
                method, path, content=body, headers={"Content-Type": "application/json"}
            )
        )
        assert reply.status_code == status, reply.text[:200]
        assert len(reply.content) < 1_000_000
        stalls.append(stall)
        if stall < STALL:
            return
    pytest.fail(f"others waited for {stalls} s")


async def test_of_many_wrong_fields_the_first_are_told_as_ever(port: Port) -> None:
    few = {f"key{number}": 1 for number in range(900)}
    reply = await port.call("PUT", "/user/1/", json={**few, "pad": "x" * 70_000})
    expected = {name: ["Unknown field."] for name in [*few, "pad"]}
    assert reply.json() == {"error": str({"json": expected})}
    many = {f"key{number}": 1 for number in range(5_000)}
    reply = await port.call("PUT", "/user/1/", json=many)
    assert reply.json()["error"].count("Unknown field.") == 1_000


async def test_long_patches_are_read_as_short_ones(port: Port) -> None:
    made = await port.call("POST", "/case/", json={"name": "a", "schema": "", "data": {}})
    steps = [{"op": "add", "path": f"/{number}", "value": number} for number in range(3_000)]
    patches: list[list[Any]] = [
        [*steps, {"op": 1}], [{"op": 1}], [*steps, [], 5, None], [[], 5, None],
    ]  # fmt: skip
    replies = [
        (await port.call("PATCH", "/case/1/data/", json={"data_patch": part})).json()
        for part in patches
    ]
    assert made.status_code in (201, 404)
    for long, short in (replies[:2], replies[2:]):
        for number in (2, 1, 0):
            short["error"] = short["error"].replace(f"{number}: ", f"{number + 3_000}: ")
        assert long == short


def test_an_address_costs_what_its_length_costs() -> None:
    def seconds(size: int) -> float:
        values = {"username": "a", "password": "b", "email": f"a@{'é' * size}.org"}
        began = time.thread_time()
        with pytest.raises(ValidationError):
            SignupRequest.model_validate(values)
        return time.thread_time() - began

    assert min(seconds(900_000) for _ in range(3)) < 0.1
    assert SignupRequest(username="a", password="b", email="a@bücher.example").email


async def test_the_collector_works_again_after_a_large_body(port: Port) -> None:
    await port.call("PUT", "/user/1/", json={"first_name": "x" * 100_000})
    await port.call("PUT", "/user/1/", content=b"[" * 200_000)
    assert gc.isenabled()
