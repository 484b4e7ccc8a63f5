"""docs/public-names.md lists what is there, and what a module offers by `__all__` is listed."""

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "public-names.md").read_text(encoding="utf-8")
ROWS = {
    module: re.findall(r"`(\w+)`", names)
    for module, names in re.findall(r"^\| `([\w.]+)` \| (.+) \|$", PAGE, re.MULTILINE)
}


def test_every_row_is_read() -> None:
    assert len(ROWS) == len(re.findall(r"^\| `", PAGE, re.MULTILINE))
    assert len(ROWS) > 20


@pytest.mark.parametrize("name", ROWS)
def test_a_public_module_has_its_names(name: str) -> None:
    module = import_module(name)
    assert module.__doc__
    missing = [one for one in ROWS[name] if not hasattr(module, one)]
    assert missing == []
    silent = [one for one in ROWS[name] if not (getattr(module, one).__doc__ or "").strip()]
    assert silent == []
    offered = getattr(module, "__all__", None)
    if offered is not None:
        assert sorted(ROWS[name]) == sorted(offered)
