"""Replays a journey on both stacks of a stage, step by step, and compares each pair."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from parity_core.compare.correspond import Correspondence
from parity_core.compare.diff import diff
from parity_core.compare.places import point
from parity_core.compare.rules import RuleKind, Rules
from parity_core.model import MISSING, Difference, Exchange, Pair, ParityError, Reply, Request, Side
from parity_tests.journeys.compose import compose
from parity_tests.journeys.model import Journey, Step, Wait
from parity_tests.journeys.sign import UserSession
from parity_tests.journeys.sources import first_match, value_at
from parity_tests.journeys.templates import Unknown, fill
from parity_tests.login import flow
from parity_tests.operations import CensusMatcher
from parity_tests.parity_toml import LoginTable
from parity_tests.stage.stage import Stage
from parity_tests.stage.world import World

_SETTLE = (0.02, 0.1, 0.3)
"""Seconds to wait, one after another, for writes that a stack makes after its reply."""
_PATIENT = (*_SETTLE, 1.0, 3.0)
"""The same for a journey that is played again because something differed."""
_POLL = 0.2


def replay(
    journey: Journey, stage: Stage, rules: Rules, matcher: CensusMatcher, *, patient: bool = False
) -> Iterator[tuple[Pair, list[Difference]]]:
    """Starts from the seed's rows; yields every pair with what differs in it.

    `patient` gives stacks more time for what they do after their replies, and to reach what a step waits for.
    """
    stage.restore()
    yield from Replay(journey, stage, rules, matcher, patient=patient).run()


class Replay:
    """One journey in progress: what was captured on each side, and what has met what."""

    def __init__(
        self,
        journey: Journey,
        stage: Stage,
        rules: Rules,
        matcher: CensusMatcher,
        *,
        ahead: bool = False,
        patient: bool = False,
    ) -> None:
        """`ahead`: open the next step while the last is compared. For stacks that nobody else writes to:
        what is written between two steps is then told of the second."""
        self.journey = journey
        self.stage = stage
        self.rules = rules
        self.matcher = matcher
        self.environment = stage.environment
        self.correspondence = Correspondence(secrets=self.environment)
        self.remember_seed()
        self.known = {Side.LEGACY: dict(stage.legacy.known), Side.PORTED: dict(stage.ported.known)}
        self.number = 0
        self.log_ins: dict[str, dict[Side, UserSession]] = {}
        self.shown = flow.header_of(stage.config.login)
        self.ahead = ahead
        self.pauses = _PATIENT if patient else _SETTLE
        self.patience = 3.0 if patient else 1.0
        self.begun: list[Future[None]] = []

    def remember_seed(self) -> None:
        """Rows of the seed are the same on both sides: their ids are partners from the start."""
        reader = self.stage.legacy.reader
        for table, column, values in reader.keys() if reader else ():
            rule = self.rules.of("", f"rows/{table}/0/{column}")
            if rule and rule.kind is RuleKind.ID:
                for value in values:
                    self.correspondence.meet(rule.namespace, value, value)

    def run(self) -> Iterator[tuple[Pair, list[Difference]]]:
        for step in self.journey.steps:
            sessions: dict[Side, UserSession] = {}
            if isinstance(step.user, dict) and "login" in step.user:
                yield from self.log_in(step, sessions)
            yield self.play(step, sessions)

    def log_in(
        self, step: Step, sessions: dict[Side, UserSession]
    ) -> Iterator[tuple[Pair, list[Difference]]]:
        """`as: {login: …}`: pairs like any others, once per user and journey."""
        login = self.stage.config.login
        if login is None or login.kind != "request":
            raise ParityError(
                f"{self._at(step)}: `login` needs a [login] by request in the configuration"
            )
        user = json.dumps(step.user, sort_keys=True)
        if user not in self.log_ins:
            steps = flow.Flow(login)
            states = dict.fromkeys(Side, flow.LoggedIn())
            named = {
                side: {key: fill(value, known) for key, value in step.user["login"].items()}
                for side, known in self.known.items()
            }
            for part in steps.parts:
                pair, differences = self.play(
                    replace(part.step, line=step.line),
                    {side: state.session for side, state in states.items()},
                    {side: named[side] | state.known() for side, state in states.items()},
                )
                for exchange in (pair.legacy, pair.ported):
                    try:
                        states[exchange.side] = steps.after(
                            part, exchange.reply, states[exchange.side]
                        )
                    except flow.RefusedError:
                        # who could not log in asks on with an empty token, or without cookies
                        states[exchange.side] = self._nobody(login)
                yield pair, differences
            self.log_ins[user] = {side: state.session for side, state in states.items()}
        sessions.update(self.log_ins[user])

    def _nobody(self, login: LoginTable) -> flow.LoggedIn:
        return flow.LoggedIn(
            UserSession(headers=() if login.token is None else (self.shown.of(""),))
        )

    def play(
        self,
        step: Step,
        sessions: Mapping[Side, UserSession],
        extra: dict[Side, dict[str, Any]] | None = None,
    ) -> tuple[Pair, list[Difference]]:
        self.number += 1
        requests = self.requests(step, sessions, extra)
        begun, self.begun = self.begun, []
        for one in begun:
            one.result()
        if step.days_later:
            self.stage.pass_days(step.days_later)
        is_open = bool(begun) and not step.days_later
        legacy, ported = self.stage.both(
            lambda w: self.ask(w, requests[w.side], step.wait, is_open)
        )
        self.settle(legacy, ported)
        for world in (self.stage.legacy, self.stage.ported):
            world.forget()
        if self.ahead:
            self.begun = self.stage.begin()
        pair = Pair(
            journey=self.journey.name,
            step=self.number,
            where=self._at(step),
            operation=self.matcher.match(legacy.request.method, legacy.request.path),
            legacy=legacy,
            ported=ported,
            user=_user(step),
            note=step.note,
            rows_compared=self.stage.reads_rows,
        )
        differences = diff(pair, self.rules, self.correspondence)
        self._keep_cookies(step, pair)
        self.capture(step, pair, differences)
        return pair, differences

    def _keep_cookies(self, step: Step, pair: Pair) -> None:
        """A browser would: what a reply sets goes along with the user's next request."""
        if not isinstance(step.user, str):
            return
        for exchange in (pair.legacy, pair.ported):
            known = self.known[exchange.side]
            session = known.get(f"{step.user}.session")
            if isinstance(session, UserSession) and session.cookies:
                known[f"{step.user}.session"] = session.after(exchange.reply)

    def requests(
        self,
        step: Step,
        sessions: Mapping[Side, UserSession],
        extra: dict[Side, dict[str, Any]] | None = None,
    ) -> dict[Side, Request]:
        """What each side is sent for a step: its own captured values are filled in."""
        now = int(time.time())
        requests: dict[Side, Request] = {}
        for side, known in self.known.items():
            request = replace(step, user=sessions[side]) if side in sessions else step
            try:
                requests[side] = compose(
                    request, known | (extra or {}).get(side, {}), self.environment, now, self.shown
                )
            except Unknown as error:
                world = self.stage.legacy if side is Side.LEGACY else self.stage.ported
                name = str(error)
                why = (
                    f"was refused: {world.refused[name]}" if name in world.refused else "is unknown"
                )
                raise ParityError(f"{self._at(step)}: `{name}` {why} ({side})") from None
        return requests

    def ask(
        self, world: World, request: Request, wait: Wait | None, is_open: bool = False
    ) -> Exchange:
        if world.reader and not is_open:
            world.reader.start()
        started = time.time()
        reply = world.send(request)
        deadline = started + (wait.timeout * self.patience if wait else 0)
        while wait and not _reached(reply, wait) and time.time() < deadline:
            time.sleep(_POLL)
            reply = world.send(request)
        replied = time.time()
        rows = world.reader.changes() if world.reader else []
        origin = world.stack.origin
        return Exchange(
            world.side, origin, request, reply, started, time.time(), rows, world.effects(), replied
        )

    def settle(self, legacy: Exchange, ported: Exchange) -> None:
        """Gives a stack that writes or sends after its reply the time to do so."""
        for pause in self.pauses:
            if outline(legacy) == outline(ported):
                return
            time.sleep(pause)
            for world, exchange in ((self.stage.legacy, legacy), (self.stage.ported, ported)):
                if world.reader:
                    exchange.rows = world.reader.changes()
                exchange.effects = world.effects()

    def capture(self, step: Step, pair: Pair, differences: list[Difference]) -> None:
        for name, source in step.capture.items():
            values: list[Any] = []
            for exchange in (pair.legacy, pair.ported):
                try:
                    value = captured(exchange, source)
                except (LookupError, ValueError):
                    value = f"uncaptured-{name}"
                    values.append(MISSING)
                else:
                    values.append(value)
                self.known[exchange.side][name] = value
            if values == [MISSING, MISSING]:
                status = pair.legacy.reply.status
                raise ParityError(
                    f"{pair.where}: nothing at `{source}` to capture as `{name}` in either reply "
                    f"({status}: {pair.legacy.reply.body[:200].decode(errors='replace')})"
                )
            if MISSING in values and not differences:
                differences.append(Difference(f"capture/{name}", values[0], values[1]))

    def _at(self, step: Step) -> str:
        return f"{self.journey.path}:{step.line}"


def captured(exchange: Exchange, source: str) -> Any:
    """A value of the reply, or of a mail, by its source (`journeys.sources`); LookupError if none."""
    if source.startswith("mail:"):
        pattern = source[len("mail:") :]
        for mail in reversed(exchange.effects.get("mail", [])):
            for part in mail["parts"]:
                if (match := first_match(pattern, part["body"])) is not None:
                    return match
        raise LookupError(source)
    return value_at(exchange.reply, source)


def _reached(reply: Reply, wait: Wait) -> bool:
    try:
        return point(json.loads(reply.body), wait.pointer) in wait.until
    except (ValueError, LookupError):
        return False


def outline(exchange: Exchange) -> tuple[Any, ...]:
    """What should agree before two exchanges are worth comparing in full."""
    rows = sorted((row.table, row.change, sorted(row.columns)) for row in exchange.rows)
    return rows, {name: len(sent) for name, sent in exchange.effects.items()}


def _user(step: Step) -> str:
    if step.user is None:
        return "nobody"
    return step.user if isinstance(step.user, str) else next(iter(step.user))
