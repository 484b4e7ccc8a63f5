"""One sequence in progress, from the seed's rows on: plays drafts, remembers what they made."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from parity_core.compare.places import point
from parity_core.compare.rules import Rules
from parity_core.model import MISSING, Change, Difference, Exchange, Pair, ParityError
from parity_tests.fuzz.catalogue import Catalogue, FuzzOperation, Makes
from parity_tests.fuzz.draw.draft import Draft
from parity_tests.fuzz.draw.variants import MOMENT, TAG
from parity_tests.fuzz.outcomes import Judge, OutcomeVerdict, Trials
from parity_tests.fuzz.resolve import Pool, Wanted, resolve
from parity_tests.journeys.model import Journey, Profile, Step
from parity_tests.operations import CensusMatcher
from parity_tests.run.replay import Replay, captured
from parity_tests.stage.process import StackError
from parity_tests.stage.stage import Stage

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.]*Z?")
_NESTED = 8
"""Things that one request may need made first."""


@dataclass(frozen=True)
class Theatre:
    """What stays the same over all scenes."""

    stage: Stage
    rules: Rules
    matcher: CensusMatcher
    catalogue: Catalogue

    def replay(self, steps: Sequence[Step] = ()) -> Replay:
        """A fresh start: the seed's rows, nothing captured."""
        self.stage.restore()
        return Replay(
            journey("fuzz", steps, self.stage.profile),
            self.stage,
            self.rules,
            self.matcher,
            ahead=True,
        )


def journey(name: str, steps: Sequence[Step], profile: Profile, about: str = "") -> Journey:
    return Journey(
        name, Path(name), tuple(steps), about, dict(profile.settings), tuple(profile.services)
    )


Played = Callable[[Pair, list[Difference]], bool]
"""Told of every pair; False when the scene is over."""


@dataclass
class Scene:
    theatre: Theatre
    played: Played
    steps: list[Step] = field(default_factory=list)
    over: bool = False
    number: int = 0
    """What `{n}` was in the request before."""
    at_once: list[Step] = field(default_factory=list)
    """What was sent at the same time last."""

    def __post_init__(self) -> None:
        self.pool = Pool(self.theatre.catalogue)
        self.replay = self.theatre.replay()

    def ask(self, operation: FuzzOperation, draft: Draft) -> None:
        """Plays one draft, after whatever it needs."""
        if draft.needs and not any(one.kind == draft.needs for one in self.pool.made):
            return
        step = self._resolved(operation, draft)
        if step is not None:
            self._play(operation, step)

    def ask_at_once(
        self, asked: Sequence[tuple[FuzzOperation, Draft]], judge: Judge
    ) -> OutcomeVerdict | None:
        """Sends several at the same time, after whatever they need; both stacks are as before afterwards.

        None when one of them can not be sent. When the stacks differ even one after another, the
        requests are played like that, as any others.
        """
        steps = [self._resolved(*one, beside) for beside, one in enumerate(asked)]
        if self.over or None in steps or not self.theatre.stage.reads_rows:
            return None
        self.at_once = [step for step in steps if step is not None]
        try:
            verdict = Trials(self.replay, self.at_once, judge).run()
        except StackError:
            raise
        except ParityError:
            return None
        for number in verdict.serial or ():
            if not self.over:
                self._play(asked[number][0], self.at_once[number])
        return verdict

    def _resolved(self, operation: FuzzOperation, draft: Draft, beside: int = 0) -> Step | None:
        """The step, after what it needs was made; `beside` so many others that were not played yet."""
        fresh = self.pool.fresh
        self.pool.fresh = {}
        again = self.number
        step = None
        for _ in range(_NESTED):
            if self.over:
                break
            self.number = again if draft.again else len(self.steps) + 1 + beside
            try:
                step = resolve(operation, draft, self.pool, self.number)
                break
            except Wanted as wanted:
                self._make(wanted)
        self.pool.fresh = fresh
        return step

    def _make(self, wanted: Wanted) -> None:
        ref = wanted.ref
        maker = self.theatre.catalogue.maker(ref.kind)
        before = len(self.pool.made)
        if maker is not None and (ref.kind, ref.wish) not in self.pool.busy:
            self.pool.busy.add((ref.kind, ref.wish))
            self.ask(maker, self.pool.recipe(maker, wanted))
            self.pool.busy.discard((ref.kind, ref.wish))
        made = [one.id for one in self.pool.made[before:] if one.kind == ref.kind]
        if made:
            self.pool.fresh[ref.kind] = made[-1]
        else:
            self.pool.hopeless.add((ref.kind, ref.wish))

    def _play(self, operation: FuzzOperation, step: Step) -> None:
        try:
            pair, differences = self.replay.play(step, {})
        except StackError:
            raise
        except ParityError:
            # it can not be sent, or refers to what a refused request did not make
            return
        self.steps.append(step)
        if not self.played(pair, differences):
            self.over = True
            return
        if pair.operation.label == operation.label:
            self._remember(operation, pair)

    def _remember(self, operation: FuzzOperation, pair: Pair) -> None:
        """Captures what was made, in the step too, so that it can be saved as it is."""
        step = self.steps[-1]
        for makes in operation.makes:
            if not all(_made(exchange, makes) for exchange in (pair.legacy, pair.ported)):
                continue
            where, _, at = makes.at.partition(":")
            if where == "path":
                self._again(makes.kind, _segment(operation, step, at))
            elif where == "body":
                identity = _in_body(step, at)
                if identity is not None:
                    self.pool.add(makes.kind, identity, step.user)
            else:
                self._capture(makes.kind, pair, makes.at, makes.where)
        if operation.makes and _succeeded(pair.legacy) and _succeeded(pair.ported):
            for name in _moments(pair.legacy):
                self._capture(MOMENT, pair, f"/{name}", None)
        if all(one.reply.header("etag") for one in (pair.legacy, pair.ported)):
            self._capture(TAG, pair, "header:ETag", None)
        if operation.ends and _succeeded(pair.legacy) and _succeeded(pair.ported):
            self.pool.end(_segment(operation, step, operation.ends))

    def _capture(self, kind: str, pair: Pair, at: str, where: str | None) -> None:
        captures = {
            exchange.side: _identity(exchange, at, where) for exchange in (pair.legacy, pair.ported)
        }
        if None in captures.values():
            return
        field = at[1:] if kind == MOMENT else ""
        step = self.steps[-1]
        # a thing of two kinds has one name, so that it ends as both
        name = next((name for name, place in step.capture.items() if place == at), "")
        if not name:
            name = f"{kind}{len(self.steps)}{field and f'_{field}'}"
            self.steps[-1] = replace(step, capture={**step.capture, name: at})
        for side, value in captures.items():
            self.replay.known[side][name] = value
        self.pool.add(kind, f"${{{name}}}", step.user, field)

    def _again(self, kind: str, template: str) -> None:
        """A thing that is there already has become one of another kind too."""
        for one in list(self.pool.made):
            if template == one.id:
                self.pool.add(kind, one.id, one.owner)
                return


def _made(exchange: Exchange, makes: Makes) -> bool:
    if makes.row is None or not exchange.rows:
        return _succeeded(exchange)
    return any(one.table == makes.row and one.change is Change.INSERTED for one in exchange.rows)


def _in_body(step: Step, at: str) -> str | None:
    """Text of the request's body, which both sides got; none that a template would be taken for."""
    try:
        value = point(None if step.json is MISSING else step.json, at)
    except LookupError:
        return None
    return value if isinstance(value, str) and value and "${" not in value else None


def _succeeded(exchange: Exchange) -> bool:
    return exchange.reply.status is not None and exchange.reply.status < 300


def _identity(exchange: Exchange, at: str, where: str | None) -> Any:
    """The id in the reply; None when there is none, or what must be true there is not."""
    try:
        if where is not None and not point(json.loads(exchange.reply.body), where):
            return None
        value = captured(exchange, at)
    except (ValueError, LookupError):
        return None
    return value if isinstance(value, str | int) else None


def _moments(exchange: Exchange) -> list[str]:
    """The members of a reply that are times: when the thing was made, when it was changed."""
    try:
        body = json.loads(exchange.reply.body)
    except ValueError:
        return []
    members = body.items() if isinstance(body, dict) else ()
    return [name for name, value in members if isinstance(value, str) and _MOMENT.fullmatch(value)]


def _segment(operation: FuzzOperation, step: Step, name: str) -> str:
    """What stands in the path for a parameter of the operation's rule."""
    rule = operation.target({one: f"<{one}>" for one, _ in operation.parameters})
    path = step.target.partition("?")[0]
    for segment, meant in zip(path.strip("/").split("/"), rule.strip("/").split("/"), strict=False):
        if meant == f"<{name}>":
            return segment
    return ""
