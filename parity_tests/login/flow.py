"""The requests of a log-in one after another, and the session that comes of their replies. Pure, but for a team's function."""

from __future__ import annotations

import base64
import importlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from parity_core.model import MISSING, Json, ParityError, Reply
from parity_tests.config import Config, User
from parity_tests.journeys.model import Step
from parity_tests.journeys.sign import TokenHeader, UserSession
from parity_tests.journeys.sources import value_at
from parity_tests.parity_toml import LoginTable


class RefusedError(Exception):
    """Nobody was logged in; the words say by which reply."""


@dataclass(frozen=True)
class LoggedIn:
    """One side, while a log-in goes on and after it."""

    session: UserSession = field(default_factory=UserSession)
    token: str = ""
    id: Any = MISSING
    csrf: str = ""

    def known(self) -> dict[str, Any]:
        """What templates of the log-in's requests may name."""
        return {"csrf": self.csrf}


@dataclass(frozen=True)
class Part:
    """One request of a log-in."""

    step: Step
    is_login: bool = False
    """The one that is answered by a token or a session; the others only bring a token against forgery."""


@dataclass(frozen=True)
class Flow:
    """All of a log-in, as the configuration has it."""

    login: LoginTable
    parts: tuple[Part, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(_parts(self.login)))

    def after(self, part: Part, reply: Reply, state: LoggedIn) -> LoggedIn:
        """The state when a request was answered. Raises RefusedError."""
        state = replace(state, session=state.session.after(reply))
        csrf = self.login.csrf
        if not part.is_login:
            assert csrf is not None
            token = str(self._value(reply, csrf.token))
            return replace(state, csrf=token, session=_guarded(self.login, state.session, token))
        session = state.session
        token = ""
        if self.login.token is not None:
            token = str(self._value(reply, self.login.token))
            if not self.login.token.startswith("cookie:"):
                session = replace(session, headers=(header_of(self.login).of(token),))
        elif reply.status is None or reply.status >= 400:
            raise RefusedError(_refusal(reply))
        elif not session.cookies:
            raise RefusedError(f"{reply.status}, and no cookie was set")
        number: Any = MISSING
        if self.login.id is not None:
            number = self._value(reply, self.login.id)
        return replace(state, session=session, token=token, id=number)

    def _value(self, reply: Reply, source: str) -> Json:
        try:
            return value_at(reply, source)
        except LookupError:
            raise RefusedError(_refusal(reply)) from None


def header_of(login: LoginTable | None) -> TokenHeader:
    """How tokens are shown; `Authorization: Bearer …` where nothing is configured."""
    return TokenHeader() if login is None else TokenHeader(login.header, login.scheme)


def without_request(config: Config, user: User, origin: str) -> LoggedIn | None:
    """The session of who need not ask for one: a fixed token, Basic, a function; None for all others.

    Raises RefusedError when the function does, ParityError when there is no such function.
    """
    login = config.login
    if user.token is not None:
        shown = header_of(login).of(user.token)
        return LoggedIn(UserSession(headers=(shown,)), user.token)
    if login is None:
        return None
    if login.kind == "basic":
        pair = base64.b64encode(f"{user.username}:{user.password}".encode()).decode()
        return LoggedIn(UserSession(headers=(("Authorization", f"Basic {pair}"),)))
    if login.kind == "function":
        return _by_function(config, login, user, origin)
    return None


def _by_function(config: Config, login: LoginTable, user: User, origin: str) -> LoggedIn:
    module, _, name = login.function.partition(":")
    for folder in (str((config.path.parent / one).resolve()) for one in login.pythonpath):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ParityError(f"{config.path}: `login.function`: {error}") from error
    try:
        headers = function(origin, user.username, user.password)
    except Exception as error:  # whatever a team's function raises, nobody is logged in
        raise RefusedError(f"{login.function} raised {type(error).__name__}: {error}") from error
    if not isinstance(headers, Mapping):
        raise ParityError(
            f"{config.path}: `login.function`: {login.function} returned {type(headers).__name__}, "
            "not a mapping of headers"
        )
    return LoggedIn(UserSession(headers=tuple((str(k), str(v)) for k, v in headers.items())))


def _parts(login: LoginTable) -> Iterator[Part]:
    if login.kind != "request" or login.path is None:
        return
    csrf = login.csrf
    if csrf is not None and csrf.before is not None:
        yield Part(Step("GET", csrf.before, 0, note="asks for a token against forgery"))
    yield Part(
        Step(
            login.method,
            login.path,
            0,
            json=MISSING if login.body is None else login.body,
            form=login.form,
            note="logs in",
        ),
        is_login=True,
    )
    if csrf is not None and csrf.after is not None:
        yield Part(Step("GET", csrf.after, 0, note="asks for the session's token against forgery"))


def _guarded(login: LoginTable, session: UserSession, token: str) -> UserSession:
    csrf = login.csrf
    assert csrf is not None
    cookie = csrf.token.removeprefix("cookie:") if csrf.token.startswith("cookie:") else ""
    return replace(session, csrf_header=csrf.header, csrf_token=token, csrf_cookie=cookie)


def _refusal(reply: Reply) -> str:
    return reply.error or f"{reply.status} {reply.body[:300].decode(errors='replace')}"
