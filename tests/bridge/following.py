"""How soon a change is followed, measured so that a busy machine is not taken for a slow bridge."""

import http.client
import time
from collections.abc import Sequence

WITHIN = 2.0
"""Seconds in which every worker of every replica follows a change."""


def held_up(waited: Sequence[float]) -> float:
    """Seconds that this machine may hold a bridge up, by what clients had to wait in that time.

    To follow a change takes about twenty turns of an event loop: evidence is written, read by others and
    judged, the step is written and read. On an idle machine that is a tenth of a second.
    """
    return max(waited) + 20 * sum(waited) / len(waited) if waited else 0.0


def served_by(url: str, path: str) -> str:
    """The stack that answers, on a connection of its own.

    By the standard library: what httpx does for a new connection takes longer than what the bridge does.
    """
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        reply.read()
        return reply.headers["x-served-by"]
    finally:
        connection.close()


def obey(url: str, path: str, mode: str, answers: int = 30) -> None:
    """Fails when somebody is still answered as before two seconds after the change, which is just made."""
    changed, last_other, in_a_row = time.monotonic(), 0.0, 0
    waited: list[float] = []
    while in_a_row < answers or time.monotonic() - changed < WITHIN:
        began = time.monotonic()
        assert began - changed < 120, f"not all answers are the {mode} stack's"
        stack = served_by(url, path)
        waited.append(time.monotonic() - began)
        if stack == mode:
            in_a_row += 1
        else:
            last_other, in_a_row = began - changed, 0
    assert last_other < WITHIN + held_up(waited), (last_other, held_up(waited))
