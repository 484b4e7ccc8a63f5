"""Whatever a client sends as its token, a canary puts it somewhere and a capture names it: no 500."""

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from starlette.types import Scope

from legacy_bridge.capture.options import CaptureOptions
from legacy_bridge.modes.canary import Sticky, identity
from parity_core.capture.fingerprint import FingerprintKey
from tests.bridge.conftest import MakeBridge, Serve

KEY = FingerprintKey(b"of the tests")
SCOPE: Scope = {"client": ("10.0.0.7", 1)}


def part(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def token(payload: bytes, head: bytes = b'{"alg":"HS256"}') -> bytes:
    return b"Bearer " + b".".join((part(head), part(payload), b"c2ln"))


def nested(depth: int) -> bytes:
    return b'{"sub":' + b"[" * depth + b"]" * depth + b"}"


DEEP = [token(nested(depth)) for depth in (100, 900, 960, 990, 5_000, 20_000)]
ODD = [
    token(b'{"sub":"\\ud800"}'),
    token(b'{"sub":"\xff\xfe"}'),
    token(b'{"sub":' + b"9" * 30_000 + b"}"),
    token(b'{"sub":"' + b"x" * 40_000 + b'"}'),
    token(b'{"sub":NaN,"exp":Infinity}'),
    token(b'{"sub":{"a":["\\udfff"]}}'),
    token(b'{"sub":1e999}'),
    token(b"[1]"),
    token(b'"sub"'),
    token(b'{"sub":"a"}', b"\xff"),
    b"Bearer a.b.c",
    b"Bearer \xff\xfe.\xff.\xff",
    b"Bearer ..",
    b"Basic \xff\xff",
    b"Basic " + base64.b64encode(b"\xff:\xfe"),
    b"",
    b" ",
    b"Negotiate \xe9",
]

_claims = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["sub", "exp", "a"]), inner),
)
_payloads = (
    st.builds(lambda document: json.dumps(document).encode(), _claims)
    | st.builds(lambda sub: json.dumps({"sub": sub, "exp": sub}).encode(), _claims)
    | st.builds(
        lambda code: b'{"sub":"\\u%04x"}' % code, st.integers(min_value=0xD700, max_value=0xE000)
    )
    | st.integers(min_value=1, max_value=3000).map(nested)
    | st.binary(max_size=200)
)
_tokens = (
    st.builds(token, _payloads, _payloads | st.just(b'{"alg":"HS256"}'))
    | st.builds(lambda raw: b"Bearer " + raw, st.binary(max_size=80))
    | st.builds(lambda raw: b"Basic " + base64.b64encode(raw), st.binary(max_size=80))
    | st.binary(max_size=80)
)


def _with_examples(test: Any) -> Any:
    for one in [*DEEP, *ODD]:
        test = example(one)(test)
    return test


@_with_examples
@given(_tokens)
@settings(max_examples=400, deadline=None)
def test_any_token_is_somebody(authorization: bytes) -> None:
    found = [
        identity(Sticky(), [(b"authorization", authorization)], SCOPE),
        identity(Sticky(), [(b"authorization", authorization)], SCOPE),
    ]
    assert found[0] == found[1]
    caller = KEY.caller(authorization.decode("latin-1"), 1.0)
    assert caller.user == KEY.caller(authorization.decode("latin-1"), 1.0).user
    assert caller.user.startswith("u-")


def test_a_header_of_one_word_is_no_scheme() -> None:
    caller = KEY.caller("My-Secret-Value1", 1.0)
    assert caller.scheme == "other"
    assert "My-Secret-Value1" in caller.secrets


@pytest.mark.parametrize("recorded", [False, True])
async def test_forged_tokens_reach_a_stack_on_a_canary(
    make_bridge: MakeBridge, serve: Serve, tmp_path: Path, recorded: bool
) -> None:
    options: dict[str, Any] = {"allow_force": False}
    if recorded:
        options["capture"] = CaptureOptions(capture=tmp_path / "capture", capture_sample=0.5)
    server = serve(make_bridge(token="operator", **options))
    control = {"Authorization": "Bearer operator"}
    async with httpx.AsyncClient(base_url=server.url) as client:
        done = await client.put(
            "/_cutover/mode",
            headers=control,
            json={"operation": "GET /thing/", "mode": "canary 50%", "by": "me", "why": "a test"},
        )
        assert done.is_success, done.text
        for authorization in [*DEEP, *ODD]:
            if len(authorization) > 30_000 or authorization != authorization.strip():
                continue  # the server or the client refuses such a header
            got = await client.get("/thing/", headers={b"Authorization": authorization})
            assert got.status_code == 200, (authorization[:60], got.text)
            assert got.headers["x-served-by"] in ("legacy", "ported")
