"""Runs the guards of an operation before the legacy is asked. When it can't tell, the legacy is not asked."""

from __future__ import annotations

import asyncio
import importlib
import itertools
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import TextClause, text
from starlette.types import ASGIApp, Receive, Scope, Send
from werkzeug.routing import BaseConverter, Map, Rule
from werkzeug.routing.exceptions import RoutingException

from legacy_bridge.database.connection import Database, StoreError
from legacy_bridge.guards import places
from legacy_bridge.guards.guards_toml import PLACEHOLDER, GuardsFile, GuardTable
from legacy_bridge.guards.places import BodyUnreadableError, PlaceKind
from legacy_bridge.operations.match import path_below
from legacy_bridge.operations.operation import LegacyRule, Operation
from legacy_bridge.stacks.edge import Headers, path_info
from legacy_bridge.stacks.replies import send_error, send_json
from legacy_bridge.stacks.spool import BODY, SpooledBody, SpoolRequest, SpoolRoom
from parity_core.files.sentence import nearest

Identify = Callable[[ASGIApp, Headers], Awaitable[str | None]]
"""Who asks: given the port and the headers, a text that the guards' SQL knows, None for nobody."""

_LONG = 256 * 1024
"""Bytes of a body that are not decoded on the event loop."""
_COMBINATIONS = 16
"""Of values that a request gives more than once."""

_log = logging.getLogger(__name__)


class GuardError(Exception):
    """The guards do not fit these two applications; the text is one sentence."""


class GuardResult(StrEnum):
    PASSED = "passed"
    REFUSED = "refused"
    FAILED = "failed"
    """It could not be told, so the request was answered with 4xx or 503."""


class Gate:
    """The guards of one bridge. `is_on` follows the operator's switch; `count` hears every result."""

    def __init__(
        self,
        file: GuardsFile,
        path: Path,
        *,
        rules: Iterable[LegacyRule],
        root: str,
        converters: Mapping[str, type[BaseConverter]] | None,
        environment: Mapping[str, str],
        port: ASGIApp,
        database_url: str,
        is_on: Callable[[str], bool],
        count: Callable[[str, str, str], None],
        room: SpoolRoom | None = None,
    ) -> None:
        """Raises GuardError."""
        self._limit = file.max_body_bytes
        self._identify = None if file.identity is None else _function(file.identity, path)
        self._port, self._root = port, root.rstrip("/")
        self._is_on, self._count = is_on, count
        self._database = Database(database_url)
        self._room = room
        self._one_long = asyncio.Semaphore()
        known = _rules_of(rules)
        self._guards: dict[Operation, list[GuardTable]] = {}
        self._paths: dict[Operation, Map] = {}
        for guard in file.guard:
            operation = Operation.parse(guard.operation)
            if operation not in known:
                near = nearest(guard.operation, map(str, known))
                raise GuardError(
                    f"{path}: the guard `{guard.name}`: the legacy has no operation "
                    f"{guard.operation}{near if 'did you mean' in near else ''}"
                )
            self._paths[operation] = _map(known[operation], converters, guard, path)
            if guard.holds_in(environment):
                self._guards.setdefault(operation, []).append(guard)

    def __contains__(self, operation: object) -> bool:
        return operation in self._guards

    async def close(self) -> None:
        await self._database.close()

    async def admit(
        self, operation: Operation, legacy: ASGIApp, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Asks the legacy unless a guard refuses; then the reply is the guard's."""
        guards = [one for one in self._guards[operation] if self._is_on(one.name)]
        if not any(place.kind is PlaceKind.BODY for one in guards for place in one.places.values()):
            if not await self._is_refused(guards, operation, None, scope, send):
                await legacy(scope, receive, send)
            return

        async def with_body(scope: Scope, receive: Receive, send: Send) -> None:
            body: SpooledBody = scope[BODY]
            refused = await self._is_refused(guards, operation, body, scope, send)
            body.file.seek(0)
            if not refused:
                await legacy(scope, receive, send)

        await SpoolRequest(with_body, room=self._room)(scope, receive, send)

    async def _is_refused(
        self,
        guards: Iterable[GuardTable],
        operation: Operation,
        body: SpooledBody | None,
        scope: Scope,
        send: Send,
    ) -> bool:
        document: Any = None
        is_read = False
        for guard in guards:
            try:
                if body is not None and not is_read:
                    document, is_read = await self._document(body), True
                values = await self._values(guard, operation, document, scope)
                refused = await self._refusing(guard, values)
            except BodyUnreadableError as error:
                self._count(guard.name, str(operation), GuardResult.FAILED)
                await send_error(send, error.status, str(error))
                return True
            except Exception as error:
                # The legacy must not be asked what nobody has looked at.
                known = isinstance(error, StoreError)
                _log.error("guard %s can't tell: %s", guard.name, error, exc_info=not known)
                self._count(guard.name, str(operation), GuardResult.FAILED)
                retry = [(b"retry-after", b"5")]
                await send_error(send, 503, "this can't be checked now: try again later", retry)
                return True
            result = GuardResult.PASSED if refused is None else GuardResult.REFUSED
            self._count(guard.name, str(operation), result)
            if refused is not None:
                _log.warning("guard %s refused %s", guard.name, operation)
                await _refuse(send, guard, refused)
                return True
        return False

    async def _document(self, body: SpooledBody) -> Any:
        if body.size > self._limit:
            raise BodyUnreadableError(413, f"the request's body is larger than {self._limit} bytes")

        def read() -> Any:
            return places.document_of(body.file.read(), self._limit)

        head = body.file.read(2)
        body.file.seek(0)
        if body.size <= _LONG and head != b"\x1f\x8b":
            return read()
        async with self._one_long:
            return await asyncio.to_thread(read)

    async def _values(
        self, guard: GuardTable, operation: Operation, document: Any, scope: Scope
    ) -> dict[str, list[str]]:
        """Of each value all that the request says; those of the path, the headers and so on."""
        found: dict[str, list[str]] = {}
        for name, place in guard.places.items():
            match place.kind:
                case PlaceKind.PATH:
                    found[name] = self._of_path(operation, place.name, scope)
                case PlaceKind.QUERY:
                    found[name] = places.of_query(scope["query_string"], place.name)
                case PlaceKind.HEADER:
                    found[name] = places.of_headers(scope["headers"], place.name)
                case PlaceKind.BODY:
                    found[name] = places.of_body(document, place.name)
                case PlaceKind.IDENTITY:
                    assert self._identify is not None, "the file was refused without it"
                    who = await self._identify(self._port, scope["headers"])
                    found[name] = [] if who is None else [who]
            if not found[name]:
                return {}
        return found

    def _of_path(self, operation: Operation, name: str, scope: Scope) -> list[str]:
        path = path_info(scope)
        inside = path_below(path, self._root) if self._root else path
        try:
            _, values = self._paths[operation].bind("localhost").match(inside or "/", "GET")
        except RoutingException:
            return []
        return [str(values[name])]

    async def _refusing(
        self, guard: GuardTable, found: Mapping[str, list[str]]
    ) -> Mapping[str, str] | None:
        """The values for which the guard refuses; None when it lets the request pass."""
        names = list(found)
        combinations = itertools.product(*found.values()) if names else iter(())
        for number, chosen in enumerate(combinations):
            values = dict(zip(names, chosen, strict=True))
            if number == _COMBINATIONS or await self._is_refusing(guard, values):
                return values
        return None

    async def _is_refusing(self, guard: GuardTable, values: Mapping[str, str]) -> bool:
        patterns = guard.refuse_if_match or guard.refuse_unless_match
        if patterns:
            matches = all(
                re.fullmatch(pattern, values[name], re.DOTALL) for name, pattern in patterns.items()
            )
            return matches is bool(guard.refuse_if_match)
        statement, names = _prepared(guard.refuse_if_row or guard.refuse_unless_row or "")
        named = {name: values[name] for name in names}
        if any(not _is_storable(one) for one in named.values()):
            # No database has it in a text, so whatever the legacy makes of it is not what was meant.
            return True
        async with self._database.begin() as connection:
            row = (await connection.execute(statement, named)).first()
        return (row is not None) is bool(guard.refuse_if_row)


@cache
def _prepared(sql: str) -> tuple[TextClause, tuple[str, ...]]:
    """A guard's statement, and the names of the values that it wants."""
    statement = text(sql)
    return statement, tuple(statement.compile().params)


async def _refuse(send: Send, guard: GuardTable, values: Mapping[str, str]) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in guard.headers.items()]
    await send_json(send, guard.status, _filled(guard.body, values), headers)


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return PLACEHOLDER.sub(lambda found: values[found[1]], value)
    if isinstance(value, Mapping):
        return {key: _filled(one, values) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(one, values) for one in value]
    return value


def _is_storable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in value


def _rules_of(rules: Iterable[LegacyRule]) -> dict[Operation, LegacyRule]:
    return {
        Operation(method, rule.rule): rule
        for rule in rules
        if not rule.infrastructure
        for method in rule.methods - {"OPTIONS", "HEAD"}
    }


def _map(
    rule: LegacyRule,
    converters: Mapping[str, type[BaseConverter]] | None,
    guard: GuardTable,
    path: Path,
) -> Map:
    """A map of one rule, which takes out of a path what the rule names."""
    made = Rule(
        rule.rule,
        endpoint="",
        methods=["GET"],
        strict_slashes=rule.strict_slashes,
        merge_slashes=rule.merge_slashes,
    )
    url_map = Map([made], converters=converters)
    for name, place in guard.places.items():
        if place.kind is PlaceKind.PATH and place.name not in made.arguments:
            raise GuardError(
                f"{path}: the guard `{guard.name}`: `values.{name}`: {guard.operation} has no "
                f"`{place.name}` in its path{nearest(place.name, made.arguments)}"
            )
    return url_map


def _function(reference: str, path: Path) -> Identify:
    module, _, name = reference.partition(":")
    try:
        function: Identify = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise GuardError(f"{path}: `identity`: '{reference}' can't be loaded: {error}") from error
    return function
