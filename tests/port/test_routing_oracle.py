"""The port's route table against werkzeug's router, on the rules of the port."""

from urllib.parse import unquote

import httpx
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, RequestRedirect, Rule

from cornflow_f.security import create_token
from cornflow_f.web.routing import Resolution, RouteDecision, RouteTable, legacy_rule
from tests.port.conftest import SECRET, StartPort

PATHS = {
    "/user/": ["GET"],
    "/user/{user_id:int}/": ["GET", "PUT", "DELETE"],
    "/user/{user_id:int}/{make_admin:int}/": ["PUT"],
    "/user/role/": ["GET", "POST"],
    "/user/recover-password/": ["PUT"],
    "/execution/{idx}/": ["GET", "POST"],
    "/execution/{idx}/status/": ["GET", "PUT"],
    "/execution/files/{idx}/": ["GET", "POST"],
    "/execution/files/cleanup/": ["DELETE"],
    "/dag/": ["POST"],
    "/dag/{idx}/": ["GET", "PUT"],
    "/dag/deployed/": ["GET", "POST"],
    "/dag/deployed/{idx}/": ["PUT"],
}
TABLE = RouteTable((path, methods) for path, methods in PATHS.items())
MAP = Map([Rule(legacy_rule(path), endpoint=path, methods=m) for path, m in PATHS.items()])
for _rule in MAP.iter_rules():
    setattr(_rule, "provide_automatic_options", True)  # noqa: B010 - as Flask does
    assert _rule.methods is not None
    _rule.methods.add("OPTIONS")

SEGMENTS = ["user", "role", "7", "-7", "007", "execution", "files", "cleanup", "status", "dag"]
SEGMENTS += ["deployed", "recover-password", "x", "", "a b", "é", "\n", "7\n", "x\n", "\n7", "\r"]
SEGMENTS += ["1" * 4300, "1" * 4301, "0" * 5000]


def werkzeug_says(method: str, path: str) -> Resolution:
    adapter = MAP.bind("server")
    try:
        adapter.match(path, method=method)
    except RequestRedirect as redirect:
        target = redirect.new_url.removeprefix("http://server")
        return Resolution(RouteDecision.REDIRECT, target=target)
    except MethodNotAllowed as error:
        return Resolution(RouteDecision.WRONG_METHOD, frozenset(error.valid_methods or ()))
    except NotFound:
        return Resolution(RouteDecision.NOT_FOUND)
    return Resolution(RouteDecision.MATCHED)


@given(
    st.lists(st.sampled_from(SEGMENTS), max_size=5),
    st.booleans(),
    st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]),
)
@example(["dag", "", ""], True, "POST")
@example(["user", "٣"], True, "GET")
@example(["user", "1" * 5000], True, "GET")
@example(["user", "7", "\n"], False, "GET")
@example(["user", "7\n"], False, "GET")
@example(["", "user"], True, "GET")
@example(["", "user", "", "role"], True, "GET")
def test_same_decision_for_any_path(segments: list[str], slash: bool, method: str) -> None:
    path = "/" + "/".join(segments) + ("/" if slash else "")
    expected, got = werkzeug_says(method, path), TABLE.resolve(method, path)
    assert got.decision is expected.decision
    if expected.decision is RouteDecision.WRONG_METHOD:
        assert got.allowed == expected.allowed
    if expected.decision is RouteDecision.REDIRECT:
        assert got.target == unquote(expected.target)


def test_rules_are_written_as_flask_writes_them() -> None:
    assert legacy_rule("/user/{user_id:int}/") == "/user/<int:user_id>/"
    assert legacy_rule("/execution/{idx}/status/") == "/execution/<string:idx>/status/"


async def test_more_digits_than_a_number_has_are_no_number(start_port: StartPort) -> None:
    port = await start_port()
    reply = await port.call("GET", f"/user/{'1' * 5000}/")
    assert (reply.status_code, reply.json()["message"]) == (404, "404 Not Found")


async def test_slashes_before_a_path_count_as_one(start_port: StartPort) -> None:
    port = await start_port()
    below = await start_port(APPLICATION_ROOT="/api", seed=False)
    for client, path in ((port, "//user/"), (port, "///user/role/"), (below, "/api//user/")):
        # An address of its own, or httpx would take the first word for a host.
        url = httpx.URL("http://port").copy_with(raw_path=path.encode())
        headers = {"Authorization": f"Bearer {create_token(SECRET, 'admin', 1)}"}
        reply = await client.client.get(url, headers=headers)
        assert reply.status_code == 200, (path, reply.text)
