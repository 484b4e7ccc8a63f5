"""The pytest plugin of `parity suite`: what it is to do, it is told by the variable `PARITY_SUITE`.

Not for `-p` by hand: `parity suite` starts the suite with it, twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from parity_core.model import ParityError, Side
from parity_tests.suite import target as targets
from parity_tests.suite.doubles import Doubles
from parity_tests.suite.events import VARIABLE, EventRecorder
from parity_tests.suite.interpose import Interposer
from parity_tests.suite.leftovers import watch
from parity_tests.suite.memory import give_files_to_memory_databases


def pytest_configure(config: pytest.Config) -> None:
    options = os.environ.get(VARIABLE)
    if options is not None:
        config.pluginmanager.register(
            SuiteObserver(json.loads(options), config), "parity-suite-observer"
        )


class SuiteObserver:
    """Watches one run, and on the ported one redirects the suite's requests."""

    def __init__(self, options: dict[str, str], config: pytest.Config) -> None:
        # a worker of pytest-xdist sees the requests, its controller gets the reports
        self._reports = not hasattr(config, "workerinput")
        self._recorder = EventRecorder(Path(options["events"]))
        try:
            target = targets.load(options["target"])
        except ParityError as error:
            raise pytest.UsageError(str(error)) from error
        stack = Side(options["stack"])
        doubles = Doubles(target)
        self._interposer = Interposer(target, stack, self._recorder, doubles, config.rootpath)
        self._undo: list[Callable[[], None]] = [doubles.install(), self._interposer.install()]
        self._undo.append(watch(self._recorder.write, Path(options["folder"])))
        if target.prepare is not None:
            target.prepare(stack.value)
        if stack is Side.PORTED:
            self._undo.append(give_files_to_memory_databases(Path(options["folder"])))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._recorder.test = item.nodeid
        try:
            return (yield)
        finally:
            self._interposer.close()
            self._recorder.test = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._reports:
            self._write_report(report, report.when != "call")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if self._reports and report.failed:
            self._write_report(report, False)

    def pytest_sessionfinish(self) -> None:
        # a run that is killed, or ends itself in the middle, never gets here
        if self._reports:
            self._recorder.write("end")

    def pytest_unconfigure(self) -> None:
        for undo in reversed(self._undo):
            undo()

    def _write_report(self, report: Any, is_around: bool) -> None:
        result = _result(report)
        if is_around and result == "passed":
            return
        before, self._recorder.test = self._recorder.test, report.nodeid
        self._recorder.write(
            "report",
            result=result,
            message=_message(report) if report.failed else "",
            seconds=getattr(report, "duration", 0.0),
        )
        self._recorder.test = before


def _result(report: Any) -> str:
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed"
    return str(report.outcome)


def _message(report: Any) -> str:
    """The line that says what went wrong."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr)
    line = next((line for line in text.splitlines() if line.strip()), "")
    return f"in {report.when}: {line}" if getattr(report, "when", "call") != "call" else line
