"""What the journeys of LDAP can't tell: where port and legacy part on purpose, and a directory that fails."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cornflow_f.config import AuthType, Settings
from cornflow_f.errors import CommunicationError, InvalidCredentials
from cornflow_f.services import ldap
from parity_tests.stage.services.servers.slapd import ROOT_DN, ROOT_PASSWORD, Slapd
from tests.servers import slapd
from tests.servers.pair import Pair, pair_of_stacks

OUT_OF_ORDER = "The LDAP server could not be reached or refused the request"


def told(directory: Slapd) -> dict[str, str]:
    return {
        "AUTH_TYPE": "2",
        "LDAP_HOST": directory.url,
        "LDAP_BIND_DN": ROOT_DN,
        "LDAP_BIND_PASSWORD": ROOT_PASSWORD,
        "LDAP_USER_BASE": "ou=users,dc=example,dc=org",
        "LDAP_SERVICE_BASE": "ou=services,dc=example,dc=org",
        "LDAP_GROUP_BASE": "ou=groups,dc=example,dc=org",
    }


def settings(directory: Slapd, **changes: str) -> Settings:
    values: dict[str, Any] = {
        name.lower(): value for name, value in told(directory).items() if name != "AUTH_TYPE"
    }
    return Settings(auth_type=AuthType.LDAP, secret_key="x" * 40, **{**values, **changes})


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd.start(tmp_path_factory.mktemp("slapd")) as server:
        yield server


@pytest.fixture(scope="module")
def pair(directory: Slapd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with pair_of_stacks(tmp_path_factory.mktemp("pair"), told(directory)) as both:
        yield both


def role_rows(written: tuple[object, ...]) -> list[int]:
    return [row["role_id"] for row in written if isinstance(row, dict) and "role_id" in row]


@pytest.mark.legacy
@pytest.mark.parametrize(
    ("username", "password", "legacy_status", "legacy_roles", "roles"),
    [
        ("Doe, Jane", "Jane-pw1!", 200, [], [2]),
        ("Kim (HR)", "Kim-pw1!", 500, [], [1]),
        ("st*r", "Star-pw1!", 200, [], [1]),
        ("back\\slash", "Back-pw1!", 200, [], [2]),
        # An escalation: the legacy gives the roles of the boss in the unit it.
        ("boss,ou=it", "Mallory-pw1!", 200, [3], []),
    ],
)
def test_names_are_values_and_nothing_else(
    pair: Pair,
    username: str,
    password: str,
    legacy_status: int,
    legacy_roles: list[int],
    roles: list[int],
) -> None:
    answers = pair.log_in(username, password)
    assert answers.statuses == (legacy_status, 200)
    assert role_rows(answers.legacy.written) == legacy_roles
    assert role_rows(answers.port.written) == roles


@pytest.mark.legacy
def test_wildcard_logs_nobody_in(pair: Pair) -> None:
    """In the legacy it is a user who may be told apart from the real one by nothing but the name."""
    answers = pair.log_in("car*", "Carol-pw1!")
    assert answers.statuses == (200, 400)
    assert answers.port.error == "Invalid credentials"
    assert answers.port.rows == ()


@pytest.mark.legacy
def test_directory_that_goes_and_comes_back(tmp_path: Path) -> None:
    with slapd.start(tmp_path) as first:
        known = told(first)
        with pair_of_stacks(tmp_path, known) as pair:
            assert pair.log_in("bob", "Bob-pw1!").statuses == (200, 200)
            first.stop()
            for username in ("bob", "nobody_of_this_name"):
                answers = pair.log_in(username, "Bob-pw1!")
                assert answers.statuses == (500, 400)
                assert answers.port.error == OUT_OF_ORDER
                assert answers.port.rows == ()
            first.start_again()
            assert pair.log_in("bob", "Bob-pw1!").statuses == (200, 200)


async def test_password_and_roles(directory: Slapd) -> None:
    ours = ldap.Directory(settings(directory))
    assert await ours.log_in("alice", "Alice-pw1!") == ldap.DirectoryEntry(
        "alice@cornflow.org", (3,)
    )
    assert await ours.log_in("erin", "Erin-pw1!") == ldap.DirectoryEntry(None, (1,))
    ours.close()


@pytest.mark.parametrize("password", ["", "\u00ad", "\u200b", "\u00ad\u200d", "\x07", "\ud800"])
async def test_password_that_is_none(directory: Slapd, password: str) -> None:
    """This directory takes a bind without a password for a good one, as Active Directory does."""
    ours = ldap.Directory(settings(directory))
    with pytest.raises(InvalidCredentials):
        await ours.log_in("alice", password)
    ours.close()


async def test_silent_directory_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ldap, "ANSWER_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held = []
        threading.Thread(target=lambda: held.append(listener.accept()), daemon=True).start()
        host = f"ldap://127.0.0.1:{listener.getsockname()[1]}"
        ours = ldap.Directory(Settings(auth_type=AuthType.LDAP, ldap_host=host))
        started = time.monotonic()
        with pytest.raises(CommunicationError, match=OUT_OF_ORDER):
            await ours.log_in("alice", "Alice-pw1!")
        assert time.monotonic() - started < 30
        ours.close()
    for connection, _ in held:
        connection.close()


async def test_unusable_address() -> None:
    ours = ldap.Directory(Settings(auth_type=AuthType.LDAP, ldap_host="ldap://127.0.0.1:1"))
    with pytest.raises(CommunicationError, match=OUT_OF_ORDER):
        await ours.log_in("alice", "Alice-pw1!")
    ours.close()
