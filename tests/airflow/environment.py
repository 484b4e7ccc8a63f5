"""Airflow's own Python environment: `python -m tests.airflow build` makes it where it is missing.

It lives beside tox's environments (.tox/airflow-server), apart from ours: the versions that Airflow 2.9 asks
for exclude those of both stacks. Built again when requirements/airflow.txt has changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements" / "airflow.txt"
PYTHON = "python3.11"
"""What the list of versions is made for."""
_IMPORTS = "import airflow, cornflow_client, ortools, psycopg2, pulp"


class EnvironmentMissing(Exception):
    """There is no Airflow to start; the text says how to get one."""


def folder() -> Path:
    return Path(os.environ.get("TOX_WORK_DIR", ROOT / ".tox")) / "airflow-server"


def python() -> Path:
    """The interpreter of a complete environment."""
    if _stamp().exists() and _stamp().read_text() == _fingerprint():
        return folder() / "bin" / "python"
    raise EnvironmentMissing(
        "Airflow is not installed as requirements/airflow.txt has it: run `tox -e airflow`, "
        "or `python -m tests.airflow build`"
    )


def build() -> None:
    """Takes a minute or two, and about 650 MB."""
    base = _base()
    started = time.monotonic()
    _say(f"building Airflow's environment in {folder()}")
    subprocess.run([base, "-m", "venv", "--clear", str(folder())], check=True)
    made = str(folder() / "bin" / "python")
    # The list is complete: what packages ask for beyond it is not wanted.
    pip = [made, "-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "-r", str(REQUIREMENTS)], check=True)
    subprocess.run([made, "-I", "-c", _IMPORTS], check=True, env=_quiet())
    _stamp().write_text(_fingerprint())
    _say(f"built in {time.monotonic() - started:.0f} s")


def _base() -> str:
    if f"python{sys.version_info.major}.{sys.version_info.minor}" == PYTHON:
        return sys.executable
    found = shutil.which(PYTHON)
    if found is None:
        raise EnvironmentMissing(
            f"Airflow's versions are for {PYTHON}, which is not on the path: install it"
        )
    return found


def _quiet() -> dict[str, str]:
    # importing Airflow writes a configuration into its home
    return {**os.environ, "AIRFLOW_HOME": str(folder() / "home")}


def _stamp() -> Path:
    return folder() / "built-from"


def _fingerprint() -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - progress of a command
