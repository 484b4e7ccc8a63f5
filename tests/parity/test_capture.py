"""Reading, ordering, rewriting and importing captures: no server needed."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from parity_core.capture.fingerprint import FingerprintKey
from parity_core.capture.mask import Masker
from parity_core.capture.record import Body, Recorded, header_line, to_line
from parity_core.files import rules_toml
from parity_core.model import ParityError, Side
from parity_tests import config as configuration
from parity_tests.capture import importers, settings
from parity_tests.capture.ids import Ids
from parity_tests.capture.overview import overview
from parity_tests.capture.read import open_capture
from parity_tests.capture.request import NotReplayable, Requests
from parity_tests.capture.schedule import Order, ScheduledExchange, batches
from parity_tests.capture.store import DiskMap, Latest, ReplayStore
from parity_tests.capture.users import Unmapped, Users
from parity_tests.capture.write import write_capture

KEY = FingerprintKey(b"of the tests")
CORNFLOW = configuration.load(configuration.DEFAULT)
RULES = rules_toml.load(CORNFLOW.rules, "sqlite")


def one(
    method: str = "GET", target: str = "/", body: Any = None, reply: Any = None, **told: Any
) -> Recorded:
    at = told.pop("at", 1.0)
    return Recorded(
        at=at, took=0.0, method=method, target=target,
        request_body=Body(json.dumps(body).encode() if body is not None else b""),
        reply_body=Body(json.dumps(reply).encode()), **{"status": 200, **told},
    )  # fmt: skip


def write(path: Path, *found: Recorded) -> Path:
    lines = header_line(started=found[0].at) + "".join(map(to_line, found))
    path.write_text(lines)
    return path


# reading


def test_workers_files_are_read_as_one_in_the_order_of_their_ends(tmp_path: Path) -> None:
    write(tmp_path / "a-1.jsonl", *(one(at=float(n)) for n in (1, 4, 5)))
    write(tmp_path / "a-2.jsonl", *(one(at=float(n)) for n in (100, 101)))
    write(tmp_path / "b-1.jsonl", *(one(at=float(n)) for n in (2, 3, 102)))
    capture = open_capture([tmp_path])
    assert [found.at for found in capture] == [1, 2, 3, 4, 5, 100, 101, 102]
    assert [found.where for found in capture][:2] == ["a-1.jsonl:2", "b-1.jsonl:2"]
    assert capture.problems == []


def test_a_line_cut_by_a_kill_is_left_out_and_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", one(at=1.0), one(at=2.0), one(at=3.0))
    path.write_bytes(path.read_bytes()[:-30])
    capture = open_capture([path])
    assert len(list(capture)) == 2
    assert capture.problems == ["a.jsonl:4 is cut short: its process was killed"]
    whole = gzip.compress((header_line() + to_line(one()) * 5000).encode())
    cut = tmp_path / "b.jsonl.gz"
    cut.write_bytes(whole[: len(whole) // 2])
    capture = open_capture([cut])
    assert 100 < len(list(capture)) < 4999
    assert "ends in the middle" in capture.problems[-1]


def test_a_line_that_is_no_exchange_is_told_with_its_place(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", one(), one())
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], '{"at": 1}\n', *lines[1:]]))
    capture = open_capture([path])
    assert len(list(capture)) == 2
    assert capture.problems[0].startswith("a.jsonl:2: no exchange")


def test_what_is_no_capture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"hello": 1}\n')
    for path, words in ((tmp_path, "is no capture"), (tmp_path / "none", "there is no capture")):
        with pytest.raises(ParityError, match=words):
            open_capture([path])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ParityError, match=r"it has no \*\.jsonl"):
        open_capture([tmp_path / "empty"])


def test_a_capture_is_summed_up(tmp_path: Path) -> None:
    admin = KEY.subject("admin")
    long = Body(missing="longer", length=9)
    write(
        tmp_path / "a.jsonl",
        one(target="/case/5/", at=1_800_000_000.0, user=admin),
        one(target="/case/6/", at=1_800_000_060.0, user=admin, status=404),
        Recorded(at=1_800_000_061.0, took=1.0, method="POST", target="/case/", request_body=long),
    )
    found = overview(open_capture([tmp_path]))
    told = found.document()
    assert told["operations"]["GET /case/…/"] == {"exchanges": 2, "statuses": {"200": 1, "404": 1}}
    assert (told["exchanges"], told["not_replayable"]) == (3, 1)
    assert (told["first"], told["last"]) == (
        "2027-01-15T08:00:00+00:00",
        "2027-01-15T08:01:02+00:00",
    )
    assert found.named(KEY, ["admin", "nobody"]) == {admin: "admin"}


# order


def plan(found: list[Recorded], width: int, order: Order, **keys: Any) -> list[list[list[int]]]:
    entries = [ScheduledExchange(number, exchange) for number, exchange in enumerate(found, 1)]
    return [
        [[entry.number for entry in lane] for lane in batch.lanes]
        for batch in batches(entries, width, order, **keys)
    ]


def test_alone_every_exchange_is_a_batch() -> None:
    assert plan([one(), one(), one("POST")], 1, Order.USER) == [[[1]], [[2]], [[3]]]


def test_in_the_recorded_order_only_reads_run_side_by_side() -> None:
    found = [
        one(user="a"), one(user="b"), one(user="a"), one("POST", user="b"),
        one("PUT", user="a"), one("HEAD", user="b"), one(user="c"),
    ]  # fmt: skip
    assert plan(found, 4, Order.RECORDED) == [[[1, 3], [2]], [[4]], [[5]], [[6], [7]]]


def test_by_user_an_id_is_made_before_it_is_used() -> None:
    found = [
        one("POST", user="a", reply="new"), one("GET", "/new", user="b"), one(user="c"),
        one("PUT", user="c"), one("POST", user="d"), one("PUT", user="b"),
    ]  # fmt: skip
    keys = {
        "made": lambda e: ["new"] if b"new" in e.reply_body.content else [],
        "used": lambda e: ["new"] if "new" in e.target else [],
    }
    assert plan(found, 4, Order.USER, **keys) == [[[1, 2, 6], [3, 4], [5]]]


def test_a_batch_is_bounded() -> None:
    sizes = [sum(map(len, batch)) for batch in plan([one()] * 100, 2, Order.RECORDED)]
    assert sizes == [32, 32, 32, 4]


# ids


class Plain(dict[Any, Any]):
    """A dictionary whose keys may be lists, as those on disk."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(json.dumps(key), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(json.dumps(key), value)


@pytest.fixture
def known() -> Ids:
    return Ids(RULES, settings.load(CORNFLOW).ids, Plain())


OLD, LEGACY, PORTED = ("a1" * 20, "b2" * 20, "c3" * 20)


def test_ids_are_learned_from_replies_and_put_into_requests(known: Ids) -> None:
    for side, instance, case in ((Side.LEGACY, LEGACY, 11), (Side.PORTED, PORTED, 12)):
        old, new = {"id": OLD, "name": "x"}, {"id": instance, "name": "x"}
        known.learn(side, known.met("POST /instance/", old, new))
        known.learn(side, known.met("POST /case/", {"id": 5}, {"id": case}))
    detail = "GET /instance/<string:idx>/data/"
    assert known.target(Side.LEGACY, detail, f"/instance/{OLD}/data/?x={OLD}") == (
        f"/instance/{LEGACY}/data/?x={LEGACY}"
    )
    assert known.target(Side.PORTED, "GET /case/<int:idx>/", "/case/5/") == "/case/12/"
    two = "GET /case/<int:idx1>/<int:idx2>/"
    assert known.target(Side.PORTED, two, "/case/5/6/") == "/case/12/6/"
    assert known.target(Side.PORTED, "GET /user/<int:user_id>/", "/user/5/") == "/user/5/"
    body = {"parent_id": 5, "instance_id": OLD, "name": f"copy of {OLD}", "size": 5}
    assert known.json(Side.LEGACY, "POST /case/", body) == {
        "parent_id": 11, "instance_id": LEGACY, "name": f"copy of {LEGACY}", "size": 5,
    }  # fmt: skip


def test_a_number_is_an_id_of_its_own_namespace_only(known: Ids) -> None:
    known.learn(Side.LEGACY, known.met("POST /signup/", {"id": 3}, {"id": 9}))
    make_admin = "PUT /user/<int:user_id>/<int:make_admin>/"
    assert known.target(Side.LEGACY, make_admin, "/user/3/3/") == "/user/9/3/"
    assert known.target(Side.LEGACY, "GET /case/<int:idx>/", "/case/3/") == "/case/3/"
    role = "DELETE /user/role/<int:user_id>/<int:role_id>/"
    assert known.target(Side.LEGACY, role, "/user/role/3/3/") == "/user/role/9/3/"


def test_lists_of_other_lengths_teach_nothing_and_the_first_meeting_counts(known: Ids) -> None:
    listing = "GET /case/"
    known.learn(Side.LEGACY, known.met(listing, [{"id": 1}, {"id": 2}], [{"id": 7}]))
    assert known.new(Side.LEGACY, "cases", 1) == 1
    known.learn(Side.LEGACY, known.met(listing, [{"id": 1}], [{"id": 7}]))
    known.learn(Side.LEGACY, known.met(listing, [{"id": 1}], [{"id": 8}]))
    assert known.new(Side.LEGACY, "cases", 1) == 7


def test_what_a_request_uses_is_what_would_be_replaced(known: Ids) -> None:
    used = known.used("PUT /case/<int:idx>/", "/case/5/", json.dumps({"parent_id": 4}).encode())
    assert used == {("cases", 5), ("cases", 4)}
    assert known.made("POST /case/", b'{"id": 5, "user_id": 2}') == {("cases", 5), ("users", 2)}


def test_dictionaries_on_disk_last_only_when_committed(tmp_path: Path) -> None:
    store = ReplayStore(tmp_path / "x")
    found = DiskMap(store, "ids", cached=2)
    for number in range(5):
        found[("n", number)] = {"v": number}
    assert [found[("n", number)]["v"] for number in range(5)] == list(range(5))
    store.commit()
    found[("n", 9)] = 9
    store.close()
    again = DiskMap(ReplayStore(tmp_path / "x"), "ids")
    assert again.get(("n", 4)) == {"v": 4}
    assert again.get(("n", 9)) is None
    assert len(again) == 5
    latest: Latest[int, int] = Latest(2)
    for number in range(5):
        latest.setdefault(number, number)
    assert list(latest) == [3, 4]


# users and requests


def users(known: Ids, **told: Any) -> Users:
    sides = {side: {"admin.token": f"{side}-admin"} for side in Side}
    options: dict[str, Any] = {"named": {}, "everybody": None, "key": KEY, **told}
    return Users(CORNFLOW, settings.load(CORNFLOW), known, sides, CORNFLOW.environment, **options)


def test_who_a_user_was_is_found_by_the_key_by_a_log_in_or_told(known: Ids) -> None:
    admin = one(user=KEY.subject("admin"), scheme="bearer")
    carla = one(user=KEY.subject("carla"), scheme="bearer")
    assert users(known).headers(admin, Side.PORTED) == [("Authorization", "Bearer ported-admin")]
    with pytest.raises(Unmapped):
        users(known).headers(carla, Side.LEGACY)
    assert users(known, everybody="admin").headers(carla, Side.LEGACY) == [
        ("Authorization", "Bearer legacy-admin")
    ]
    told = users(known, named={KEY.subject("carla"): "admin"}, key=None)
    assert told.headers(carla, Side.LEGACY) == [("Authorization", "Bearer legacy-admin")]
    masked = {"token": f"<token {carla.user}>"}
    known.learn(Side.LEGACY, known.met("POST /login/", masked, {"token": "carlas"}))
    assert users(known).headers(carla, Side.LEGACY) == [("Authorization", "Bearer carlas")]
    with pytest.raises(ParityError, match="without the capture's key"):
        users(known, named={"carla": "admin"}, key=None)


def test_whoever_is_no_user_of_the_configuration_gets_a_minted_token(known: Ids) -> None:
    from parity_core.compare.tokens import parse

    ((_, header),) = users(known, named={"carla": "carla"}).headers(
        one(user=KEY.subject("carla"), scheme="bearer"), Side.LEGACY
    )
    token = parse(header.removeprefix("Bearer "))
    assert token is not None
    assert token.claims["sub"] == "carla"
    assert token.is_signed_with(CORNFLOW.environment["SECRET_KEY"])
    ((_, old),) = users(known, named={"carla": "carla"}).headers(
        one(user=KEY.subject("carla"), scheme="bearer", expired=True), Side.LEGACY
    )
    expired = parse(old.removeprefix("Bearer "))
    assert expired is not None
    assert expired.claims["exp"] < token.claims["iat"]


def test_a_token_that_was_refused_is_refused_again(known: Ids) -> None:
    refused = one(user=KEY.subject("admin"), scheme="bearer", status=401)
    assert users(known).headers(refused, Side.LEGACY) == [
        ("Authorization", "Bearer recorded.token.refused")
    ]
    none = one(user="u-0000000000000000", scheme="bearer", opaque=True, status=400)
    assert users(known).headers(none, Side.LEGACY) == [
        ("Authorization", "Bearer recorded.token.refused")
    ]


def test_masked_passwords_are_those_of_the_replay(known: Ids) -> None:
    requests = Requests(known, users(known))

    def sent(body: Any, target: str = "/login/", **told: Any) -> Any:
        request = requests.compose(one("POST", target, body, **told), f"POST {target}", Side.LEGACY)
        return json.loads(request.body or b"")["password"]

    assert sent({"username": "admin", "password": "<masked>"}) == "Admin-pw1!"
    assert sent({"username": "admin", "password": "<masked>"}, status=400) == "Wrong-pw1!"
    assert sent({"username": "carla", "password": "<masked>"}) == "Replayed-pw1!"
    assert sent({"username": "carla", "password": "<masked>"}, "/signup/") == "Replayed-pw1!"


def test_a_request_goes_out_as_it_came_in(known: Ids) -> None:
    requests = Requests(known, users(known))
    raw = b'{"b":1.10,"a":1,"a":2}'
    came = Recorded(
        at=1.0, took=0.0, method="POST", target="/x/?q=%C3%A9&e=", request_body=Body(raw),
        request_headers=(
            ("Host", "old"), ("X-Mine", "1"), ("Cookie", "<masked>"), ("content-length", "9"),
            ("accept-encoding", "gzip, zstd;q=0.5, br"),
        ),
    )  # fmt: skip
    request = requests.compose(came, "POST /x/", Side.LEGACY)
    assert (request.target, request.body) == ("/x/?q=%C3%A9&e=", raw)
    assert request.headers == (("X-Mine", "1"), ("accept-encoding", "gzip, br"))
    gone = Recorded(
        at=1.0, took=0.0, method="POST", target="/", request_body=Body(missing="longer than 5")
    )
    with pytest.raises(NotReplayable, match="longer than 5"):
        requests.compose(gone, "POST /", Side.LEGACY)


# importing

HAR = {
    "log": {
        "entries": [
            {
                "startedDateTime": "2026-11-23T10:00:01.500Z", "time": 20,
                "request": {
                    "method": "POST", "url": "https://app.test/login/?a=1",
                    "headers": [{"name": ":authority", "value": "app.test"}],
                    "postData": {"mimeType": "application/json", "text": '{"password":"Secret-pw1!"}'},
                },
                "response": {
                    "status": 200, "headers": [{"name": "Content-Encoding", "value": "gzip"}],
                    "content": {"text": "eyJ0b2tlbiI6ICJhYmNkZWZnaCJ9", "encoding": "base64"},
                },
            },
            {
                "startedDateTime": "2026-11-23T10:00:01.000Z", "time": 5,
                "request": {"method": "GET", "url": "https://app.test/", "headers": []},
                "response": {"status": 304, "headers": [], "content": {"size": 0}},
            },
            {
                "startedDateTime": "2026-11-23T10:00:02.000Z", "time": 5,
                "request": {"method": "GET", "url": "https://cdn.test/x.js", "headers": []},
                "response": {"status": 200, "headers": [], "content": {}},
            },
        ]
    }
}  # fmt: skip


def imported(folder: Path, name: str, found: Any, user: str = "") -> list[Recorded]:
    folder.mkdir(exist_ok=True)
    path, _ = write_capture(folder, name, found, Masker(KEY), user, 10_000)
    assert "Secret-pw1!" not in path.read_text()
    return list(open_capture([path]))


def test_a_har_file_is_imported_in_order_and_without_secrets(tmp_path: Path) -> None:
    file = tmp_path / "session.har"
    file.write_text("\ufeff" + json.dumps(HAR))
    left_out: Counter[str] = Counter()
    root, login = imported(tmp_path / "c", "x", importers.har(file, None, left_out))
    assert left_out == {"of https://cdn.test": 1}
    assert (root.target, root.status, root.reply_body.is_whole) == ("/", 304, False)
    assert (login.method, login.target, login.took) == ("POST", "/login/?a=1", 0.02)
    assert json.loads(login.request_body.content) == {"password": "<masked>"}
    assert json.loads(login.reply_body.content)["token"].startswith("<token u-")
    assert login.request_headers == login.reply_headers == ()
    (tmp_path / "bad.har").write_text("[]")
    with pytest.raises(ParityError, match="is no HAR file"):
        list(importers.har(tmp_path / "bad.har", None, left_out))


LOG = """\
10.0.0.1 - - [23/Nov/2026:10:00:00 +0100] "GET /case/5/?token=Secret-pw1! HTTP/1.1" 200 51 "-" "curl/8"
10.0.0.2 - admin [23/Nov/2026:10:00:01 +0100] "HEAD /case/ HTTP/1.1" 404 - "-" "a \\"quoted\\" \\x22one"
10.0.0.1 - - [23/Nov/2026:10:00:02 +0100] "POST /case/ HTTP/1.1" 201 51 "-" "-"
10.0.0.3 - - [23/Nov/2026:10:00:03 +0100] "GET http://app.test/health/ HTTP/1.0" 200 2
::1 - - [23/Nov/2026:10:00:04 +0100] "\\x16\\x03\\x01" 400 0 "-" "-"
nonsense
"""


def test_the_gets_of_an_access_log_are_imported(tmp_path: Path) -> None:
    file = tmp_path / "access.log.gz"
    file.write_bytes(gzip.compress(LOG.encode()))
    left_out: Counter[str] = Counter()
    case, head, health = imported(
        tmp_path / "c", "x", importers.access_log(file, left_out), user="planner"
    )
    assert left_out.total() == 3
    assert left_out["POST: its body is not in a log"] == 1
    assert case.target.startswith("/case/5/?token=%3Ctoken")
    assert (case.user, case.status) == (KEY.subject("planner"), 200)
    assert (head.method, head.user) == ("HEAD", KEY.subject("admin"))
    assert ("user-agent", 'a "quoted" "one') in head.request_headers
    assert health.target == "/health/"
    assert case.at == 1795424400.0
    assert not case.reply_body.is_whole
