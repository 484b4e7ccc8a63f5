"""The parts of `parity suite` that need no run: which module is whose, WSGI to HTTP, what was used."""

import importlib
import io
import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import TestCase, mock

import pytest
from flask import Flask
from flask.views import MethodView

from parity_core.model import ParityError
from parity_tests.suite import target as targets
from parity_tests.suite.doubles import Doubles
from parity_tests.suite.target import SuiteTarget
from parity_tests.suite.views import view_of_suite
from parity_tests.suite.wsgi import mounted, request_of

TARGET = SuiteTarget("t", ("shop",), lambda *_: "", lambda *_: None, suite=("shop.tests",))


@pytest.mark.parametrize(
    ("module", "legacy", "suite"),
    [
        ("shop", True, False), ("shop.views", True, False), ("shopping", False, False),
        ("shop.tests.unit", False, True), ("requests", False, False), (None, False, False),
    ],
)  # fmt: skip
def test_whose_a_module_is(module: str | None, legacy: bool, suite: bool) -> None:
    assert (TARGET.has(module), TARGET.is_suite(module)) == (legacy, suite)


def test_a_target_that_lacks_something_says_what(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "half_a_target.py").write_text("LEGACY = 'shop'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ParityError, match="settings_from"):
        targets.load("half_a_target")


def test_a_configuration_names_the_target() -> None:
    assert targets.reference("cornflow").module == "cornflow_cutover.suite.target"
    with pytest.raises(ParityError, match=r"shop/parity.toml: `suite` is missing"):
        targets.reference(str(Path(__file__).parent / "shop" / "parity.toml"))


def test_a_view_of_the_suites_own() -> None:
    app = Flask("shop")

    def view() -> str:
        return ""

    class Classy(MethodView):
        def get(self) -> str:
            return ""

    def theirs() -> str:
        return ""

    Classy.__module__ = "shop.tests.views"
    theirs.__module__ = "shop.views"
    app.add_url_rule("/own", "own", view)
    app.add_url_rule("/classy", "classy", Classy.as_view("classy"))
    app.add_url_rule("/theirs", "theirs", theirs)
    found = {
        path: view_of_suite(
            app, app.test_request_context(path).request.environ, TARGET, Path(__file__).parent
        )
        for path in ("/own", "/classy", "/theirs", "/nowhere", "/static/x")
    }
    assert found == {
        "/own": __name__, "/classy": "shop.tests.views",
        "/theirs": None, "/nowhere": None, "/static/x": None,
    }  # fmt: skip


def test_a_request_keeps_path_query_headers_and_body() -> None:
    environ = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "/root",
        "PATH_INFO": "/caf\xc3\xa9/a b;c",
        "QUERY_STRING": "x=%20y&z=1?2",
        "HTTP_HOST": "localhost",
        "HTTP_X_COUNT": "3",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "2",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(b"abc"),
    }
    request = request_of(environ)
    assert request.url.raw_path == b"/caf%C3%A9/a%20b;c?x=%20y&z=1?2"
    assert request.headers["x-count"] == "3"
    assert (request.headers["content-type"], request.headers["content-length"]) == (
        "text/plain",
        "2",
    )
    assert b"".join(request.stream) == b"ab"  # type: ignore[arg-type]
    # a redirect of a port that knows nothing of the mount point
    assert mounted(("Location", "/x/"), environ) == ("Location", "/root/x/")
    assert mounted(("Location", "http://localhost/x/"), environ)[1] == "http://localhost/root/x/"
    assert mounted(("Location", "http://elsewhere/x/"), environ)[1] == "http://elsewhere/x/"


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Any:
    module: Any = ModuleType("shop")
    module.send, module.price, module.LIMIT = (lambda: "sent"), (lambda: 1), 3
    monkeypatch.setitem(sys.modules, "shop", module)
    return module


def test_what_a_test_replaces_and_a_request_uses(shop: Any) -> None:
    doubles = Doubles(TARGET)
    undo = doubles.install()
    try:
        monkeypatch = pytest.MonkeyPatch()
        monkeypatch.setattr(shop, "price", lambda: 2)
        with (
            mock.patch("shop.send"),
            mock.patch.object(shop, "LIMIT", 4),
            mock.patch("json.dumps") as dumps,
            mock.patch("json.loads"),
            TestCase().assertLogs("shop.mail") as logs,
        ):
            with doubles.watched() as first:
                shop.send()
                dumps({})
                logs.records.append(logging.LogRecord("shop", 20, "", 0, "", None, None))
            with doubles.watched() as second:
                shop.price()
        monkeypatch.undo()
        with doubles.watched() as third:
            pass
    finally:
        undo()
    told = {double.name: (double.inside, double.used) for double in first}
    assert told == {
        "shop.price": (True, False), "shop.send": (True, True), "shop.LIMIT": (True, None),
        "json.dumps": (False, True), "json.loads": (False, False), "logger shop.mail": (True, True),
    }  # fmt: skip
    assert [double.name for double in second if double.used] == ["shop.price"]
    assert third == []
    # nothing of ours is left in the libraries
    assert importlib.import_module("unittest.mock")._patch.__enter__.__module__ == "unittest.mock"
