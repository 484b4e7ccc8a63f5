"""A report is never lost: whatever a stack replied can be written and shown, and files come first."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as Xml
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from parity_core.model import ParityError
from parity_tests.cli import frame
from parity_tests.report import document as json_report
from parity_tests.report import html, junit, markdown, outputs, summary, terminal
from tests.parity.conftest import ROOT, Shop
from tests.parity.nasty import TEXTS, report_of

APP = "shop_port/app.py"
DANGEROUS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_terminal_is_given_nothing_that_it_obeys(name: str, encoding: str) -> None:
    report = report_of(TEXTS[name])
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict")
    out = frame.console(file=stream, force_terminal=True)
    terminal.render(report, out, verbose=True)
    summary.render(json_report.document(report), out)
    stream.flush()
    printed = COLOUR.sub("", raw.getvalue().decode(encoding))
    assert not DANGEROUS.search(printed.replace("\n", ""))
    assert len(printed) < 100_000


@pytest.mark.parametrize("name", TEXTS)
def test_every_form_can_be_written_and_read_again(name: str, tmp_path: Path) -> None:
    report = json_report.document(report_of(TEXTS[name]))
    forms = ("json", "html", "junit", "markdown", "badge")
    files: dict[str, Path | None] = {form: tmp_path / f"report.{form}" for form in forms}
    assert outputs.write(report, files) == list(files.values())
    texts = {form: (tmp_path / f"report.{form}").read_text(encoding="utf-8") for form in forms}
    told = json.loads(texts["json"], parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    jsonschema.validate(told, json.loads(json_report.SCHEMA.read_text()))
    Xml.fromstring(texts["junit"])
    page = re.search(r'id="data">(.*?)</script>', texts["html"], re.DOTALL)
    assert page
    strings = list(_strings(json.loads(page[1], parse_constant=lambda word: pytest.fail(word))))
    assert not any(DANGEROUS.search(one.replace("\n", "")) for one in strings)
    assert not any("\ud800" <= c <= "\udfff" for one in strings for c in one)
    for form in forms:
        assert not DANGEROUS.search(texts[form].replace("\n", "")), form
        assert len(texts[form]) < 2_000_000, form
    assert "alert(1)</script>" not in texts["html"]
    # from the file as from the run: other forms made later are the same
    again = json_report.load(tmp_path / "report.json")
    assert html.render(again) == texts["html"]
    assert junit.of_document(again).decode() == texts["junit"]
    assert markdown.render(again) == texts["markdown"]


def _strings(value: Any) -> Any:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)


def test_a_lone_surrogate_in_a_reply_is_a_difference_like_any_other(shop: Shop) -> None:
    # the escape of JSON, which every decoder makes half a pair of
    shop.change(
        APP,
        'return JSONResponse(content, headers={"Cache-Control": "max-age=0, no-store"})',
        "from fastapi import Response\n"
        "    raw = json.dumps([{**one, 'na\\udc80me\\x1b[2J': '\\udc80\\x00'} for one in content])\n"
        '    return Response(raw, media_type="application/json",\n'
        '        headers={"Cache-Control": "max-age=0, no-store"})',
    )
    forms = ("html", "junit", "markdown", "badge")
    files = [f"--{form}={shop.folder / f'report.{form}'}" for form in forms]
    code, report, printed = shop.report("-j", "items", *files)
    assert code == 1, printed
    assert "Traceback" not in printed
    assert any("\udc80" in one["place"] for one in report["details"])
    assert all((shop.folder / f"report.{form}").stat().st_size for form in forms)


def test_a_nested_reply_that_no_recursion_reaches_is_compared_as_text(shop: Shop) -> None:
    deep = "'[' * 700 + '1' + ']' * 700"
    shop.change(
        "legacy.py", "response = jsonify([show(row) for row in rows])",
        f"response = Response({deep}, content_type='application/json')",
    )  # fmt: skip
    shop.change(
        APP,
        'return JSONResponse(content, headers={"Cache-Control": "max-age=0, no-store"})',
        "from fastapi import Response\n"
        f"    return Response(({deep}).replace('1', '2'), media_type='application/json',\n"
        '        headers={"Cache-Control": "max-age=0, no-store"})',
    )
    code, report, printed = shop.report("-j", "items")
    assert code == 1, printed
    (one,) = [one for one in report["details"] if one["place"].startswith("body")]
    assert one["place"] == "body"


def test_files_are_there_when_nothing_can_be_shown(shop: Shop) -> None:
    shop.change(APP, "JSONResponse(show(row), 201,", "JSONResponse(show(row), 200,")
    file = shop.folder / "report.json"
    words = [
        "run",
        "--config",
        str(shop.folder / "parity.toml"),
        "-j",
        "items",
        "--json",
        str(file),
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "parity_tests.cli", *words],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout
        process.stdout.close()  # as `| head` does
        assert process.stderr
        errors = process.stderr.read()
        code = process.wait(180)
    assert code == 1, errors
    assert "Traceback" not in errors
    assert json.loads(file.read_text())["differences"] == 1


def test_a_fault_of_the_tool_is_exit_2_a_sentence_and_a_traceback_in_a_file(
    shop: Shop, tmp_path: Path
) -> None:
    """Planted: the terminal report breaks. The files are there, and 1 would read as `different`."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'parity_tests.cli.main':\n"
        "            sys.meta_path.remove(self)\n"
        "            from parity_tests.report import terminal\n"
        "            def broken(*_): raise TypeError('planted')\n"
        "            terminal.totals = broken\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    file = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, "-m", "parity_tests.cli", "run", "--config",
         str(shop.folder / "parity.toml"), "-j", "items", "--json", str(file)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True,
        timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    (line,) = [one for one in done.stderr.splitlines() if one.startswith("parity:")]
    found = re.search(r"TypeError: planted.*?(/\S+\.txt)", line)
    assert found, line
    trace = Path(found[1])
    assert "broken" in trace.read_text()
    trace.unlink()
    assert json.loads(file.read_text())["differences"] == 0


def test_a_report_that_can_not_be_written_is_exit_2_and_leaves_the_old_one(
    shop: Shop, tmp_path: Path
) -> None:
    """/dev/full stands for the disk where none can be mounted."""
    report = json_report.document(report_of("x"))
    old = tmp_path / "old.json"
    old.write_text("the old one")
    with pytest.raises(ParityError, match="could not be written"):
        outputs.write(report, {"json": Path("/dev/full"), "badge": tmp_path / "badge.svg"})
    # the others are written all the same
    assert (tmp_path / "badge.svg").read_text().startswith("<svg")
    done = shop.parity("run", "-j", "items", "--json", "/dev/full")
    assert done.returncode == 2
    assert "could not be written" in done.stderr
    assert "exchanges" in done.stdout, "it is shown, at least"
    folder = tmp_path / "closed"
    folder.mkdir()
    with pytest.raises(ParityError, match="could not be written"):
        outputs.write(report, {"json": folder / "none" / "report.json"})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_full_disk_keeps_the_old_report_and_says_so(shop: Shop, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)],
        capture_output=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        file = disk / "report.json"
        file.write_text("the old one")
        (disk / "filler").write_bytes(b"x" * 50_000)
        done = shop.parity("run", "-j", "items", "--json", str(file))
        assert done.returncode == 2, done.stdout + done.stderr
        assert "No space left" in done.stderr
        assert "Traceback" not in done.stderr
        assert file.read_text() == "the old one"
        assert sorted(one.name for one in disk.iterdir()) == ["filler", "report.json"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)
