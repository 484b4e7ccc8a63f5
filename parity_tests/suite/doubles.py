"""Notices what a test replaces: `unittest.mock.patch` in all its forms, and pytest's monkeypatch.

A double that sits in the legacy's code is out of the port's sight. Whether that matters is seen on the
legacy: a double that no request uses there is no reason for anything. Mocks count their calls; of a
plain function the interpreter tells, by a profile hook that is set while a request is answered.
"""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import pytest

from parity_tests.suite.events import Double
from parity_tests.suite.pytest_private import AssertLogs, Patch, children_of, last_replaced
from parity_tests.suite.target import SuiteTarget


@dataclass(eq=False)
class _Active:
    name: str
    inside: bool
    value: Any
    """What stands in for the real thing."""
    key: object
    """Who will undo it."""


class Doubles:
    """Those that are in place now."""

    def __init__(self, target: SuiteTarget) -> None:
        self._target = target
        self._active: list[_Active] = []

    @contextlib.contextmanager
    def watched(self) -> Iterator[list[Double]]:
        """Around a request: afterwards the list holds the doubles, with whether it used them."""
        doubles: list[Double] = []
        before = [(double, _uses(double.value)) for double in self._active]
        codes = {code: 0 for double, _ in before if (code := _code(double.value))}
        try:
            with _counting(codes):
                yield doubles
        finally:
            for double, uses in before:
                code = _code(double.value)
                used = None if uses is None else _uses(double.value) != uses
                used = bool(codes[code]) if code else used
                doubles.append(Double(double.name, double.inside, used))

    def add(self, owner: Any, attribute: str, value: Any, key: object) -> None:
        module, name = _named(owner)
        self._active.append(_Active(f"{name}.{attribute}", self._target.has(module), value, key))

    def undo(self, key: object) -> None:
        self._active = [double for double in self._active if double.key is not key]

    def install(self) -> Callable[[], None]:
        """Starts to notice; the result ends it."""
        return _undo_all(
            [
                _wrap(Patch, "__enter__", self._patched),
                _wrap(Patch, "__exit__", self._unpatched),
                _wrap(pytest.MonkeyPatch, "setattr", self._monkeypatched),
                _wrap(pytest.MonkeyPatch, "undo", self._undone),
                _wrap(AssertLogs, "__enter__", self._listening),
                _wrap(AssertLogs, "__exit__", self._unpatched),
            ]
        )

    def _patched(self, patching: Any, _: Any) -> None:
        owner, attribute = patching.target, patching.attribute
        self.add(owner, attribute, getattr(owner, attribute, None), patching)

    def _unpatched(self, patching: Any, _: Any) -> None:
        self.undo(patching)

    def _monkeypatched(self, monkeypatch: Any, _: Any) -> None:
        owner, attribute = last_replaced(monkeypatch)
        self.add(owner, attribute, getattr(owner, attribute, None), monkeypatch)

    def _listening(self, context: Any, _: Any) -> None:
        """`assertLogs` on a logger of the legacy: what the port logs goes to loggers of its own."""
        name = str(getattr(context.logger_name, "name", context.logger_name))
        if self._target.has(name):
            self._active.append(_Active(f"logger {name}", True, context.watcher, context))

    def _undone(self, monkeypatch: Any, _: Any) -> None:
        self.undo(monkeypatch)


def _named(owner: Any) -> tuple[str | None, str]:
    """The module that the owner of an attribute belongs to, and its name for people."""
    if isinstance(owner, types.ModuleType):
        return owner.__name__, owner.__name__
    kind = owner if isinstance(owner, type) else type(owner)
    return kind.__module__, f"{kind.__module__}.{kind.__qualname__}"


def _uses(value: Any) -> int | None:
    """Calls of a mock and of all its children, and children it has had asked of it."""
    # a function that is specified by the real one carries its mock
    value = getattr(value, "mock", value) if isinstance(value, types.FunctionType) else value
    if isinstance(records := getattr(value, "records", None), list):
        return len(records)
    if not isinstance(value, mock.NonCallableMock):
        return None
    return len(value.mock_calls) + children_of(value)


def _code(value: Any) -> types.CodeType | None:
    """Of a plain function, or of what makes an instance of a plain class."""
    if isinstance(value, mock.NonCallableMock) or hasattr(value, "mock"):
        return None
    if isinstance(value, type):
        value = value.__init__  # type: ignore[misc]  # only its code is read
    code = getattr(value, "__code__", None)
    return code if isinstance(code, types.CodeType) else None


@contextlib.contextmanager
def _counting(codes: dict[types.CodeType, int]) -> Iterator[None]:
    """Counts calls of these functions on this thread."""
    if not codes:
        yield
        return

    def called(frame: types.FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code in codes:
            codes[frame.f_code] += 1

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        yield
    finally:
        sys.setprofile(before)


def _wrap(owner: Any, name: str, then: Callable[[Any, Any], None]) -> Callable[[], None]:
    original = getattr(owner, name)

    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        then(self, result)
        return result

    setattr(owner, name, wrapped)
    return lambda: setattr(owner, name, original)


def _undo_all(steps: list[Callable[[], None]]) -> Callable[[], None]:
    def undo() -> None:
        for step in reversed(steps):
            step()

    return undo
