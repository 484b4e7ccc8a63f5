"""docs/configuration.md says what the models say."""

import os
import subprocess
import sys
from pathlib import Path

from legacy_bridge.settings import BridgeSettings
from tests.house import configuration_page

ROOT = Path(__file__).parents[2]


def test_the_page_is_up_to_date() -> None:
    written = configuration_page.PAGE.read_text(encoding="utf-8")
    assert written == configuration_page.page(), "python -m tests.house.configuration_page"


def test_every_setting_and_every_key_says_what_it_is_for() -> None:
    page = configuration_page.page()
    silent = [
        line for line in page.splitlines() if line.startswith("| `") and line.endswith("|  |")
    ]
    assert silent == []
    for name in BridgeSettings.model_fields:
        assert f"`CUTOVER_{name.upper()}`" in page


def test_a_new_key_makes_the_page_old(tmp_path: Path) -> None:
    """Planted: a setting that no page knows."""
    program = (
        "from legacy_bridge import settings\n"
        "class More(settings.BridgeSettings):\n"
        "    brand_new: bool = False\n"
        "settings.BridgeSettings = More\n"
        "from tests.house import configuration_page as made\n"
        "raise SystemExit(made.page() != made.PAGE.read_text())\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, timeout=600, check=False
    )
    assert done.returncode == 1
