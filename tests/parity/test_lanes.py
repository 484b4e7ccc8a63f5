"""Journeys side by side: the report is that of one after the other, whichever ends first."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from parity_core.model import ParityError
from parity_tests.journeys.model import Journey, Profile, Step
from parity_tests.run.lanes import Lanes, Turn
from parity_tests.run.playing import Event, JourneyEnd
from parity_tests.stage.process import StackError
from parity_tests.stage.stage import Stage
from tests.parity.conftest import Shop, pair

_PATIENCE = 60.0


class PlayedStage:
    """Stands for both stacks of a profile."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.is_closed = False
        stack = SimpleNamespace(stop=lambda: None)
        self.legacy = self.ported = SimpleNamespace(stack=stack)

    def close(self) -> None:
        self.is_closed = True


class Theatre:
    """Opens stages and plays journeys; what a journey does is looked up by its name."""

    def __init__(self) -> None:
        self.opened: list[PlayedStage] = []
        self.refused: dict[Profile, BaseException] = {}
        self.acts: dict[str, Any] = {}
        self.ended: list[str] = []

    def open(self, profile: Profile, name: str) -> Stage:
        if profile in self.refused:
            raise self.refused[profile]
        self.opened.append(PlayedStage(profile))
        return cast(Stage, self.opened[-1])

    def play(self, stage: Stage, journey: Journey) -> Iterator[Event]:
        yield pair(journey.name, journey.name), []
        error = self.acts[journey.name]() if journey.name in self.acts else None
        self.ended.append(journey.name)
        yield JourneyEnd(0.0, error=error)


def turns(*names: str, steps: int = 1, **settings: str) -> tuple[Profile, list[Turn]]:
    step = Step("GET", "/x/", 1)
    made = [
        Turn(Journey(name, Path("one.yaml"), (step,) * steps, settings=settings)) for name in names
    ]
    return made[0].journey.profile, made


def observed(turn: Turn) -> list[Any]:
    turn.wait()
    return [
        event.error if isinstance(event, JourneyEnd) else event[0].legacy.reply.body.decode()
        for event in turn.events()
    ]


def test_what_ends_later_is_told_in_its_place() -> None:
    theatre = Theatre()
    second = threading.Event()
    # the first journey ends only after the second, which another lane plays
    theatre.acts["first"] = lambda: second.wait(_PATIENCE) and None
    theatre.acts["second"] = second.set
    groups = dict([turns("first"), turns("second", A="1")])
    with Lanes(groups, theatre.open, theatre.play, 2):
        told = [observed(turn) for group in groups.values() for turn in group]
    assert told == [['"first"', None], ['"second"', None]]
    assert theatre.ended == ["second", "first"]
    assert all(stage.is_closed for stage in theatre.opened)


def test_a_lane_without_a_profile_helps_with_a_long_one() -> None:
    theatre = Theatre()
    both = threading.Barrier(2)
    for name in ("one", "two"):
        theatre.acts[name] = lambda: both.wait(_PATIENCE) and None
    groups = dict([turns("one", "two", "three", steps=300)])
    with Lanes(groups, theatre.open, theatre.play, 2):
        told = [observed(turn)[0] for group in groups.values() for turn in group]
    assert told == ['"one"', '"two"', '"three"']
    assert len(theatre.opened) == 2


def test_a_journey_that_breaks_leaves_the_others() -> None:
    theatre = Theatre()
    error = ParityError("nothing to capture")
    theatre.acts["one"] = lambda: error
    groups = dict([turns("one", "two")])
    with Lanes(groups, theatre.open, theatre.play, 1):
        told = [observed(turn) for group in groups.values() for turn in group]
    assert told == [['"one"', error], ['"two"', None]]


def test_a_stack_that_dies_ends_its_profile_and_no_other() -> None:
    theatre = Theatre()
    error = StackError("the ported stack ended")
    theatre.acts["one"] = lambda: error
    broken, whole = turns("one", "two"), turns("three", A="1")
    with Lanes(dict([broken, whole]), theatre.open, theatre.play, 1):
        assert observed(broken[1][0]) == ['"one"', error]
        with pytest.raises(StackError, match="the ported stack ended"):
            broken[1][1].wait()
        assert observed(whole[1][0]) == ['"three"', None]


@pytest.mark.parametrize("error", [StackError("no start"), ParityError("no copy"), KeyError("a")])
def test_stacks_that_do_not_start_are_told_of_at_their_first_journey(error: Exception) -> None:
    theatre = Theatre()
    refused, whole = turns("one", "two"), turns("three", A="1")
    theatre.refused[refused[0]] = error
    with Lanes(dict([refused, whole]), theatre.open, theatre.play, 2):
        for turn in refused[1]:
            with pytest.raises(type(error)):
                turn.wait()
        assert observed(whole[1][0]) == ['"three"', None]


def test_whoever_leaves_early_ends_what_is_played() -> None:
    theatre = Theatre()
    stopped = threading.Event()
    theatre.acts["one"] = lambda: stopped.wait(_PATIENCE) and None
    groups = dict([turns("one", "two"), turns("three", A="1")])

    def open_stoppable(profile: Profile, name: str) -> Stage:
        stage = theatre.open(profile, name)
        cast(Any, stage).legacy.stack.stop = stopped.set
        return stage

    def interrupted() -> None:
        with Lanes(groups, open_stoppable, theatre.play, 1):
            next(iter(groups.values()))[0].wait()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "two" not in theatre.ended
    assert all(stage.is_closed for stage in theatre.opened)


def _without_times(report: dict[str, Any]) -> Any:
    report = {k: v for k, v in report.items() if k not in ("finished", "exchanges_per_second")}
    text = json.dumps(
        {
            **{k: v for k, v in report.items() if not k.startswith("seconds")},
            "operations": {
                label: {k: v for k, v in one.items() if k not in ("seconds", "observed")}
                for label, one in report["operations"].items()
            },
            "kinds": {
                name: {k: v for k, v in one.items() if k != "since"}
                for name, one in report["kinds"].items()
            },
            "details": [(one["key"], one["operation"]) for one in report["details"]],
            "pairs": [(one["journey"], one["step"], one["operation"]) for one in report["pairs"]],
        }
    )
    return json.loads(text)


def test_the_report_is_the_same_with_any_number_of_lanes(shop: Shop) -> None:
    """With differences in each of four profiles."""
    shop.change("shop_port/app.py", "JSONResponse(show(row), 201,", "JSONResponse(show(row), 200,")
    items = (shop.folder / "journeys" / "items.yaml").read_text()
    for number in range(3):
        name = f"items-{number}"
        text = items.replace("name: items", f"name: {name}") + f'settings: {{EXTRA: "{number}"}}\n'
        (shop.folder / "journeys" / f"{name}.yaml").write_text(text)
    reports = []
    for lanes in ("1", "3"):
        code, report, printed = shop.report("--lanes", lanes)
        reports.append((code, _without_times(report)))
        assert report["journeys"] >= 5, printed
        assert code == 1
        assert report["differences"] >= 4
    assert reports[0] == reports[1]
