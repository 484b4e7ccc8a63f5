"""Logs as text or as lines of JSON, with the request id that both stacks see.

The id is a context variable while a request is answered, so whatever either stack logs meanwhile, in a
coroutine or on the legacy's thread, carries it.
"""

import json
import logging
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from starlette.types import Scope

from legacy_bridge.modes.decisions import Decision
from parity_core.capture import scan
from parity_core.capture.secrets import is_secret, replaced

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)

_access = logging.getLogger("legacy_bridge.access")


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


_HIDDEN = "***"


class TextLines(logging.Formatter):
    """Lines for people, without the secrets that an exception or a stack has put in."""

    def format(self, record: logging.LogRecord) -> str:
        return scan.hidden(super().format(record), _HIDDEN)


class JsonLines(logging.Formatter):
    """One object a line: `time` (UTC), `level`, `logger`, `message`, what the record brings. No secrets."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields = getattr(record, "fields", None)
        if isinstance(fields, dict):
            line |= fields
        request_id = REQUEST_ID.get()
        if request_id is not None:
            line.setdefault("request_id", request_id)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        shown = replaced(line, is_secret, lambda name, one: _HIDDEN if name else _shown(one))
        return json.dumps(shown, default=str, ensure_ascii=False)


def _shown(text: str) -> str:
    return scan.hidden(text, _HIDDEN)


def config(kind: LogFormat, level: str = "INFO") -> dict[str, Any]:
    """For `logging.config` and the server: one handler, which writes to the standard error stream."""
    formatter: dict[str, Any] = {
        "()": TextLines,
        "fmt": "%(asctime)s %(levelname)-8s %(name)s: %(message)s",
    }
    if kind is LogFormat.JSON:
        formatter = {"()": JsonLines}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"one": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "one"}},
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {
            name: {"level": level, "handlers": ["stderr"], "propagate": False}
            for name in ("uvicorn", "legacy_bridge")
        }
        # They have handlers of their own by default.
        | {f"uvicorn.{name}": {"handlers": [], "propagate": True} for name in ("error", "access")},
    }


def take_over() -> None:
    """Whatever handlers the applications have added write lines of JSON, too."""
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    for logger in loggers:
        if isinstance(logger, logging.Logger):
            for handler in logger.handlers:
                if not isinstance(handler.formatter, JsonLines):
                    handler.setFormatter(JsonLines())


def log_access(
    scope: Scope, decision: Decision, *, status: int, stack: str, request_id: str, began: float
) -> None:
    """One line for each request, when it is over. Queries are left out: they may hold secrets."""
    if not _access.isEnabledFor(logging.INFO):
        return
    milliseconds = round((time.perf_counter() - began) * 1000, 2)
    operation = decision.name or None
    client = scope.get("client")
    method, path = scope["method"], scope["path"]
    _access.info(
        "%s %r %s %s ms by %s (%s, %s) %s",
        method,
        path,
        status or "no reply",
        milliseconds,
        stack,
        operation or "no operation",
        decision.mode.value,
        request_id,
        extra={
            "fields": {
                "method": method,
                "path": path,
                "operation": operation,
                "mode": decision.mode.value,
                "stack": stack,
                "status": status,
                "ms": milliseconds,
                "request_id": request_id,
                "client": client[0] if client else None,
            }
        },
    )
