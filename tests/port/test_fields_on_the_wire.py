"""Header fields as a client may write them, which no HTTP library sends: blanks around values, fields twice."""

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from cornflow_f.web.protocol import _as_one_field
from parity_tests.stage.world import World
from tests.servers.pair import Pair, pair_of_stacks

TOKEN = "{token}"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with pair_of_stacks(tmp_path_factory.mktemp("pair"), {}) as both:
        yield both


def ask(world: World, *fields: str) -> tuple[int, Any]:
    """Status and body of `GET /user/2/` with these fields, written as they are."""
    where = urlsplit(world.stack.origin)
    written = "".join(f"{field}\r\n" for field in fields)
    written = written.replace(TOKEN, str(world.known["planner.token"]))
    head = f"GET /user/2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{written}\r\n"
    with socket.create_connection((where.hostname, where.port), timeout=30) as connection:
        connection.sendall(head.encode("latin-1"))
        reply = b"".join(iter(lambda: connection.recv(65536), b""))
    first, _, rest = reply.partition(b"\r\n")
    return int(first.split()[1]), rest.partition(b"\r\n\r\n")[2]


FIELDS = [
    ("Authorization: Bearer {token} ",),
    ("Authorization: Bearer {token}\t",),
    ("Authorization:Bearer {token}",),
    ("Authorization: \t Bearer {token}",),
    ("Authorization: Bearer ",),
    ("Authorization: Bearer",),
    ("Authorization:   ",),
    ("Authorization: Bearer {token}", "Authorization: Bearer {token}"),
    ("Authorization: Bearer {token} ", "Authorization: Bearer {token}"),
    ("Authorization: Bearer {token} x", "Authorization: Bearer {token}"),
    ("Authorization: ", "Authorization: Bearer {token}"),
    ("Authorization: Bearer {token}", "Authorization: "),
    ("Authorization: Basic x", "authorization: Bearer {token}"),
]


@pytest.mark.legacy
@pytest.mark.parametrize("fields", FIELDS)
def test_both_read_them_alike(pair: Pair, fields: tuple[str, ...]) -> None:
    (ours, our_body), (theirs, their_body) = pair.stage.both(lambda world: ask(world, *fields))
    assert theirs == ours
    if ours != 200:
        assert json.loads(their_body) == json.loads(our_body)


def test_fields_are_joined_in_their_order() -> None:
    sent = [(b"a", b" 1 "), (b"b", b"\t2"), (b"a", b""), (b"a", b"3 4")]
    assert _as_one_field(sent) == [(b"a", b"1,,3 4"), (b"b", b"2")]
