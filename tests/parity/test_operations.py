"""Which operation a request is."""

import pytest

from parity_core.compare.places import operation_matches, place_matches
from parity_core.model import Place
from parity_tests.operations import CensusMatcher, parse_census

MATCHER = CensusMatcher(
    [
        "GET /user/",
        "POST /user/",
        "GET /user/<int:idx>/",
        "PUT /user/<int:idx>/<int:admin>/",
        "GET /user/role/",
        "GET /dag/<string:idx>/",
        "GET /dag/deployed/",
        "GET /files/<path:name>",
        "GET /plain",
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "label", "place"),
    [
        ("GET", "/user/", "GET /user/", Place.OPERATION),
        ("GET", "/user/12/", "GET /user/<int:idx>/", Place.OPERATION),
        ("PUT", "/user/1/0/", "PUT /user/<int:idx>/<int:admin>/", Place.OPERATION),
        ("GET", "/user/role/", "GET /user/role/", Place.OPERATION),
        ("GET", "/dag/deployed/", "GET /dag/deployed/", Place.OPERATION),
        ("GET", "/dag/other/", "GET /dag/<string:idx>/", Place.OPERATION),
        ("GET", "/dag/a%20b/", "GET /dag/<string:idx>/", Place.OPERATION),
        ("GET", "/files/a/b.txt", "GET /files/<path:name>", Place.OPERATION),
        ("GET", "/plain", "GET /plain", Place.OPERATION),
        ("HEAD", "/user/", "HEAD /user/", Place.IMPLICIT),
        ("OPTIONS", "/user/1/0/", "OPTIONS /user/<int:idx>/<int:admin>/", Place.IMPLICIT),
        ("HEAD", "/user/1/0/", "HEAD /user/<int:idx>/<int:admin>/", Place.NOT_ALLOWED),
        ("DELETE", "/user/", "DELETE /user/", Place.NOT_ALLOWED),
        ("GET", "/user", "GET /user", Place.REDIRECT),
        ("GET", "//user/", "GET /user/", Place.OPERATION),
        ("GET", "/user//", "GET /user//", Place.REDIRECT),
        ("GET", "/user/x/", "GET (no such rule)", Place.NOT_FOUND),
        ("GET", "/user/-1/", "GET (no such rule)", Place.NOT_FOUND),
        ("GET", "/plain/", "GET (no such rule)", Place.NOT_FOUND),
    ],
)
def test_match(method: str, path: str, label: str, place: Place) -> None:
    found = MATCHER.match(method, path)
    assert (found.label, found.place) == (label, place)


def test_a_census_is_a_list_or_a_table() -> None:
    plain = parse_census('["GET /a/", "GET /a/"]')
    assert plain.operations == ("GET /a/",)
    assert plain.ported == {"GET /a/"}, "nobody says that one is not"
    census = parse_census(
        'a warning\n{"operations": [{"method": "GET", "rule": "/a/", "ported": true}, {"method": "PUT", "rule": "/a/"}]}'
    )
    assert census.operations == ("GET /a/", "PUT /a/")
    assert census.ported == {"GET /a/"}


@pytest.mark.parametrize(
    ("glob", "place", "matches"),
    [
        ("body/*/id", "body/0/id", True),
        ("body/*/id", "body/0/a/id", False),
        ("body/**/id", "body/0/a/id", True),
        ("body/**/id", "body/id", True),
        ("body/**", "body", True),
        ("body/**", "bodyguard", False),
        ("**", "rows/users/1/id", True),
        ("rows/users/*", "rows/users/1/id", False),
        ("rows/*/*/*_at", "rows/users/1/created_at", True),
        ("header/*", "header/allow", True),
        ("body/a.b", "body/axb", False),
    ],
)
def test_place_globs(glob: str, place: str, matches: bool) -> None:
    assert place_matches(glob, place) is matches


def test_operation_globs() -> None:
    assert operation_matches("* /user/*", "GET /user/<int:idx>/")
    assert operation_matches("GET /user/<int:idx>/", "GET /user/<int:idx>/")
    assert not operation_matches("GET /user/", "GET /user/<int:idx>/")
