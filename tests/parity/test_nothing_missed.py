"""The comparison misses nothing that it receives: one planted fault for each thing that it once passed over."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from parity_core.compare.archives import archive_members
from parity_core.compare.correspond import Correspondence
from parity_core.compare.diff import diff
from parity_core.compare.headers import IGNORED
from parity_core.compare.rules import Rules, parse
from parity_core.compare.sent_values import SentValues
from parity_core.files import rules_toml
from parity_core.model import Change, Exchange, ParityError, Request, RowChange, Side
from parity_tests.config import ServiceConfig
from parity_tests.stage.services.orchestrators import FolderService
from tests.parity.conftest import exchange, pair

RULES = Rules(
    [
        parse({"place": "body/id", "kind": "id:things"}),
        parse({"place": "body/took", "kind": "duration"}),
        parse({"place": "body/made_at", "kind": "timestamp"}),
        parse({"place": "rows/*/*/made_at", "kind": "timestamp"}),
        parse({"place": "body/code", "kind": "secret"}),
    ]
)


def compare(
    legacy: Any,
    ported: Any,
    rules: Rules = RULES,
    seen: Correspondence | None = None,
    step: int = 1,
) -> list[str]:
    found = diff(pair(legacy, ported, step), rules, seen or Correspondence())
    return [one.place for one in found]


def headers(legacy: dict[str, str], ported: dict[str, str], rules: Rules = RULES) -> list[str]:
    sides = exchange(Side.LEGACY, headers=legacy), exchange(Side.PORTED, headers=ported)
    return compare(*sides, rules)


@pytest.mark.parametrize(
    ("name", "legacy", "ported"),
    [
        ("X-Anything", "1", "2"),
        ("X-Frame-Options", "DENY", "SAMEORIGIN"),
        ("Link", "</a>; rel=next", "</b>; rel=next"),
        ("Content-Range", "bytes 0-4/9", "bytes 0-5/9"),
        ("Access-Control-Allow-Private-Network", "false", "true"),
        ("ETag", '"a"', "a"),
        ("ETag", '"a"', 'W/"a"'),
        ("ETag", '"a"', '""'),
        ("Last-Modified", "Tue, 24 Nov 2026 16:11:55 GMT", "2026-11-24T16:11:55"),
        ("Content-Type", "text/plain; charset=utf-8", "text/plain; charset=latin-1"),
        ("Content-Disposition", "attachment; filename=a.zip", "attachment; filename=b.zip"),
    ],
)
def test_headers(name: str, legacy: str, ported: str) -> None:
    assert headers({name: legacy}, {name.lower(): ported}) == [f"header/{name.lower()}"]
    assert headers({name: legacy}, {name.lower(): legacy}) == []
    assert headers({name: legacy}, {}) == [f"header/{name.lower()}"]
    assert headers({}, {name: ported}) == [f"header/{name.lower()}"]


@pytest.mark.parametrize(
    ("name", "legacy", "ported"),
    [
        ("ETag", 'W/"1-2"', 'W/"another"'),
        ("Last-Modified", "Tue, 24 Nov 2026 16:11:55 GMT", "Wed, 25 Nov 2026 06:11:55 GMT"),
        *((name, "one", "two") for name in IGNORED),
    ],
)
def test_headers_whose_values_are_the_stacks_own(name: str, legacy: str, ported: str) -> None:
    assert headers({name: legacy}, {name: ported}) == []


def test_each_header_that_is_not_compared_has_a_reason() -> None:
    assert all(IGNORED.values())


def test_an_application_may_leave_out_a_header_with_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text('[[header]]\nname = "X-Request-Id"\nreason = "random on each side"\n')
    own = rules_toml.load(file, "sqlite")
    assert headers({"x-request-id": "1", "x-a": "1"}, {"X-Request-ID": "2"}, own) == ["header/x-a"]
    for text, words in (
        ('[[header]]\nname = "x-a"\n', r"`header\[1\].reason` is missing"),
        ('[[header]]\nname = "Allow"\nreason = "why"\n', "`allow` is always compared"),
        ('[[header]]\nname = "set-cookie"\nreason = "why"\n', "always compared"),
        ('[[json_ending]]\nlegacy = "}"\nported = ""\nreason = "why"\n', "not blank"),
        ('[[json_ending]]\nlegacy = ""\nported = ""\n', r"`json_ending\[1\].reason` is missing"),
    ):
        file.write_text(text)
        with pytest.raises(ParityError, match=words):
            rules_toml.load(file, "sqlite")


@pytest.mark.parametrize(
    ("legacy", "ported"),
    [
        (b'{"a":1}', b'{"a":1}\n'),
        (b'{"a":1}', b' {"a":1}'),
        (b'{"a":1}', b'{"a":1}{"a":1}'),
        (b'{"a":1}', b'{"a":1}x'),
        (b'{"a":1}', b'\xef\xbb\xbf{"a":1}'),
        ('{"a":"\u00e9"}'.encode(), '{"a":"\u00e9"}'.encode("utf-16")),
        ('{"a":"\u00e9"}'.encode(), '{"a":"\u00e9"}'.encode("latin-1")),
    ],
)
def test_bytes_around_json_and_its_charset(legacy: bytes, ported: bytes) -> None:
    assert compare(legacy, ported) == ["body"]
    assert compare(ported, ported) == []


def test_an_ending_may_be_declared_and_no_other() -> None:
    own = Rules(json_endings=[(b"\n", b"")])
    assert compare(b"{}\n", b"{}", own) == []
    assert compare(b"{}\n", b"{}\n", own) == []
    assert compare(b"{}", b"{}\n", own) == ["body"]
    assert compare(b"{}\n", b"{} ", own) == ["body"]


def packed(*members: tuple[str, bytes], year: int = 2026) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0))
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def test_archives_are_compared_by_their_members() -> None:
    one, two = ("a.csv", b"1;2"), ("b.csv", b"3")
    assert compare(packed(one, two), packed(one, two, year=2031)) == []
    assert compare(packed(one), packed(("A.csv", b"1;2"))) == ["body/0/name"]
    assert compare(packed(one), packed(("a.csv", b"1;3"))) == ["body/0/sha256"]
    assert compare(packed(one, two), packed(one)) == ["body/1"]
    assert compare(packed(one, two), packed(two, one)) == ["body"]
    assert compare(packed(one), packed(one)[:-5]) == ["body"]
    assert archive_members(b"PK\x03\x04 no archive") is None


@pytest.mark.parametrize(
    ("legacy", "ported", "same"),
    [
        ("0123456789abcdef0123", "a123456789abcdef0123", True),
        ("0123456789abcdef0123", "0123456789abcdef01234", False),
        ("0123456789abcdef0123", "0123456789ABCDEF0123", False),
        ("0123456789abcdef0123", "0123456789abcdefg123", False),
        ("0123-4567", "0123-4568", True),
        ("0123-4567", "01234-567x", False),
        ("0123-4567", "0123_4567", False),
        ("ab12", "9zQ1", True),
    ],
)
def test_generated_ids_have_one_form(legacy: str, ported: str, same: bool) -> None:
    assert compare({"id": legacy}, {"id": ported}) == ([] if same else ["body/id"])


@pytest.mark.parametrize("value", [-1.0, -1, "x", None, True, float("inf")])
def test_what_is_equal_is_equal_before_any_rule(value: Any) -> None:
    for place in ("took", "code", "made_at"):
        assert compare({place: value}, {place: value}) == []


def sends(side: Side, shown: Any, sent: Any, target: str = "/x/") -> Exchange:
    one = exchange(side, shown)
    one.request = Request("POST", target, (), json.dumps(sent).encode())
    return one


def test_what_the_client_sent_is_never_relaxed() -> None:
    seen = Correspondence()
    sent = {"deep": [{"took": 1.5}], "when": "2026-11-24T10:00:00", "code": "abcd"}
    sides = sends(Side.LEGACY, {}, sent), sends(Side.PORTED, {}, sent)
    assert compare(*sides, seen=seen) == []
    later: dict[str, Any] = {"step": 2, "seen": seen}
    assert compare({"took": 1.5}, {"took": 1.6}, **later) == ["body/took"]
    assert compare({"took": 1.5}, {"took": 1.5}, **later) == []
    assert compare({"took": 2.5}, {"took": 2.6}, **later) == []
    assert compare({"code": "abcd"}, {"code": "abce"}, **later) == ["body/code"]
    assert compare({"code": "efgh"}, {"code": "abce"}, **later) == []
    moments = {"made_at": "2026-11-24T10:00:00"}, {"made_at": "2026-11-24T10:00:01"}
    assert compare(*moments, **later) == ["body/made_at"]
    assert compare(moments[0], moments[0], **later) == []
    # in whichever way it is written
    changed = [
        exchange(side, rows=[RowChange("a", Change.INSERTED, (1,), {}, {"id": 1, "made_at": text})])
        for side, text in zip(Side, ("2026-11-24 10:00:00", "2026-11-24 10:00:01"), strict=True)
    ]
    assert compare(changed[0], changed[1], **later) == ["rows/a/1/made_at"]


def test_what_each_stack_was_sent_of_its_own_is_not_the_clients() -> None:
    values = SentValues()
    values.remember(
        Request("POST", "/?since=2026-01-01&own=5", (), b'{"a": {"b": 7}, "own": "x1"}'),
        Request("POST", "/?since=2026-01-01&own=6", (), b'{"a": {"b": 7}, "own": "x2"}'),
    )
    assert values.holds(7)
    assert not values.holds(7.0)
    assert values.holds("2026-01-01T00:00:00")
    assert not values.holds("x1")
    assert not values.holds("5")
    assert not values.holds(True)


def test_of_a_folder_the_files_that_a_request_makes_are_told(tmp_path: Path) -> None:
    service = FolderService(ServiceConfig({"KEPT": "{path}"}), {}, tmp_path)
    folder = Path(service.environment()["KEPT"])
    (folder / "a.zip").write_bytes(b"12")
    (made,) = service.sent()
    assert (made["name"], made["bytes"]) == ("a.zip", 2)
    service.forget()
    assert service.sent() == []
    (folder / "a.zip").write_bytes(b"21")
    assert [one["name"] for one in service.sent()] == ["a.zip"], "of the same size"
    service.forget()
    (folder / "a.zip").unlink()
    assert service.sent() == [{**service._before["a.zip"], "removed": True}]
