"""Accepted differences: narrow, owned, and worn out one day."""

from datetime import date
from typing import Any

import pytest

from parity_core.compare import waivers
from parity_core.files import waivers_toml
from parity_core.model import Difference, ParityError, Side, Waiver
from tests.parity.conftest import exchange, pair

TODAY = date(2027, 1, 15)
PAIR = pair(
    exchange(Side.LEGACY, status=500),
    exchange(Side.PORTED, status=404),
    operation="GET /a/<int:i>/",
)


def waiver(**more: Any) -> Waiver:
    told = {
        "operation": "GET /a/*",
        "place": "status",
        "owner": "me",
        "reason": "why",
        "expires": date(2027, 2, 1),
    }
    return waivers.parse(told | more)


def covers(one: Waiver, place: str = "status", legacy: Any = 500, ported: Any = 404) -> bool:
    return waivers.covers(one, PAIR, Difference(place, legacy, ported), "sqlite", TODAY)


@pytest.mark.parametrize(
    ("more", "covered"),
    [
        ({}, True),
        ({"operation": "POST /a/*"}, False),
        ({"place": "body/**"}, False),
        ({"place": ["body/**", "status"]}, True),
        ({"legacy_status": 500}, True),
        ({"legacy_status": 501}, False),
        ({"ported_status": 404}, True),
        ({"ported_status": 400}, False),
        ({"legacy": 500, "ported": 404}, True),
        ({"ported": 400}, False),
        ({"path": "/x/"}, True),
        ({"path": "/*%00*"}, False),
        ({"database": "sqlite"}, True),
        ({"database": "postgresql"}, False),
        ({"expires": TODAY}, True),
        ({"expires": date(2027, 1, 14)}, False),
    ],
)
def test_a_waiver_covers_no_more_than_it_says(more: dict[str, Any], covered: bool) -> None:
    assert covers(waiver(**more)) is covered


def test_a_value_condition_minds_the_type() -> None:
    assert not covers(waiver(place="body/n", legacy=1), "body/n", True, 2)


def test_expired_and_unused_waivers_are_problems() -> None:
    used, unused, expired = waiver(), waiver(place="body"), waiver(expires=date(2027, 1, 1))
    elsewhere = waiver(place="body", database="postgresql")
    every = [expired, unused, elsewhere, used]
    assert waivers.find(every, PAIR, Difference("status", 500, 404), "sqlite", TODAY) is used
    told = waivers.problems(every, "sqlite", TODAY, complete=True)
    assert [text.split(":")[0] for text in told] == [
        "expired on 2027-01-01",
        "unused, so remove it",
    ]
    assert len(waivers.problems(every, "sqlite", TODAY, complete=False)) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"owner": ""}, "owner missing"),
        ({"expires": "2027-01-01"}, "a date without quotes"),
        ({"because": "x"}, "unknown key because"),
    ],
)
def test_a_waiver_without_owner_reason_and_end_is_refused(
    change: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        waiver(**change)


def test_a_broken_file_names_itself(tmp_path: Any) -> None:
    file = tmp_path / "waivers.toml"
    file.write_text('[[waiver]]\noperation = "x"\n')
    with pytest.raises(
        ParityError, match=r"`waiver\[1\]\.place`, .*owner`, .*expires` are missing"
    ):
        waivers_toml.load(file)
    assert waivers_toml.load(tmp_path / "none.toml") == []
