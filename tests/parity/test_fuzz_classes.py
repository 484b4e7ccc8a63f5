"""One drill for each class of what porters get wrong, what it draws from, and what goes on from what is new."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from parity_core.model import Attribution, Exchange, Pair, ParityError, Reply, Request, Side
from parity_tests.config import ServiceConfig
from parity_tests.fuzz import catalogue
from parity_tests.fuzz.catalogue import Catalogue
from parity_tests.fuzz.documents import shapes
from parity_tests.fuzz.draw.draft import Damage, Draft, Ref, Wish, plain
from parity_tests.fuzz.draw.json_patch import is_patch, patches
from parity_tests.fuzz.draw.secrets import mistaken, secrets
from parity_tests.fuzz.draw.spellings import BOOLEANS, INTEGERS, spellings
from parity_tests.fuzz.draw.variants import MOMENT, TAG
from parity_tests.fuzz.drills.ageing import ageing
from parity_tests.fuzz.drills.awkward import awkward
from parity_tests.fuzz.drills.bounds import bounds
from parity_tests.fuzz.drills.distribution import Distribution, Drill
from parity_tests.fuzz.drills.faults import faults
from parity_tests.fuzz.drills.headers import headers, large
from parity_tests.fuzz.drills.log_ins import log_ins
from parity_tests.fuzz.drills.partial_updates import partial_updates
from parity_tests.fuzz.drills.patch_chains import patch_chains
from parity_tests.fuzz.drills.people import people
from parity_tests.fuzz.drills.spelled import spelled
from parity_tests.fuzz.reach import Corpus, ReplyReach
from parity_tests.fuzz.resolve import Pool, resolve
from parity_tests.fuzz.session import FuzzOptions
from parity_tests.fuzz.use_case import ALL, shares
from parity_tests.journeys.templates import fill, variables
from parity_tests.stage.services.orchestrators import FolderService

QUERY = [
    {"in": "query", "name": "creation_gte", "schema": {"type": "string", "format": "date-time"}},
    {"in": "query", "name": "limit", "schema": {"type": "integer"}},
    {"in": "query", "name": "skip", "schema": {"type": "integer"}},
    {"in": "query", "name": "all", "schema": {"type": "boolean"}},
]
BODY = {
    "requestBody": {
        "content": {
            "application/json": {
                "schema": {
                    "properties": {
                        "name": {"type": "string"},
                        "note": {"type": "string"},
                        "size": {"type": "integer"},
                        "data": {"type": "object"},
                    }
                }
            }
        }
    }
}
DOCUMENT = {
    "paths": {"/box/": {"get": {"parameters": QUERY}, "post": BODY}, "/box/{idx}/": {"put": BODY}}
}
KNOWN = """
[things.box]
[things.user]
[things.session]
[things.secret]

[log_in]
operation = "POST /login/"
name = "username"
secret = "password"
mailed = "secret"

[[operation]]
match = ["*"]
as = ["ann", "root"]

[[operation]]
match = ["POST /login/", "POST /signup/", "PUT /recover/"]
as = []

[[operation]]
match = ["POST /login/"]
json = [{ username = "ann", password = "Ann-1!" }]

[[operation]]
match = ["POST /signup/"]
json = [{ username = "user{n}", email = "u{n}@a.org", password = "Secret-pw{n}!" }]
makes = [{ kind = "session", at = "/token" }, { kind = "user", at = "/id" }]

[[operation]]
match = ["PUT /recover/"]
json = [{ email = "u{n}@a.org" }]
makes = [{ kind = "secret", at = "mail:/new: (.*)/" }]

[[operation]]
match = ["PUT /user/<int:idx>/"]
json = [{ password = "Secret-pw{n}!", email = "u{n}@a.org" }]
path = { idx = "user" }

[[operation]]
match = ["PUT /user/<int:idx>/admin/"]
path = { idx = "user" }
grants = "user"

[[operation]]
match = ["* /box/<int:idx>/*"]
path = { idx = "box" }

[[operation]]
match = ["POST /box/"]
json = [{ name = "box{n}", data = { a = 1 } }]
makes = [{ kind = "box", at = "/id" }]

[[operation]]
match = ["PUT /box/<int:idx>/"]
json = [{ name = "renamed{n}" }]

[[operation]]
match = ["PATCH /box/<int:idx>/"]
json = [{ patch = [{ op = "add", path = "/a", value = 1 }] }]
"""
LABELS = (
    "POST /login/", "POST /signup/", "PUT /recover/", "PUT /user/<int:idx>/", "PUT /user/<int:idx>/admin/",
    "POST /box/", "GET /box/", "GET /box/<int:idx>/", "PUT /box/<int:idx>/", "PATCH /box/<int:idx>/",
    "DELETE /box/",
)  # fmt: skip


@pytest.fixture
def known(tmp_path: Path) -> Catalogue:
    file = tmp_path / "fuzz.toml"
    file.write_text(KNOWN)
    return catalogue.build(catalogue.load(file), LABELS, shapes([DOCUMENT], LABELS))


def deck(
    known: Catalogue, sort: Callable[[Distribution], list[Drill]], seed: int = 1
) -> list[Drill]:
    return sort(Distribution(list(known.operations.values()), known, random.Random(seed)))


def asked(drills: list[Drill], label: str) -> list[Draft]:
    return [draft for drill in drills for one, draft in drill if one.label == label]


def body(draft: Draft) -> dict[str, Any]:
    return cast(dict[str, Any], draft.body)


def test_after_each_new_password_it_is_tried_and_what_may_be_mistaken_for_it(
    known: Catalogue,
) -> None:
    drills = deck(known, log_ins)
    setters = {drill[1][0].label for drill in drills if drill[0][0].label == "POST /signup/"}
    assert setters == {"PUT /user/<int:idx>/", "PUT /recover/", "POST /login/"}
    edit = next(one for one in drills if one[1][0].label == "PUT /user/<int:idx>/" and body(one[1][1])["password"].startswith(" "))  # fmt: skip
    tried = [body(draft)["password"] for one, draft in edit if one.label == "POST /login/"]
    assert tried[0] == body(edit[1][1])["password"]
    assert all(draft.again for _, draft in edit[1:]), "of the same user"
    assert edit[1][1].user == Ref("session", Wish.LATEST)
    assert "Secret-pw{n}!" in tried, "and the old one"
    mailed = next(one for one in drills if one[1][0].label == "PUT /recover/")
    assert Ref("secret", Wish.LATEST) in [body(draft)["password"] for _, draft in mailed[2:]]
    assert any(draft.days_later for drill in drills for _, draft in drill), "and when it is old"


def test_each_secret_has_its_mistakes() -> None:
    for secret in secrets("Secret-pw1!"):
        assert secret not in mistaken(secret)
    assert "Secret-pw1!" in mistaken(" Secret-pw1!")
    assert "Secret-pw1!é" in mistaken("Secret-pw1!e\u0301")
    assert {len(one.encode()) for one in secrets("Secret-pw1!")} >= {71, 72, 73, 144}


def test_everything_is_filled_before_one_field_is_changed_emptied_and_made_null(
    known: Catalogue,
) -> None:
    drills = [
        one for one in deck(known, partial_updates) if one[1][0].label == "PUT /box/<int:idx>/"
    ]
    made, whole = body(drills[0][0][1]), body(drills[0][1][1])
    assert set(made) == set(whole) == {"name", "note", "size", "data"}
    changes = [body(draft) for draft in asked(drills, "PUT /box/<int:idx>/")]
    for name in whole:
        assert {name: None} in changes
        assert len([one for one in changes if set(one) == {name}]) == 4
    assert {"note": ""} in changes
    assert {} in changes


def test_two_faults_meet_in_one_request(known: Catalogue) -> None:
    drafts = asked(deck(known, faults), "PUT /user/<int:idx>/")
    usual = plain(known.operations["PUT /user/<int:idx>/"])
    wrong = [
        sum((one.user != usual.user, one.path != usual.path, one.damage is not Damage.NONE, one.body != usual.body))
        for one in drafts
    ]  # fmt: skip
    assert wrong.count(2) > 10
    both = [body(one) for one in drafts if {"password", "email"} <= body(one).keys()]
    right = body(usual)
    assert any(
        one["password"] != right["password"] and one["email"] != right["email"] for one in both
    )


def test_bounds_lie_at_and_around_the_moments_that_rows_have(known: Catalogue) -> None:
    drills = deck(known, bounds)
    found = [
        value
        for draft in asked(drills, "GET /box/")
        for name, value in draft.query
        if name == "creation_gte"
    ]
    moments = [one for one in found if isinstance(one, Ref)]
    assert {one.change for one in moments} >= {"", "-0.000001", "0.000001", "second", "day", "zone"}
    assert {one.kind for one in moments} == {MOMENT}
    first = [one for one in moments if one.change in ("second", "day")]
    assert all(one.pick == -1 for one in first), (
        "only of the first row: the others may lie in the next second"
    )
    pages = {
        value
        for draft in asked(drills, "GET /box/")
        for name, value in draft.query
        if name in ("limit", "skip")
    }
    assert len(pages & {"0", "3", "4", "5", "-1"}) > 2


def test_of_moments_those_of_the_field_are_taken_that_the_filter_is_about(known: Catalogue) -> None:
    pool = Pool(known)
    for number, name in enumerate(("created_at", "updated_at")):
        pool.add(MOMENT, f"${{moment{number}_{name}}}", "ann", name)
    listing = known.operations["GET /box/"]
    moment = Ref(MOMENT, Wish.LATEST, 0, "creation_gte", "-0.001")
    step = resolve(listing, Draft("ann", query=(("creation_gte", moment),)), pool, 1)
    assert step.target == "/box/?creation_gte=${moment0_created_at|-0.001}"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("-0.000001", "2026-01-02T03:04:05.678900"),
        ("3600", "2026-01-02T04:04:05.678901"),
        ("second", "2026-01-02T03:04:05"),
        ("day", "2026-01-02"),
        ("zone", "2026-01-02T05:04:05.678901%2B02:00"),
        ("Z", "2026-01-02T03:04:05.678901Z"),
        ("space", "2026-01-02%2003:04:05.678901"),
        ("digits", "٢٠٢٦-٠١-٠٢T٠٣:٠٤:٠٥.٦٧٨٩٠١"),
    ],
)
def test_a_template_changes_a_moment(change: str, expected: str) -> None:
    template = f"${{moment_at|{change}}}"
    assert fill(template, {"moment_at": "2026-01-02T03:04:05.678901"}) == expected
    assert list(variables(template)) == ["moment_at"]
    assert fill(template, {"moment_at": 7}) == 7


def test_booleans_and_numbers_come_in_odd_spellings(known: Catalogue) -> None:
    drafts = asked(deck(known, spelled), "GET /box/")
    given = {
        name: {value for one in drafts for key, value in one.query if key == name}
        for name in ("all", "limit")
    }
    assert len(given["all"]) == len(given["limit"]) == 12
    assert given["all"] <= set(BOOLEANS)
    assert {"on", "+0", "1\n", "tRUE", "٠"} <= set(BOOLEANS)
    assert {"+0", "٣", "1\n", "1_0"} <= set(INTEGERS)
    assert spellings({"type": "string"}) == ()
    sizes = [
        body(one)["size"]
        for one in asked(deck(known, spelled), "PUT /box/<int:idx>/")
        if "size" in body(one)
    ]
    assert len(sizes) == 12


def test_what_one_made_is_asked_by_another_and_after_each_grant(known: Catalogue) -> None:
    drills = deck(known, people)
    owners = next(
        one
        for one in drills
        if [op.label for op, _ in one[:3]] == ["POST /signup/"] * 2 + ["POST /box/"]
    )
    assert owners[2][1].user == Ref("session", Wish.LATEST, 1)
    assert {draft.user for _, draft in owners[3:] if isinstance(draft.user, Ref)} == {
        Ref("session", Wish.LATEST),
        Ref("session", Wish.LATEST, 1),
    }
    grants = next(one for one in drills if any(op.grants for op, _ in one))
    at = next(n for n, (op, draft) in enumerate(grants) if op.grants and draft.user == "ann")
    assert grants[1:at] == grants[at + 1 : 2 * at], "the same questions before and after"
    assert grants[at][1].path == {"idx": Ref("user", Wish.LATEST)}


def test_replies_are_asked_with_conditions_parts_and_codings_and_large_ones_too(
    known: Catalogue,
) -> None:
    drafts = asked(deck(known, headers), "GET /box/<int:idx>/")
    names = {name for one in drafts for name in one.headers}
    assert {"If-None-Match", "Range", "Accept-Encoding", "Origin"} <= names
    assert "HEAD" in {one.method for one in drafts}
    tagged = [one for one in drafts if one.needs == TAG]
    assert {"If-None-Match": "*"} in [one.headers for one in tagged], (
        "all of them, if there is a tag"
    )
    (drill, *_) = [one for one in deck(known, large) if one[0][0].label == "POST /box/"]
    assert len(body(drill[0][1])["data"]["text"]) > 64 * 1024
    assert all("Accept-Encoding" in draft.headers for _, draft in drill[1:])


def test_a_header_may_hold_the_tag_of_a_reply(known: Catalogue) -> None:
    pool = Pool(known)
    pool.add(TAG, "${tag1}", "ann")
    tag: dict[str, Any] = {"If-None-Match": ("W/", Ref(TAG, Wish.LATEST))}
    step = resolve(known.operations["GET /box/"], Draft("ann", headers=tag), pool, 1)
    assert step.headers == {"If-None-Match": "W/${tag1}"}


def test_things_get_awkward_names(known: Catalogue) -> None:
    names = [body(one)["name"] for one in asked(deck(known, awkward), "POST /box/")]
    assert {'a "quoted" name', "a\nb", "名前", "a;b=c"} <= set(names)


def test_days_pass_before_what_goes_by_age_is_asked(known: Catalogue) -> None:
    drills = [
        one for one in deck(known, ageing) if any(op.label == "DELETE /box/" for op, _ in one)
    ]
    assert len(drills) == 2
    for drill in drills:
        labels = [op.label for op, _ in drill]
        assert (
            labels.index("POST /box/")
            < labels.index("PUT /box/<int:idx>/")
            < labels.index("DELETE /box/")
        )
        assert sum(draft.days_later for _, draft in drill) > 1000


def test_steps_of_a_patch_depend_on_each_other(known: Catalogue) -> None:
    drafts = asked(deck(known, patch_chains), "PATCH /box/<int:idx>/")
    assert len(drafts) == len(patches()) > 25
    assert is_patch(body(plain(known.operations["PATCH /box/<int:idx>/"]))["patch"])
    assert not is_patch([1])


def pair(status: int, text: bytes) -> Pair:
    legacy, ported = (
        Exchange(side, "", Request("GET", "/"), Reply(status, (("Vary", "Origin"),), text)) for side in Side
    )  # fmt: skip
    return Pair("", 1, "", Attribution("GET /box/"), legacy, ported)


def test_what_reached_something_new_is_gone_on_from(known: Catalogue) -> None:
    corpus = Corpus(known, random.Random(1))
    assert corpus.extended() == []
    assert corpus.is_new(pair(200, b'{"a": 1}'))
    assert not corpus.is_new(pair(200, b'{"a": 2}'))
    assert corpus.is_new(pair(200, b'{"a": "x"}')), "another type"
    assert corpus.is_new(pair(400, b'{"error": "id 7"}'))
    assert not corpus.is_new(pair(400, b'{"error": "id 8"}')), "the same words"
    assert corpus.is_new(pair(400, b'{"error": "name 8"}'))
    put = known.operations["PUT /box/<int:idx>/"]
    corpus.keep([(put, plain(put))] * 9)
    found = corpus.extended()
    assert found[:5] == [(put, plain(put))] * 5
    assert len({repr(draft) for _, draft in found[5:]}) > 2
    again = Corpus(known, random.Random(1), kept=[[(put, plain(put))] * 5])
    assert repr(again.extended()) == repr(
        Corpus(known, random.Random(1), kept=again.kept).extended()
    )
    assert len(list(ReplyReach().reached(pair(200, b"no JSON")))) == 2


def test_each_profile_has_its_turn_and_the_usual_one_most_of_it() -> None:
    options = FuzzOptions(seed=7, exchanges=2000, profile=ALL)
    parts = shares(options, ["usual", "closed", "strict"])
    assert [(one.profile, one.exchanges, one.turn) for one in parts] == [
        ("usual", 1200, 0), ("closed", 1600, 1), ("strict", 2000, 2),
    ]  # fmt: skip
    assert {one.seed for one in parts} == {7}
    assert [one.opening for one in parts] == [True, False, False]
    few = shares(replace(options, exchanges=300), ["usual", "closed"])
    assert [(one.profile, one.exchanges) for one in few] == [("usual", 300)]
    assert shares(replace(options, profile="closed"), ["usual", "closed"])[0].exchanges == 2000


def test_what_the_file_says_of_log_ins_is_checked(tmp_path: Path) -> None:
    file = tmp_path / "fuzz.toml"
    file.write_text('[log_in]\noperation = "POST /login/"\n')
    with pytest.raises(ParityError, match="log_in"):
        catalogue.load(file)


def test_a_folder_is_empty_again_for_the_next_sequence(tmp_path: Path) -> None:
    service = FolderService(ServiceConfig(environment={"PLACE": "{path}"}), {}, tmp_path)
    place = Path(service.environment()["PLACE"]) / "inner"
    place.mkdir()
    (place / "a.zip").write_bytes(b"PK")
    assert len(service.sent()) == 1
    service.reset()
    assert service.sent() == []
    assert place.is_dir()
