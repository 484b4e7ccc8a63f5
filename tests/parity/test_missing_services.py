"""A journey whose service this machine lacks: told of and left out, but a failure in CI."""

from pathlib import Path

import pytest

from parity_core.model import ParityError
from parity_tests.journeys.model import Journey
from parity_tests.operations import Census
from parity_tests.report.results import Report
from parity_tests.run.use_case import _leave_out
from parity_tests.stage.services import registry
from parity_tests.stage.services.servers import slapd

JOURNEY = Journey("ldap-login", Path("ldap-login.yaml"), (), services=("ldap",))


@pytest.fixture(autouse=True)
def no_slapd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slapd, "program", lambda name: None)
    monkeypatch.delenv("CI", raising=False)


def report() -> Report:
    return Report("test", "sqlite", Census(()))


def test_left_out_with_the_name_of_what_is_missing() -> None:
    lack = registry.missing(JOURNEY.services)
    assert lack == slapd.MISSING
    told = report()
    _leave_out([JOURNEY], lack, told)
    assert told.notes == [f"ldap-login left out: {slapd.MISSING}"]


def test_failure_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(ParityError, match="ldap-login can not be played: slapd is not installed"):
        _leave_out([JOURNEY], slapd.MISSING, report())


def test_starting_says_the_same(tmp_path: Path) -> None:
    with pytest.raises(ParityError, match="apt-get install slapd"):
        slapd.Slapd(tmp_path / "x.ldif", tmp_path)
