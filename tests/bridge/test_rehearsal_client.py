"""A user of the rehearsal whose connection is cut after a worker has done what was asked."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from cornflow_cutover.rehearsal.client import Client, CutError, FailedError, RequestLog
from cornflow_cutover.rehearsal.ledger import RequestLedger
from cornflow_cutover.rehearsal.outcome import RehearsalOutcome
from cornflow_cutover.rehearsal.stories import make_admin

ADMIN = "PUT /user/<int:user_id>/<int:make_admin>/"


class Workers:
    """Both addresses reach this. It answers as both stacks do, and is killed once, at the first writing."""

    def __init__(self, *, kills_after_work: bool = True) -> None:
        self.roles: set[tuple[int, int]] = set()
        self.killed = False
        self.writes = 0
        self._kills_after_work = kills_after_work

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            rows = [{"user_id": user, "role_id": role} for user, role in self.roles]
            return httpx.Response(200, json=rows)
        self.writes += 1
        if not self.killed:
            self.killed = True
            if self._kills_after_work:
                self._give()
            raise httpx.ReadError("killed", request=request)
        return self._give()

    def _give(self) -> httpx.Response:
        if (5, 3) in self.roles:
            # Both stacks: the row is there, and giving it twice is an error.
            return httpx.Response(400, json={"error": "Integrity error"})
        self.roles.add((5, 3))
        return httpx.Response(200, json={"id": 5})


def _play(workers: Workers, act: Callable[[Client], Any]) -> tuple[RehearsalOutcome, Any]:
    log = RequestLog()

    async def play() -> Any:
        async with httpx.AsyncClient(transport=httpx.MockTransport(workers)) as http:
            addresses = ["http://one", "http://two"]
            client = Client("ana", "pw", addresses, http, RequestLedger(), log, settle=0)
            return await act(client)

    made = asyncio.run(play())
    return RehearsalOutcome(log, 0), made


def test_a_change_that_was_done_before_the_cut_is_not_asked_for_again() -> None:
    workers = Workers()
    outcome, _ = _play(workers, lambda client: make_admin(client, 5))
    assert outcome.failures == []
    assert (workers.writes, outcome.log.cut) == (1, 1)


def test_a_change_that_was_not_done_is() -> None:
    workers = Workers(kills_after_work=False)
    outcome, _ = _play(workers, lambda client: make_admin(client, 5))
    assert outcome.failures == []
    assert workers.writes == 2
    assert workers.roles == {(5, 3)}


def test_resending_it_blindly_is_what_fails_and_the_report_says_that_it_was_sent_before() -> None:
    """The plant: how the rehearsal was until it looked first. `400 by ported` was its own second request."""

    async def blindly(client: Client) -> None:
        with pytest.raises(FailedError):
            await client(ADMIN, user_id=5, make_admin=1)

    outcome, _ = _play(Workers(), blindly)
    assert outcome.failures == [f"{ADMIN}: 400 by ? (sent 2 times)"]


def test_what_can_be_done_twice_and_not_be_looked_for_is_given_up() -> None:
    async def post(client: Client) -> None:
        with pytest.raises(CutError):
            await client("POST /permission/", json={})

    outcome, _ = _play(Workers(), post)
    assert outcome.log.given_up == 1
