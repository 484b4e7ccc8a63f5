"""A setting of the bridge that is wrong is one sentence, and every command of `cutover` exits 2 with it."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from legacy_bridge.cli.main import main
from legacy_bridge.settings import BridgeSettings, SettingsError, load_settings, unknown_variable

FAULTS = [
    ("CUTOVER_SHADOW_RAT", "5", "CUTOVER_SHADOW_RAT is no setting of the bridge; did you mean `CUTOVER_SHADOW_RATE`?"),
    ("CUTOVER_TOKE", "s3cret", "CUTOVER_TOKE is no setting of the bridge; did you mean `CUTOVER_TOKEN`?"),
    ("cutover_capture_gzp", "1", "did you mean `CUTOVER_CAPTURE_GZIP`?"),
    ("CUTOVER_LEGACY_THREADS", "ten", "CUTOVER_LEGACY_THREADS should be a whole number, not 'ten'"),
    ("CUTOVER_LEGACY_THREADS", "0", "CUTOVER_LEGACY_THREADS should be greater than or equal to 1"),
    ("CUTOVER_ACCESS_LOG", "maybe", "CUTOVER_ACCESS_LOG should be true or false, not 'maybe'"),
    ("CUTOVER_LOG", "jsno", "CUTOVER_LOG can not be 'jsno'; did you mean `json`?"),
    ("CUTOVER_DEFAULT_MODE", "shadw", "CUTOVER_DEFAULT_MODE can not be 'shadw'; did you mean `shadow`?"),
    ("CUTOVER_SHADOW_PRIORITY", "lw", "CUTOVER_SHADOW_PRIORITY can not be 'lw'; did you mean `low`?"),
    ("CUTOVER_SHADOW_SHARE", "1.5", "CUTOVER_SHADOW_SHARE should be less than or equal to 1"),
    ("CUTOVER_SHADOW_SHARES", "GET /x/", "CUTOVER_SHADOW_SHARES: 'GET /x/' is not OPERATION=SHARE"),
    ("CUTOVER_CAPTURE_SAMPLE", "0", "CUTOVER_CAPTURE_SAMPLE should be greater than 0"),
    ("CUTOVER_LEGACY", "htp://x", "CUTOVER_LEGACY: the legacy must be 'in-process', 'none' or an http(s):// address"),
]  # fmt: skip
COMMANDS = (
    "serve", "status", "watch --once", "census", "history", "report", "finish --check", "kill", "unkill",
    "set x legacy", "rollback x", "ramp show", "ramp start x", "breaches", "budget * errors=0.1", "group things x", "sticky user",
    "up", "rehearse",
)  # fmt: skip


def refused(command: str, words: str) -> None:
    done = CliRunner().invoke(main, command.split())
    assert done.exit_code == 2, done.output
    (line,) = done.stderr.splitlines()
    assert line.startswith("cutover")
    assert words in line
    assert "s3cret" not in line


@pytest.mark.parametrize(("name", "value", "words"), FAULTS, ids=[f"{a}={b}" for a, b, _ in FAULTS])
def test_a_wrong_setting_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    refused("status", words)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_it(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("CUTOVER_SHADOW_RAT", "5")
    monkeypatch.setenv("CUTOVER_ASSEMBLY", "cornflow_cutover.assembly:assemble")
    refused(command, "did you mean `CUTOVER_SHADOW_RATE`?")


def test_an_option_is_called_as_it_was_given() -> None:
    refused("serve --legacy nowhere", "--legacy: the legacy must be")


def test_the_process_ends_without_a_trace() -> None:
    environment = {**os.environ, "CUTOVER_SHADOW_RATE": "fast"}
    done = subprocess.run(
        [sys.executable, "-m", "legacy_bridge.cli", "status"],
        env=environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "cutover: CUTOVER_SHADOW_RATE should be a number, not 'fast'\n"


def test_what_kubernetes_adds_is_no_mistake() -> None:
    links = (
        "SERVICE_HOST",
        "SERVICE_PORT",
        "SERVICE_PORT_HTTP",
        "PORT",
        "PORT_80_TCP",
        "PORT_80_TCP_ADDR",
    )
    assert unknown_variable({f"CUTOVER_{name}": "x" for name in links}) == ""
    assert unknown_variable({"CUTOVER_PRT": "x"}).startswith("CUTOVER_PRT is no setting")


def test_what_workers_are_given_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in BridgeSettings().model_dump(mode="json").items():
        if value is not None:
            monkeypatch.setenv(f"CUTOVER_{name.upper()}", str(value))
    monkeypatch.setenv("CUTOVER_SUPERVISOR", "1")
    load_settings()
    with pytest.raises(SettingsError, match="unknown key --nothing"):
        load_settings(nothing=1)
