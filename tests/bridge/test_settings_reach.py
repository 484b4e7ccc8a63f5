"""A setting is declared once, and reaches every place it is for, however it was given."""

import os
from pathlib import Path
from unittest.mock import AsyncMock

import click
import pytest

from legacy_bridge.assembly import legacy_of, load, observer_of
from legacy_bridge.capture.options import CaptureOptions
from legacy_bridge.cli.main import serve
from legacy_bridge.settings import BridgeSettings, load_settings
from legacy_bridge.shadow.process.client import ComparerProcess
from legacy_bridge.stacks.upstream import UpstreamLegacy

ELSEWHERE = "http://127.0.0.1:9"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PAIR_DATABASE_URL", f"sqlite:///{tmp_path}/pair.db")
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))


def test_every_option_of_the_capture_is_a_setting_with_its_text_and_limits() -> None:
    options = {option.name: option for option in serve.params if isinstance(option, click.Option)}
    fields = {
        name: field for name, field in CaptureOptions.model_fields.items() if name != "capture_key"
    }
    assert {name for name in options if name and name.startswith("capture")} == set(fields)
    for name, field in fields.items():
        assert field.description
        assert (options[name].help or "").startswith(field.description)
        assert BridgeSettings.model_fields[name].default == field.default
    sizes = options["capture_file_size"].type
    assert isinstance(sizes, click.IntRange)
    assert sizes.min == 1024
    sample = options["capture_sample"].type
    assert isinstance(sample, click.FloatRange)
    assert (sample.min, sample.min_open, sample.max, sample.max_open) == (0, True, 1, False)


def test_what_is_recorded_is_what_the_settings_say(tmp_path: Path) -> None:
    assert BridgeSettings(assembly="").capture_options is None
    options = BridgeSettings(assembly="", capture=tmp_path, capture_mask="a, b,").capture_options
    assert options is not None
    assert (options.folder, options.masked_names) == (tmp_path, ("a", "b"))


@pytest.mark.usefixtures("environment")
def test_timeouts_and_connections_of_a_legacy_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUTOVER_LEGACY_CONNECT_SECONDS", "1.5")
    monkeypatch.setenv("CUTOVER_LEGACY_READ_SECONDS", "2.5")
    monkeypatch.setenv("CUTOVER_LEGACY_CONNECTIONS", "7")
    made = load("tests.bridge.pair_assembly:assemble")
    legacy = legacy_of(made, load_settings(legacy=ELSEWHERE))
    assert isinstance(legacy, UpstreamLegacy)
    assert legacy.timeouts == {"connect": 1.5, "read": 2.5, "write": 2.5, "pool": 1.5}
    assert legacy.connections == 7


@pytest.mark.usefixtures("environment")
async def test_options_of_the_command_line_reach_the_process_that_compares(tmp_path: Path) -> None:
    reference = "tests.bridge.pair_assembly:assemble_for_comparisons"
    settings = load_settings(assembly=reference, legacy=ELSEWHERE, shadow_share=0.25)
    assert "CUTOVER_LEGACY" not in os.environ
    observer = observer_of(load(reference), settings)
    assert observer is not None
    comparer = observer.comparer
    assert isinstance(comparer, ComparerProcess)
    await comparer.startup(AsyncMock())
    try:
        await comparer.ready()
    finally:
        await comparer.shutdown()
    lines = [line.split() for line in (tmp_path / "notes").read_text().splitlines()]
    assert len({pid for pid, *_ in lines}) == 2
    assert {tuple(rest) for _, *rest in lines} == {("False", "0.25")}
