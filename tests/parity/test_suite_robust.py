"""`parity suite` blames the port only for what it did: killed runs, and what a first run left behind."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from parity_tests.stage.databases import PostgresqlDatabases
from parity_tests.stage.workplace import workplace
from tests.parity.conftest import ROOT

APP = """
import os
from flask import Flask, jsonify
from flask_sqlalchemy import SQLAlchemy
db = SQLAlchemy()
class Item(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String, unique=True)
def create_app():
    app = Flask("robust_legacy")
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["ROBUST_DB"]
    db.init_app(app)
    @app.get("/items/")
    def items():
        return jsonify([item.name for item in Item.query])
    return app
"""
TARGET = """
import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
LEGACY = ("robust_legacy",)
def settings_from(flask_app, database_url):
    return database_url
def create_port(settings, flask_app):
    def items(request):
        engine = sa.create_engine(settings)
        with engine.connect() as connection:
            return JSONResponse([n for n, in connection.execute(sa.text("SELECT name FROM item"))])
    return Starlette(routes=[Route("/items/", items)])
"""
SUITE = """
import os
import pytest
import robust_legacy as legacy
@pytest.fixture
def app():
    app = legacy.create_app()
    with app.app_context():
        legacy.db.create_all()
    return app
def test_one(app):
    with app.app_context():
        legacy.db.session.add(legacy.Item(name="chair"))
        legacy.db.session.commit()
    assert app.test_client().get("/items/").json == ["chair"]
def test_two(app):
    {two}
    assert app.test_client().get("/items/").json == ["chair"]
"""


def suite(folder: Path, two: str = "pass", database: str = "", target: str = "") -> tuple[int, str]:
    (folder / "robust_legacy.py").write_text(APP)
    (folder / "robust_target.py").write_text(TARGET + target)
    (folder / "test_robust.py").write_text(SUITE.format(two=two))
    done = subprocess.run(
        [sys.executable, "-m", "parity_tests.cli", "suite", "robust_target", "-v", "--",
         "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_robust.py"],
        cwd=folder, capture_output=True, text=True, timeout=600, check=False,
        env=os.environ | {
            "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
            "ROBUST_DB": database or f"sqlite:///{folder / 'suite.db'}",
        },
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_a_file_that_the_first_run_left_dirty_is_fresh_for_the_second(tmp_path: Path) -> None:
    code, printed = suite(tmp_path)
    assert code == 0, printed
    assert "2" in printed


@pytest.mark.parametrize(
    ("two", "words"),
    [
        ("os.kill(os.getpid(), 9)", "was killed by signal 9 after 1 tests"),
        ("os._exit(1)", "ended itself with exit code 1 after 1 tests"),
        ("os._exit(0)", "ended itself with exit code 0 after 1 tests"),
    ],
)
def test_a_run_that_did_not_come_to_its_end_is_no_baseline(
    tmp_path: Path, two: str, words: str
) -> None:
    code, printed = suite(tmp_path, two)
    assert code == 2, printed
    assert f"the suite on the legacy stack {words}" in printed
    assert "test_robust.py::test_" in printed


@pytest.mark.postgresql
def test_a_server_that_the_first_run_left_dirty_is_told_and_a_hook_cures_it(tmp_path: Path) -> None:
    with workplace(False) as folder:
        made = PostgresqlDatabases.start(folder, "robust")
        url = made.create("suite")
        code, printed = suite(tmp_path, database=url)
        assert code == 2, printed
        assert "left its database dirty" in printed
        assert "item 0 rows, then 1" in printed
        two = {stack: made.create(stack) for stack in ("legacy", "ported")}
        hook = f"\nimport os\ndef prepare(stack):\n    os.environ['ROBUST_DB'] = {two!r}[stack]\n"
        code, printed = suite(tmp_path, database=url, target=hook)
        assert code == 0, printed
        made.close()


def test_a_database_that_flask_sqlalchemy_does_not_know_of_is_named_by_a_hook(
    tmp_path: Path,
) -> None:
    own = tmp_path / "own.db"
    connection = sqlite3.connect(own)
    connection.executescript("CREATE TABLE item (name); INSERT INTO item VALUES ('own')")
    connection.close()
    hook = f"\ndef database_url(flask_app):\n    return 'sqlite:///{own}'\n"
    code, printed = suite(tmp_path, target=hook)
    # the port looked where the hook says: nothing of the suite is there
    assert code == 1, printed
    assert "['own'] == ['chair']" in printed
