"""The tables of docs/find-your-way.md and ARCHITECTURE.md name what is there, and all of it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_ROW = re.compile(r"^\| (.+?) \| `([^`]+\.py)` \| `([^`]+)` \|$", re.MULTILINE)
PAGE = (ROOT / "docs" / "find-your-way.md").read_text(encoding="utf-8")
ROWS = _ROW.findall(PAGE)
PACKAGES = ("parity_core", "legacy_bridge", "parity_tests", "cornflow_f", "cornflow_cutover")


def names_in(file: Path) -> set[str]:
    """What is defined at the top of a module."""
    names: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {one.id for one in node.targets if isinstance(one, ast.Name)}
    return names


def test_every_row_of_the_table_is_read() -> None:
    written = [line for line in PAGE.splitlines() if line.startswith("| ")]
    assert len(ROWS) == len(written) - 2  # its head
    assert len(ROWS) >= 20


@pytest.mark.parametrize(("question", "file", "name"), ROWS, ids=[row[2] for row in ROWS])
def test_the_answer_is_where_the_page_says(question: str, file: str, name: str) -> None:
    assert (ROOT / file).is_file(), f"{question}: {file} does not exist"
    assert name in names_in(ROOT / file), f"{question}: {file} defines no {name}"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_room_has_a_line_in_the_architecture(package: str) -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = re.split(r"^\| `", page, flags=re.MULTILINE)
    (part,) = [row for row in rows if row.startswith(f"{package}/`")]
    rooms = {one.parent.name for one in (ROOT / package).glob("*/__init__.py")}
    assert [room for room in sorted(rooms) if f"`{room}`" not in part] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_says_what_it_is_for(package: str) -> None:
    silent = [
        str(one.relative_to(ROOT))
        for one in (ROOT / package).rglob("__init__.py")
        if not ast.get_docstring(ast.parse(one.read_text(encoding="utf-8")))
    ]
    assert silent == []
