"""What needs an extra says which, in words that can be pasted."""

import importlib
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from cornflow_cutover.up import orchestrator
from cornflow_cutover.up.data_folder import DataFolder
from cornflow_cutover.up.steps import UpError
from legacy_bridge import settings
from legacy_bridge.database.connection import Database, StoreError
from parity_core.compare import tokens
from parity_core.model import ParityError
from parity_tests.cli.frame import guarded
from parity_tests.config import ServiceConfig
from parity_tests.report.exit_code import Exit
from parity_tests.stage import databases
from parity_tests.stage.services.mail import MailServer
from parity_tests.suite import run as suite

Hide = Callable[..., None]


@pytest.fixture
def hide(monkeypatch: pytest.MonkeyPatch) -> Hide:
    """`hide('pytest')`: as if it was not installed."""

    def hide_them(*packages: str) -> None:
        for loaded in list(sys.modules):
            if loaded.partition(".")[0] in packages:
                monkeypatch.setitem(sys.modules, loaded, None)
        for package in packages:
            monkeypatch.setitem(sys.modules, package, None)

    return hide_them


def needs(extra: str) -> Mapping[str, Any]:
    return {"match": rf"pip install '{extra}'".replace("[", r"\[").replace("]", r"\]")}


def test_modes_in_postgresql(hide: Hide) -> None:
    hide("asyncpg")
    with pytest.raises(StoreError, **needs("legacy-bridge[postgresql]")):
        Database("postgresql://user@127.0.0.1/nowhere")


def test_tokens_signed_by_rs256(hide: Hide) -> None:
    hide("cryptography")
    with pytest.raises(ParityError, **needs("parity-core[tokens]")):
        tokens._rsa_signature(b"", "no key")


def test_a_mail_server(hide: Hide, tmp_path: Path) -> None:
    hide("aiosmtpd")
    with pytest.raises(ParityError, **needs("parity-tests[services]")):
        MailServer(ServiceConfig(), {}, tmp_path)


def test_a_server_for_postgresql(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(databases, "find_spec", lambda _: None)
    with pytest.raises(ParityError, **needs("parity-tests[postgresql-server]")):
        databases.create("postgresql", tmp_path, "x")
    with pytest.raises(ParityError, **needs("parity-tests[postgresql]")):
        databases.sync_url("postgresql://user@127.0.0.1/nowhere")


def test_a_suite_without_pytest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(ParityError, **needs("parity-tests[suite]")):
        suite._words(["pytest", "tests"])


@pytest.mark.parametrize(("kind", "package"), [("wsgi", "werkzeug"), ("asgi", "uvicorn")])
def test_a_stack_named_by_its_application(kind: str, package: str) -> None:
    code = (
        f"import sys; sys.modules[{package!r}] = sys.modules['werkzeug.serving'] = None\n"
        "from parity_tests.stage.services.servers.app import main\n"
        f"main({kind!r}, 'json:loads', '0')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"`{kind} = …` needs {package}" in done.stderr
    assert "pip install 'parity-tests[serve]'" in done.stderr


def importing(module: str) -> Exit:
    importlib.import_module(module)
    return Exit.SAME


@pytest.mark.parametrize("package", ["libcst", "coverage"])
def test_generated_mutants(hide: Hide, package: str, capsys: pytest.CaptureFixture[str]) -> None:
    hide(package)
    with pytest.raises(SystemExit) as stopped:
        guarded(partial(importing, f"{package}.anything"))
    assert stopped.value.code == 2
    assert "pip install 'parity-tests[mutation]'" in capsys.readouterr().err
    with pytest.raises(ModuleNotFoundError):
        guarded(partial(importing, "nobody_has_this"))


def test_up_without_a_runner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(orchestrator, "find_spec", lambda _: None)
    with pytest.raises(UpError, **needs("cornflow-cutover[runner]")):
        orchestrator.choose(DataFolder(tmp_path / "data"), None, 0)


@pytest.mark.parametrize(
    ("values", "chosen"),
    [([], ""), (["a:b"], "a:b"), (["a:b", "a:b"], "a:b"), (["a:b", "c:d"], "")],
)
def test_an_assembly_that_is_installed_twice_is_one(
    monkeypatch: pytest.MonkeyPatch, values: list[str], chosen: str
) -> None:
    points = [EntryPoint("x", value, "cutover.assembly") for value in values]
    monkeypatch.setattr(settings, "entry_points", lambda group: points)
    assert settings.installed_assembly() == chosen


def test_the_comparison_starts_without_what_extras_bring() -> None:
    optional = (
        "pytest",
        "libcst",
        "coverage",
        "aiosmtpd",
        "cryptography",
        "uvicorn",
        "werkzeug",
        "psycopg2",
        "requests",
    )
    hidden = "".join(f"sys.modules[{name!r}] = None; " for name in optional)
    code = f"import sys; {hidden}from parity_tests.cli.main import main; main(['--help'])"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
