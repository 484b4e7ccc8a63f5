"""Streams of the page end when the server is asked to stop; a second call that fails leaves a line in the log."""

import logging
import os
import signal
from collections.abc import Iterator
from types import FrameType

import pytest
from starlette.types import Receive, Scope, Send

from legacy_bridge.control.dashboard.stop_signals import StopSignals
from legacy_bridge.operations.operation import Mode, Operation, Stack
from legacy_bridge.shadow.call import call
from legacy_bridge.shadow.contract import Answer, ClientExchange


@pytest.fixture
def received() -> Iterator[list[int]]:
    """What the server's own handlers are given."""
    numbers: list[int] = []

    def handle(number: int, _: FrameType | None) -> None:
        numbers.append(number)

    before = {one: signal.signal(one, handle) for one in (signal.SIGTERM, signal.SIGINT)}
    yield numbers
    for one, handler in before.items():
        signal.signal(one, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_noticed_and_reaches_the_server(received: list[int], number: int) -> None:
    signals = StopSignals()
    signals.watch()
    assert not signals.stopping
    os.kill(os.getpid(), number)
    assert signals.stopping
    assert received == [number]


def test_the_handlers_are_put_back(received: list[int]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    signals = StopSignals()
    signals.watch()
    assert signal.getsignal(signal.SIGTERM) is not before
    signals.forget()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_handler_that_was_put_there_later_stays(received: list[int]) -> None:
    signals = StopSignals()
    signals.watch()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signals.forget()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


async def test_a_second_call_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError("planted")

    exchange = ClientExchange(
        operation=Operation("GET", "/thing/"),
        mode=Mode.SHADOW,
        trial=1,
        scope={"type": "http", "method": "GET", "path": "/thing/", "headers": []},
        body=b"",
        primary=Stack.LEGACY,
        compared=Stack.PORTED,
        answer=Answer(200, [], b"", 0.0),
        started=0.0,
        request_id="r",
    )
    with caplog.at_level(logging.ERROR):
        answer = await call(failing, exchange, state={}, most=10)
    assert answer.status == 500
    assert "GET /thing/" in caplog.text
    assert "ZeroDivisionError: planted" in caplog.text
