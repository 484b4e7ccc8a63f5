"""The bridge must see every path as the legacy's own router sees it."""

import flask
import pytest
from hypothesis import given
from hypothesis import strategies as st

from legacy_bridge.operations.match import (
    Infrastructure,
    Match,
    Matcher,
    NoMethod,
    NoOperation,
    OptionsRequest,
    Redirect,
    path_below,
)
from legacy_bridge.operations.operation import Operation, OperationError
from tests.bridge.pair import flask_app, pair_rules

ITEM = "/thing/<int:idx>/"


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/thing/", Operation("GET", "/thing/")),
        ("POST", "/thing/", Operation("POST", "/thing/")),
        ("HEAD", "/thing/", Operation("GET", "/thing/")),
        ("OPTIONS", "/thing/", OptionsRequest("/thing/")),
        ("PUT", "/thing/7/", Operation("PUT", ITEM)),
        ("HEAD", "/thing/7/", Operation("GET", ITEM)),
        ("GET", "/thing/deployed/", Operation("GET", "/thing/deployed/")),
        ("DELETE", "/thing/", NoMethod()),
        ("HEAD", "/echo/", NoMethod()),
        ("GET", "/thing", Redirect()),
        ("POST", "/thing", Redirect()),
        ("GET", "//thing/", Operation("GET", "/thing/")),
        ("GET", "/thing//7/", Redirect()),
        ("GET", "/thing/x/", NoOperation()),
        ("GET", "/thing/-1/", NoOperation()),
        ("GET", "/", NoOperation()),
        ("GET", "", NoOperation()),
        ("BREW", "/thing/", NoMethod()),
        ("get", "/thing/", Operation("GET", "/thing/")),
        ("GET", "/static/x.css", Infrastructure("/static/<path:filename>")),
    ],
)
def test_each_request_has_one_meaning(method: str, path: str, expected: Match) -> None:
    assert Matcher(pair_rules()).match(method, path) == expected


def test_fixed_rules_win_over_variable_ones_whatever_their_order() -> None:
    app = flask.Flask("order")
    app.add_url_rule("/dag/<string:idx>/", "one", lambda idx: "", methods=["GET", "PUT"])
    app.add_url_rule("/dag/deployed/", "two", lambda: "", methods=["GET"])
    matcher = Matcher(pair_rules(app))
    assert matcher.match("GET", "/dag/deployed/") == Operation("GET", "/dag/deployed/")
    # The legacy itself lets PUT fall through to the variable rule.
    assert matcher.match("PUT", "/dag/deployed/") == Operation("PUT", "/dag/<string:idx>/")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/test/thing/", Operation("GET", "/thing/")),
        ("/test/thing", Redirect()),
        ("/thing/", NoOperation()),
        ("/testthing/", NoOperation()),
        ("/test", NoOperation()),
        ("/test/", NoOperation()),
    ],
)
def test_below_an_application_root(path: str, expected: Match) -> None:
    assert Matcher(pair_rules(), root="/test").match("GET", path) == expected


_pieces = st.sampled_from(
    ["thing", "deployed", "7", "-1", "x", "", "echo", "big", "static", "é", "%"]
)
_paths = st.lists(_pieces, max_size=4).map(lambda pieces: "/" + "/".join(pieces))
_methods = st.sampled_from(["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH"])

_APP = flask_app()
_MATCHER = Matcher(pair_rules(_APP))


@given(_methods, _paths, st.booleans())
def test_agrees_with_flask_itself(method: str, path: str, slash: bool) -> None:
    """The oracle is Flask: what its request context finds, the matcher finds."""
    path += "/" * slash
    context = _APP.test_request_context(
        environ_overrides={"REQUEST_METHOD": method, "PATH_INFO": path}
    )
    with context:
        request = context.request
    found = _MATCHER.match(method, request.path)
    error = request.routing_exception
    if error is None:
        rule = request.url_rule
        assert rule is not None
        assert getattr(found, "rule", None) == rule.rule
    else:
        expected = {308: Redirect, 405: NoMethod, 404: NoOperation}[error.code or 0]
        assert isinstance(found, expected)


def test_a_prefix_ends_at_a_slash() -> None:
    assert path_below("/api/v2/x", "/api") == "/v2/x"
    assert path_below("/api", "/api") == ""
    assert path_below("/apiv2/x", "/api") is None


def test_operations_are_read_and_written_alike() -> None:
    assert Operation.parse(" get   /thing/<int:idx>/ ") == Operation("GET", ITEM)
    assert str(Operation("GET", ITEM)) == f"GET {ITEM}"
    for text in ("", "GET", "/thing/", "GET thing"):
        with pytest.raises(OperationError, match="write METHOD and rule"):
            Operation.parse(text)
