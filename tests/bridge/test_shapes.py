"""Paths of one shape are looked up once, and what is remembered is what werkzeug would say."""

from typing import Any

import flask
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.routing import AnyConverter, BaseConverter

from legacy_bridge.operations.match import Matcher, NoOperation
from legacy_bridge.operations.match_cache import Shapes, is_told
from legacy_bridge.operations.operation import LegacyRule, Operation

ALL = frozenset({"GET", "HEAD", "OPTIONS", "PUT"})


class Seven(BaseConverter):
    regex = "7"


def rules(*texts: str, **options: Any) -> list[LegacyRule]:
    return [LegacyRule(text, ALL, text, **options) for text in texts]


class Counted(Matcher):
    """Tells what werkzeug was asked."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.asked: list[str] = []

    def _look_up(self, method: str, path: str) -> Any:
        self.asked.append(f"{method} {path}")
        return super()._look_up(method, path)


def test_werkzeug_is_asked_once_for_each_kind_of_path() -> None:
    matcher = Counted(rules("/thing/<int:idx>/", "/thing/<string:idx>/"))
    for path in ("/thing/1/", "/thing/22/", "/thing/a/", "/thing/bb/", "/thing/\u0663/"):
        kind = "int" if path[7:-1].isdecimal() else "string"
        assert matcher.match("GET", path) == Operation("GET", f"/thing/<{kind}:idx>/")
    assert matcher.asked == ["GET /thing/1/", "GET /thing/a/"]


def test_a_fixed_part_is_not_taken_for_any_text() -> None:
    matcher = Matcher(rules("/dag/<string:idx>/", "/dag/deployed/"))
    assert matcher.match("GET", "/dag/x/") == Operation("GET", "/dag/<string:idx>/")
    assert matcher.match("GET", "/dag/deployed/") == Operation("GET", "/dag/deployed/")


@pytest.mark.parametrize(
    "text",
    ["/x/<float:a>/", "/x/<path:a>", "/x/<string(length=2):a>/", "/x/<a>.json", "/<a>/x<b>/"],
)
def test_rules_that_ask_more_are_always_looked_up(text: str) -> None:
    matcher = Counted(rules(text, "/y/<int:a>/"))
    for path in ("/x/12/", "/x/1.5/", "/x/a/b", "/x/ab/", "/x/a.json", "/x/xb/", "/x/123/"):
        assert matcher.match("GET", path) == Matcher(rules(text))._look_up("GET", path)
    assert len(matcher.asked) == 7


def test_a_converter_of_the_legacys_own_is_asked() -> None:
    matcher = Counted(rules("/x/<int:a>/"), converters={"int": Seven})
    assert matcher.match("GET", "/x/7/") == Operation("GET", "/x/<int:a>/")
    assert isinstance(matcher.match("GET", "/x/8/"), NoOperation)


def test_what_is_remembered_does_not_grow_with_traffic() -> None:
    matcher = Counted(rules("/x/<string:a>/", strict_slashes=False))
    for number in range(50):
        matcher.match("GET", f"/x/{number}/")
        matcher.match("GET", f"/nowhere/{number}/" + "y/" * number)
        matcher.match("GET", "/" * number + "x/a/")
        matcher.match(f"BREW{number}", "/x/a/")
        matcher.match("gEt", f"/x/{'a' * 2000}{number}/")
    assert len(matcher._known) < 6


def test_numbers_python_does_not_read_have_no_shape() -> None:
    shapes = Shapes(["/x/<int:a>/"])
    assert is_told(shapes.of("GET", "/x/77/"))
    assert not is_told(shapes.of("GET", f"/x/{'7' * 5000}/"))


_APP = flask.Flask("shapes")
_APP.url_map.converters["one"] = AnyConverter
for _text, _methods, _strict in (
    ("/a/<int:i>/", ["GET", "PUT"], True),
    ("/a/<s>/", ["PUT", "DELETE"], True),
    ("/a/b/", ["GET"], True),
    ("/a/b/<s>", ["GET"], True),
    ("/a/<int:i>/b", ["GET"], False),
    ("/a/<s>/7/", ["GET", "POST"], False),
    ("/f/<float:x>/", ["GET"], True),
    ("/o/<one(b,c):x>/", ["GET"], True),
    ("/p/<path:x>", ["GET"], True),
    ("/<s>/b/", ["GET"], True),
    ("/<int:i>", ["DELETE"], True),
):
    _APP.add_url_rule(_text, _text, lambda **_: "", methods=_methods, strict_slashes=_strict)
_MATCHER = Matcher(
    [
        LegacyRule(
            rule.rule,
            frozenset(rule.methods or ()),
            rule.endpoint,
            strict_slashes=rule.strict_slashes,
        )
        for rule in _APP.url_map.iter_rules()
    ],
    converters={"one": AnyConverter},
)
_pieces = st.sampled_from(
    ["a", "b", "c", "f", "o", "p", "7", "12", "1.5", "", "x", "\u0663", "-1", "static"]
)
_paths = st.lists(_pieces, max_size=4).map(lambda pieces: "/" + "/".join(pieces))


@given(
    st.sampled_from(["GET", "HEAD", "PUT", "DELETE", "POST", "OPTIONS"]),
    st.lists(_paths, min_size=5),
)
def test_remembering_changes_no_answer(method: str, paths: list[str]) -> None:
    """Twice each, so that the second may be what was remembered of another path."""
    for path in [*paths, *paths]:
        assert _MATCHER.match(method, path) == _MATCHER._look_up(method, path)
