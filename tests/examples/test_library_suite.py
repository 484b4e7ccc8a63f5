"""`parity suite` on the library's own Flask tests: Flask's client, Flask-Testing, patches, a live server."""

import pytest

from tests.examples.conftest import Library

INSIDE = {
    "test_a_new_member_is_greeted": ["library_flask.post.send"],
    "test_a_closed_desk": ["library_flask.views.checked"],
    "test_a_letter_is_logged": ["logger library_flask.post"],
}


def test_nothing_fails_only_on_the_port(library: Library) -> None:
    code, report, printed = library.suite("parity.toml", "pytest", "-q")
    assert code == 0, printed
    assert report["counts"]["only_on_ported"] == 0
    reaching = {
        name: test["reaches"]
        for name, test in report["by_name"].items()
        if test["verdict"] == "reaches_inside"
    }
    assert reaching == INSIDE
    silent = [name for name, test in report["by_name"].items() if test["verdict"] == "no_request"]
    assert silent == [
        "test_a_number_that_is_none_counts_as_not_said",
        "test_a_view_that_only_the_suite_has",
    ]
    passed = [name for name, test in report["by_name"].items() if test["verdict"] == "passed"]
    assert len(passed) == 16
    assert "test_a_member_signs_up_over_a_real_connection" in passed
    # the port answered each of them, not the Flask app
    assert report["requests"]["legacy"] == report["requests"]["ported"] > 20
    assert "reaches inside the legacy" in printed


def test_planted_bugs_fail_only_on_the_port(library: Library) -> None:
    library.change("library_port/books.py", ".offset(offset)", ".offset(offset + 1)")
    library.change("library_port/books.py", "settings.loan_days", "settings.loan_days + 1")
    library.change(
        "library_port/members.py",
        'raise Refused(409, "this e-mail is taken") from None',
        "return {}",
    )
    words = ("pytest", "-q", "-k", "list or committed or settings or email or librarian_adds")
    code, report, printed = library.suite("suite_target", *words)
    assert code == 1, printed
    found = {n for n, test in report["by_name"].items() if test["verdict"] == "only_on_ported"}
    assert found == {
        "test_a_list_is_cut_and_counted",
        "test_what_the_test_has_not_committed_is_seen",
        "test_a_loan_ends_when_the_settings_say",
        "test_an_email_is_taken_once",
    }
    assert report["by_name"]["test_a_librarian_adds_a_book"]["verdict"] == "passed"
    assert "POST /members: legacy 409, ported 201" in printed


def test_a_bridge_answers_with_both_stacks(library: Library) -> None:
    """Members are the legacy's there: patches of it are seen again."""
    words = ("python", "-m", "pytest", "-q", "-k", "greeted or closed or list or door or email")
    code, report, printed = library.suite("suite_bridge", *words)
    assert code == 0, printed
    assert {test["verdict"] for test in report["tests"]} == {"passed"}
    assert len(report["tests"]) == 5


@pytest.mark.parametrize(
    ("target", "words", "told"),
    [
        ("suite_target", ("pytest", "-k", "nothing_of_that_name"), "collected no tests"),
        ("no_such_module", ("pytest",), "LEGACY"),
        ("suite_target", ("pytest", "-q", "-k", "is_none_counts"), "no request met a Flask app"),
        ("suite_target", ("no-such-command",), "can not be started"),
    ],
)
def test_what_can_not_be_run_says_why(
    library: Library, target: str, words: tuple[str, ...], told: str
) -> None:
    code, _, printed = library.suite(target, *words)
    assert code == 2, printed
    assert told in printed
