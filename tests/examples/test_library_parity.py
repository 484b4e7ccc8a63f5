"""`parity run` on the library: two stacks that know nothing of Cornflow, started here or running."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from parity_tests.stage.process import free_port
from tests.examples.conftest import Library


def test_the_library_and_its_port_are_the_same(library: Library) -> None:
    code, _, printed = library.replay()
    assert code == 0, printed
    assert "11 of 11 operations" in printed
    assert re.search(r"same: 0 differences, [1-9]\d* waived", printed)
    # by the same journeys, bugs in a list, in a row and in a reply
    library.change("library_port/deps.py", "if text and text.isdecimal()", "if text")
    library.change("library_port/books.py", "member_id=member.id", "member_id=1")
    library.change("library_port/books.py", '{"removed": idx}', '{"id": idx}')
    code, _, printed = library.replay()
    assert code == 1, printed
    for place in ("rows/loans/1/member_id", "body/removed"):
        assert place in printed
    assert "limit=many" in printed


@contextmanager
def server(library: Library, *command: str, database: str) -> Iterator[str]:
    """A process that somebody else has started, as far as `parity` knows."""
    port = str(free_port())
    words = [sys.executable, "-m", *command, port]
    environment = {"PYTHONPATH": str(library.folder), "DATABASE_URL": database}
    process = subprocess.Popen(words, env=environment, cwd=library.folder)
    try:
        deadline = time.monotonic() + 120
        while True:
            assert process.poll() is None
            assert time.monotonic() < deadline
            try:
                httpx.get(f"http://127.0.0.1:{port}/books", timeout=60)
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def running(library: Library) -> Iterator[dict[str, str]]:
    """Options for two servers that run already, each with a seeded database of its own."""
    urls = {side: f"sqlite:///{library.folder / side}.db" for side in ("legacy", "ported")}
    for url in urls.values():
        assert library.run("seed", DATABASE_URL=url).returncode == 0
    flask = ("flask", "--app", "library_flask", "run", "--port")
    with ExitStack() as stack:
        legacy = stack.enter_context(server(library, *flask, database=urls["legacy"]))
        uvicorn = ("uvicorn", "--factory", "library_port.app:from_environment", "--port")
        ported = stack.enter_context(server(library, *uvicorn, database=urls["ported"]))
        yield {
            "legacy": legacy, "ported": ported,
            "legacy-db": urls["legacy"], "ported-db": urls["ported"],
        }  # fmt: skip


def test_two_servers_that_run_already(library: Library, running: dict[str, str]) -> None:
    words = [word for name, value in running.items() for word in (f"--{name}", value)]
    code, _, printed = library.replay(*words)
    assert code == 0, printed
    assert re.search(r" [1-9]\d* rows changed", printed), printed
    # the same by the configuration, without databases: replies only
    library.change(
        "parity.toml", 'wsgi = "library_flask:create_app()"', f'url = "{running["legacy"]}"'
    )
    library.change(
        "parity.toml",
        'asgi = "library_port.app:from_environment()"',
        f'url = "{running["ported"]}"',
    )
    code, _, printed = library.replay()
    assert code == 0, printed
    assert "rows were not compared" in printed
    assert " 0 rows changed" in printed


def test_a_stack_that_is_told_twice_or_not_at_all(library: Library) -> None:
    library.change("parity.toml", "[legacy]", '[legacy]\nurl = "http://127.0.0.1:9"')
    code, _, printed = library.replay()
    assert code == 2
    assert "it says wsgi and url" in printed


def test_the_files_of_a_new_comparison_work(library: Library) -> None:
    words = ("--legacy", "library_flask:create_app()", "--ported")
    done = library.parity("init", ".", *words, "library_port.app:from_environment()")
    assert done.returncode == 2
    assert "nothing was written: parity.toml" in done.stderr
    for name in ("parity.toml", "rules.toml", "waivers.toml"):
        (library.folder / name).unlink()
    done = library.parity("init", ".", *words, "library_port.app:from_environment()")
    assert done.returncode == 0, done.stderr
    library.change("parity.toml", 'username = "${username}"', 'email = "${username}"')
    library.change("parity.toml", '\nusername = "admin"', '\nusername = "desk@library.example"')
    library.change("parity.toml", "admin-password", "Desk-pw")
    code, _, printed = library.replay("-j", "first")
    assert code == 0, printed
    assert "of 11 operations" in printed
