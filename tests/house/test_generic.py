"""The generic packages hold no word of the one case that this repository proves them on."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CASE = re.compile(r"cornflow|baobab", re.IGNORECASE)
DATA = {"parity_tests": "cornflow"}
"""Of `parity_tests`, the folder of the case's requests and rules."""


@pytest.mark.parametrize("package", ["parity_core", "legacy_bridge", "parity_tests"])
def test_no_word_of_the_case(package: str) -> None:
    lines = []
    for file in sorted((ROOT / package).rglob("*")):
        inside = file.relative_to(ROOT / package)
        if file.is_dir() or inside.parts[0] == DATA.get(package) or "__pycache__" in inside.parts:
            continue
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if CASE.search(line):
                lines.append(f"{package}/{inside}:{number}: {line.strip()}")
    assert lines == []


def test_places_where_a_legacy_5xx_is_not_copied_carry_a_tag() -> None:
    """`grep -rn legacy-5xx: cornflow_f` lists them all, as `parity:` lists the quirks that are copied."""
    untagged, tagged = [], 0
    for file in sorted((ROOT / "cornflow_f").rglob("*.py")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            tagged += "# legacy-5xx:" in line
            if re.search(r"#.*\blegacy\b.*(\b500\b|5xx)", line) and "# legacy-5xx:" not in line:
                untagged.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()}")
    assert untagged == []
    assert tagged >= 16
