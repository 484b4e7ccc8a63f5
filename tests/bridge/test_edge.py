"""Header fields, the mount point and lifespans, put right before a stack sees them."""

import pytest
from starlette.types import Receive, Scope, Send

from legacy_bridge.stacks.edge import Lifespan, LifespanError, Mount, mount_point, put_right


def test_split_cookies_are_joined_as_browsers_write_them() -> None:
    headers = [(b"cookie", b"a=1"), (b"accept", b"*/*"), (b"cookie", b"b=2")]
    assert (b"cookie", b"a=1; b=2") in put_right(headers).headers


def test_names_with_underscores_are_dropped() -> None:
    fields = put_right([(b"x_role", b"admin"), (b"x-role", b"viewer")])
    assert [value for name, value in fields.headers if b"role" in name] == [b"viewer"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [(b"abc-123", True), (b"", False), (b"x" * 129, False), (b"a b", False), (b"a\x1b[31m", False)],
)
def test_a_request_id_is_kept_when_it_is_harmless(given: bytes, kept: bool) -> None:
    fields = put_right([(b"x-request-id", given)])
    assert (fields.request_id == given) is kept
    assert [value for name, value in fields.headers if name == b"x-request-id"] == [
        fields.request_id
    ]


def test_requests_get_different_ids() -> None:
    assert put_right([]).request_id != put_right([]).request_id


@pytest.mark.parametrize(
    ("root", "path", "expected"),
    [
        ("", "/x/", Mount("", "/x/")),
        ("/api", "/api/x/", Mount("/api", "/x/")),
        ("/api/", "/api/x/", Mount("/api", "/x/")),
        ("/api", "/apiv2/x", Mount("", "/apiv2/x")),
        ("/api", "/api", Mount("/api", "")),
    ],
)
def test_the_mount_ends_at_a_slash(root: str, path: str, expected: Mount) -> None:
    assert mount_point({"path": path, "root_path": root}) == expected


async def test_an_app_without_a_lifespan_is_left_alone() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("only http")

    lifespan = Lifespan(app)
    await lifespan.startup()
    await lifespan.shutdown()


async def test_a_lifespan_is_run_once_and_gives_its_state() -> None:
    events = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for step in ("startup", "shutdown"):
            events.append((await receive())["type"])
            scope["state"]["seen"] = step
            await send({"type": f"lifespan.{step}.complete"})

    lifespan = Lifespan(app)
    await lifespan.startup()
    assert (events, lifespan.state) == (["lifespan.startup"], {"seen": "startup"})
    await lifespan.shutdown()
    assert events == ["lifespan.startup", "lifespan.shutdown"]


@pytest.mark.parametrize("step", ["startup", "shutdown"])
async def test_an_app_that_refuses_is_heard(step: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if step == "shutdown":
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": f"lifespan.{step}.failed", "message": "no database"})

    lifespan = Lifespan(app)
    if step == "startup":
        with pytest.raises(LifespanError, match="no database"):
            await lifespan.startup()
    else:
        await lifespan.startup()
        with pytest.raises(LifespanError, match="no database"):
            await lifespan.shutdown()
