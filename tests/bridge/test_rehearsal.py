"""What a rehearsal counts and draws. The whole of it is a command: `tox -e rehearsal`."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from cornflow_cutover.rehearsal.bugs import FAILS
from cornflow_cutover.rehearsal.client import RequestLog, SentRequest
from cornflow_cutover.rehearsal.ledger import RequestFate, RequestLedger
from cornflow_cutover.rehearsal.outcome import RehearsalOutcome
from cornflow_cutover.rehearsal.timeline import Band, Moment, draw

NOW = 1_795_000_000.0
ASKED = SentRequest(NOW, NOW + 0.1, "GET /case/", "ana", "ported", 200, good=True)


def test_rows_are_compared_with_what_clients_were_told() -> None:
    ledger = RequestLedger()
    for name, fate in (
        ("kept", RequestFate.MADE),
        ("lost", RequestFate.MADE),
        ("twice", RequestFate.MADE),
        ("gone", RequestFate.DELETED),
        ("left", RequestFate.DELETED),
        ("cut, there", RequestFate.UNKNOWN),
        ("cut, not there", RequestFate.UNKNOWN),
        ("cut, twice", RequestFate.UNKNOWN),
    ):
        ledger.note("cases", name, fate)
    there = ["kept", "twice", "twice", "left", "cut, there", "cut, twice", "cut, twice", "strange"]
    assert ledger.check(("cases", name) for name in there) == [
        "cases: lost is lost",
        "cases: twice is there 2 times",
        "cases: left was deleted and is there",
        "cases: cut, twice is there 2 times",
        "cases: strange was made by nobody",
    ]


def test_a_row_of_another_table_is_another_row() -> None:
    ledger = RequestLedger()
    ledger.note("cases", "one", RequestFate.MADE)
    assert ledger.check([("roles", "one")]) == [
        "cases: one is lost",
        "roles: one was made by nobody",
    ]


@pytest.mark.parametrize(
    ("operation", "began", "explained"),
    [
        (FAILS.operation, NOW + 1, True),
        (FAILS.operation, NOW + 9, False),
        (FAILS.operation, NOW - 1, False),
        ("GET /case/", NOW + 1, False),
    ],
)
def test_a_planted_bug_explains_its_own_failures_while_it_is_there(
    operation: str, began: float, explained: bool
) -> None:
    failed = replace(ASKED, operation=operation, began=began, status=500, good=False)
    outcome = RehearsalOutcome(
        RequestLog([ASKED, failed]), NOW, planted={FAILS.operation: [(NOW, NOW + 5)]}
    )
    assert outcome.explained == explained
    assert len(outcome.failures) == (not explained)


def test_the_picture_is_drawn_to_scale() -> None:
    band = Band("Requests", "/s", [0, 10], {"legacy": [4, 0], "ported": [0, 4]})
    moments = [Moment(2, "<planted>", bad=True), Moment(10, "the end")]
    root = ET.fromstring(draw("A & B", [band], moments, 10))
    texts = ["".join(one.itertext()) for one in root.findall(".//{*}text")]
    assert {"A & B", "2 s: <planted>", "10 s: the end", "4 /s"} <= set(texts)
    legacy, ported = (one.attrib["points"].split() for one in root.findall(".//{*}polygon"))
    bottom, top = legacy[-1].split(",")[1], legacy[0].split(",")[1]
    assert float(bottom) - float(top) == 170
    assert legacy[1].split(",")[1] == bottom, "none at the end"
    assert ported[1].split(",")[1] == top, "all at the end"
