"""Runs of generated mutants: sample, ledger, equivalents; on the shop, killed by signal and gone on with."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("libcst")
pytest.importorskip("coverage")

from parity_core.model import ParityError
from parity_tests.mutants.generated import make, population
from parity_tests.mutants.generated.aim import Aiming
from parity_tests.mutants.generated.by_journeys import general
from parity_tests.mutants.generated.ledger import MutantLedger
from parity_tests.mutants.generated.model import (
    GeneratedTrial,
    Hunter,
    MutantAttempt,
    MutantFate,
    Sampled,
)
from parity_tests.mutants.generated.users import FunctionUsers
from parity_tests.reach import model as reach_model
from parity_tests.reach.model import FileReach, Reach, ReachedBy
from parity_tests.reach.unreached import gaps
from parity_tests.report.exit_code import Exit
from tests.parity.conftest import ROOT, SHOP, Shop

TABLE = """
[generated]
files = ["shop_port/*.py"]
equivalent = "equivalent.toml"
"""
SOURCE = "def f(a):\n    if a:\n        return 1\n    return 2\n"


def trial(name: str, *fates: MutantFate) -> GeneratedTrial:
    attempts = {part.value: MutantAttempt(fate) for part, fate in zip(Hunter, fates, strict=False)}
    return GeneratedTrial(name, "a.py", "not-removed", 1, attempts)


@pytest.mark.parametrize(
    ("fates", "expected", "code"),
    [
        ((MutantFate.KILLED,), MutantFate.KILLED, Exit.SAME),
        ((MutantFate.SURVIVED, MutantFate.KILLED), MutantFate.KILLED, Exit.SAME),
        ((MutantFate.SURVIVED, MutantFate.NOT_REACHED), MutantFate.SURVIVED, Exit.DIFFERENT),
        ((MutantFate.NOT_REACHED,), MutantFate.NOT_REACHED, Exit.DIFFERENT),
        ((MutantFate.TIMED_OUT,), MutantFate.TIMED_OUT, Exit.DIFFERENT),
        (
            (MutantFate.SURVIVED, MutantFate.COULD_NOT_RUN),
            MutantFate.COULD_NOT_RUN,
            Exit.COULD_NOT_RUN,
        ),
        ((MutantFate.BROKEN,), MutantFate.BROKEN, Exit.SAME),
    ],
)
def test_fates(fates: tuple[MutantFate, ...], expected: MutantFate, code: Exit) -> None:
    one = trial("m", *fates)
    assert one.fate is expected
    result = Sampled("sqlite", 1, tuple(Hunter), 9, [one])
    assert result.exit is code
    # neither what did not start nor what timed out is of the rate
    assert len(result.counted) == (expected is MutantFate.KILLED or expected.is_survival)


def test_equivalents_do_not_count_and_one_that_is_killed_is_wrong() -> None:
    survived, killed = trial("a", MutantFate.SURVIVED), trial("b", MutantFate.KILLED)
    result = Sampled("sqlite", 1, (), 9, [survived, killed], {"a": "the order of a set"})
    assert (result.killed, len(result.counted), result.survivors) == (1, 1, [])
    assert result.exit is Exit.SAME
    assert Sampled("sqlite", 1, (), 9, [killed], {"b": "…"}).exit is Exit.DIFFERENT
    assert Sampled("sqlite", 1, (), 9, [killed], vanished=["c"]).exit is Exit.DIFFERENT


def test_the_sample_of_a_seed_is_the_same_after_a_change_elsewhere() -> None:
    every = make.mutants("a.py", SOURCE) + make.mutants("b.py", SOURCE)
    first = population.sample(every, 4, 1)
    assert population.sample(list(reversed(every)), 4, 1) == first
    assert population.sample(every, 4, 2) != first
    assert population.sample(every, 2, 1) == first[:2]
    fewer = [one for one in every if one != first[0]]
    assert population.sample(fewer, 3, 1) == first[1:4]


def test_marked_equivalents_need_a_reason_and_a_mutant(tmp_path: Path) -> None:
    file = tmp_path / "equivalent.toml"
    every = make.mutants("a.py", SOURCE)
    file.write_text(
        f'[[mutant]]\nid = "{every[0].id}"\nreason = "none"\n\n[[mutant]]\nid = "gone"\nreason = "x"\n'
    )
    marked = population.equivalents(file)
    assert population.vanished(marked, every) == ["gone"]
    file.write_text('[[mutant]]\nid = "a"\nreason = " "\n')
    with pytest.raises(ParityError, match="an id and a reason"):
        population.equivalents(file)


def test_the_ledger_goes_on_after_half_a_line(tmp_path: Path) -> None:
    file, about = tmp_path / "run.jsonl", {"seed": 1}
    ledger = MutantLedger(file, about)
    ledger.add(trial("a", MutantFate.KILLED))
    ledger.add(trial("b", MutantFate.SURVIVED))
    with file.open("a") as stream:
        stream.write('{"id": "c", "fi')
    assert MutantLedger(file, about).done.keys() == {"a", "b"}
    again = MutantLedger(file, about)
    again.add(trial("c", MutantFate.KILLED))
    assert {one.id: one.fate for one in MutantLedger(file, about).done.values()} == {
        "a": MutantFate.KILLED, "b": MutantFate.SURVIVED, "c": MutantFate.KILLED,
    }  # fmt: skip
    with pytest.raises(ParityError, match="another run"):
        MutantLedger(file, {"seed": 2})


def test_what_is_tried_again_keeps_what_other_parts_made_of_it(tmp_path: Path) -> None:
    file, about = tmp_path / "run.jsonl", {"seed": 1}
    ledger = MutantLedger(file, about)
    ledger.add(trial("a", MutantFate.KILLED))
    ledger.add(trial("b", MutantFate.SURVIVED))
    again = MutantLedger(file, about)
    again.forget_survivors()
    assert again.done.keys() == {"a"}
    again.add(GeneratedTrial("b", "a.py", "r", 1, {"fuzz": MutantAttempt(MutantFate.KILLED)}))
    result = MutantLedger(file, about).done["b"]
    assert list(result.attempts) == ["journeys", "fuzz"]
    assert (result.fate, result.killer) == (MutantFate.KILLED, "fuzz")


def reach() -> Reach:
    asked = [ReachedBy("journeys", "long", n, "GET /a/") for n in (1, 2, 3)]
    asked.append(ReachedBy("journeys", "short", 1, "GET /b/"))
    files = {"p/a.py": FileReach({2: [0, 1, 2, 3], 3: [2]}, [1])}
    return Reach("sqlite", {}, asked, files, {"long": 9.0, "short": 0.1})


def test_only_what_reaches_the_line_is_asked_cheapest_first() -> None:
    aiming = Aiming(reach(), {"p/a.py": SOURCE})
    by_rule = {(one.rule, one.lines): one for one in make.mutants("p/a.py", SOURCE)}
    assert aiming.at(by_rule["condition-negated", (2, 2)]).journeys == ["short", "long"]
    inner = aiming.at(by_rule["return-dropped", (3, 3)])
    assert (inner.journeys, set(inner.operations)) == (["long"], {"GET /a/"})
    assert aiming.at(by_rule["return-dropped", (4, 4)]).journeys == []


def test_a_place_is_the_same_when_it_is_played_again() -> None:
    first, again = "rows/items/8e2f0c/name", "rows/items/41aa97/name"
    assert general(first) == general(again) != general("rows/items/8e2f0c/price")


def test_who_uses_what_a_module_defines() -> None:
    users = FunctionUsers(
        {
            "p/a.py": "LIMIT = 1\n_OWN = LIMIT\n\ndef f():\n    return _OWN\n",
            "p/b.py": "from p.a import LIMIT\n\ndef g():\n    return LIMIT\n\ndef _OWN():\n    pass\n",
        }
    )
    assert users.of("p/a.py", ["LIMIT"]) == {"p/b.py": {4}}
    assert users.of("p/a.py", ["_OWN"]) == {"p/a.py": {5}}
    assert users.of("p/a.py", ["nobody"]) == {"p/a.py": {1, 2, 3, 4, 5, 6}}


def test_a_recording_is_a_file_and_says_what_nothing_reached(tmp_path: Path) -> None:
    one = reach()
    one.files["p/a.py"].missing_lines = [4]
    one.files["p/a.py"].missing_branches = [(2, 4), (2, 3)]
    reach_model.write(one, tmp_path / "reach.json")
    again = reach_model.read(tmp_path / "reach.json")
    assert again == one
    found = gaps(again, {"p/a.py": SOURCE})
    assert [(gap.where, gap.function) for gap in found] == [
        ("p/a.py:2 → 3", "f"),
        ("p/a.py:4", "f"),
    ]
    (tmp_path / "reach.json").write_text("{}")
    with pytest.raises(ParityError, match="no recording"):
        reach_model.read(tmp_path / "reach.json")


def test_a_recording_takes_another_in_and_replaces_journeys_of_its_names() -> None:
    one = reach()
    one.played = {"long": "1", "short": "1"}
    one.files["p/a.py"].missing_lines = [4, 5]
    later = Reach(
        "sqlite", {}, [ReachedBy("journeys", "short", 1, "GET /c/")], seconds={"short": 2.0}
    )
    later.files = {"p/a.py": FileReach({4: [0]}, [1], [2, 5])}
    later.played = {"short": "2"}
    one.add(later)
    assert [(asked.name, asked.operation) for asked in one.asked] == [
        ("long", "GET /a/"), ("long", "GET /a/"), ("long", "GET /a/"), ("short", "GET /c/"),
    ]  # fmt: skip
    file = one.files["p/a.py"]
    assert (file.lines, file.missing_lines) == ({2: [0, 1, 2], 3: [2], 4: [3]}, [5])
    assert one.played == {"long": "1", "short": "2"}


def test_what_runs_at_the_start_only_is_reached_by_who_uses_it() -> None:
    text = "class A:\n    def __init__(self):\n        self.a = 1\n\ndef f():\n    return A()\n"
    one = Reach("sqlite", {}, [ReachedBy("journeys", "short", 1, "GET /b/")])
    one.files = {"p/a.py": FileReach({6: [0]}, [1, 2, 3, 5])}
    [mutant] = [m for m in make.mutants("p/a.py", text) if m.rule == "assignment-removed"]
    assert Aiming(one, {"p/a.py": text}).at(mutant).journeys == ["short"]


def prepare(shop: Shop, equivalent: str = "") -> list[str]:
    mutants = shop.folder / "mutants.toml"
    mutants.write_text(TABLE + mutants.read_text())
    (shop.folder / "equivalent.toml").write_text(equivalent)
    return ["mutants", "--reach", str(shop.folder / "reach.json"), "--seed", "1"]


def ids(rule: str, context: str) -> list[str]:
    text = (SHOP / "shop_port" / "app.py").read_text()
    every = make.mutants("shop_port/app.py", text)
    return [one.id for one in every if (one.rule, one.context) == (rule, context)]


def test_the_shops_mutants(shop: Shop) -> None:
    shop.change(
        "shop_port/app.py", "    return item\n",
        '    if item["price"] < 0:\n        item["note"] = "free"\n    return item\n',
    )  # fmt: skip
    text = (shop.folder / "shop_port" / "app.py").read_text()
    [free] = [
        one.id for one in make.mutants("shop_port/app.py", text)
        if '"XXfree"' in make.mutated(one, text)
    ]  # fmt: skip
    host = ids("keyword-dropped", "module")[0]
    [guard] = ids("comparison-flipped", "delete")
    marks = {host: "the library's own default", "gone": "it was changed since"}
    command = prepare(
        shop,
        "".join(f'[[mutant]]\nid = "{one}"\nreason = "{why}"\n' for one, why in marks.items()),
    )
    file = shop.folder / "result.json"
    wanted = [word for one in (host, guard, free) for word in ("--only", one)]
    done = shop.parity(*command, "--generated", "9", *wanted, "--json", str(file), "--jobs", "2")
    assert done.returncode == 1, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(file.read_text())
    assert {one["id"]: one["verdict"] for one in result["mutants"]} == {
        host: "equivalent",
        guard: "killed",
        free: "survived: not reached",
    }
    assert (result["killed"], result["counted"], result["vanished"]) == (1, 2, ["gone"])
    killed = next(one for one in result["mutants"] if one["id"] == guard)
    assert "DELETE /items/<int:idx>/ · status" in killed["attempts"]["journeys"]["places"][0]
    assert '+    if user.name == "admin":' in killed["diff"]
    assert "there is no such mutant: gone" in done.stdout


def test_what_does_not_start_is_neither_killed_nor_survived(shop: Shop) -> None:
    # `uvicorn.run` is gone: the process ends at once
    [ends] = ids("call-removed", "module")
    file = shop.folder / "result.json"
    done = shop.parity(*prepare(shop), "--generated", "1", "--only", ends, "--json", str(file))
    result = json.loads(file.read_text())
    assert [one["verdict"] for one in result["mutants"]] == ["did not start"]
    assert (result["counted"], done.returncode) == (0, 0)


def test_a_run_that_is_killed_goes_on_where_it_was(shop: Shop) -> None:
    command = prepare(shop)
    log = shop.folder / "run.jsonl"
    arguments = [*command[1:], "--generated", "6", "--resume", str(log)]
    start = [sys.executable, "-m", "parity_tests.cli", "mutants"]
    config = ["--config", str(shop.folder / "parity.toml")]
    process = subprocess.Popen(
        [*start, *config, *arguments],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 600
        while not log.exists() or log.read_text().count("\n") < 3:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        orphans = _children(process.pid)
        process.kill()
        process.wait()
        for child in orphans:
            # some end by themselves with the process that is killed
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
    before = log.read_text().splitlines()
    done = shop.parity("mutants", *arguments, "--json", str(shop.folder / "result.json"))
    assert done.returncode in (0, 1), done.stdout + done.stderr
    after = log.read_text().splitlines()
    assert after[: len(before)] == before
    tried = [json.loads(line)["id"] for line in after[1:]]
    assert len(tried) == len(set(tried)) == 6
    result = json.loads((shop.folder / "result.json").read_text())
    assert [one["id"] for one in result["mutants"]] == [
        one.id
        for one in population.sample(
            make.mutants("shop_port/app.py", (SHOP / "shop_port/app.py").read_text())
            + make.mutants("shop_port/__init__.py", (SHOP / "shop_port/__init__.py").read_text()),
            6,
            1,
        )
    ]


def _children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(stat.parent.name))
    return found
