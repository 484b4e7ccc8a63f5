"""What `parity suite` uses of pytest and unittest that their documents do not promise: each use is here.

`tests/packages/test_private_apis.py` says what of it a new version broke.
"""

from __future__ import annotations

import importlib
from typing import Any
from unittest import mock

import pytest

Patch: Any = mock._patch
"""What every form of `patch()` makes."""

AssertLogs: Any = importlib.import_module("unittest._log")._AssertLogsContext
"""What `assertLogs()` makes."""


def last_replaced(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, str]:
    """Owner and name of the attribute that was replaced last."""
    owner, attribute, *_ = monkeypatch._setattr[-1]
    return owner, attribute


def children_of(double: mock.NonCallableMock) -> int:
    """How many of its attributes were asked of a mock, and made."""
    children: dict[str, Any] = double._mock_children
    return len(children)
