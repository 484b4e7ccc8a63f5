"""Airflow's own Python environments: `python -m tests.airflow build` makes them where they are missing.

They live beside tox's environments (.tox/airflow-server, …), apart from ours: the versions that an Airflow asks
for exclude those of both stacks. Each is of a list in requirements/, and built again when that has changed.
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
SOLVING = "airflow"
"""The list of the Airflow that solves: with Cornflow's client and the solvers."""
LISTS = (SOLVING, "airflow-2.11", "airflow-3")
"""The lists in requirements/: the others have Airflow alone, for its REST API."""
PYTHON = "python3.11"
"""What the lists of versions are made for."""
_IMPORTS = "import airflow, cornflow_client, ortools, psycopg2, pulp"
_IMPORTS_ALONE = "import airflow, psycopg2"


class EnvironmentMissing(Exception):
    """There is no Airflow to start; the text says how to get one."""


def folder(name: str = SOLVING) -> Path:
    suffix = name.removeprefix(SOLVING)
    return Path(os.environ.get("TOX_WORK_DIR", ROOT / ".tox")) / f"airflow-server{suffix}"


def python(name: str = SOLVING) -> Path:
    """The interpreter of a complete environment."""
    stamp = _stamp(name)
    if stamp.exists() and stamp.read_text() == _fingerprint(name):
        return folder(name) / "bin" / "python"
    raise EnvironmentMissing(
        f"Airflow is not installed as requirements/{name}.txt has it: run `tox -e airflow`, "
        "or `python -m tests.airflow build`"
    )


def build(name: str = SOLVING) -> None:
    """Takes a minute or two, and about 650 MB."""
    base = _base()
    started = time.monotonic()
    _say(f"building Airflow's environment in {folder(name)}")
    subprocess.run([base, "-m", "venv", "--clear", str(folder(name))], check=True)
    made = str(folder(name) / "bin" / "python")
    # The list is complete: what packages ask for beyond it is not wanted.
    pip = [made, "-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "-r", str(_requirements(name))], check=True)
    imports = _IMPORTS if name == SOLVING else _IMPORTS_ALONE
    subprocess.run([made, "-I", "-c", imports], check=True, env=_quiet(name))
    _stamp(name).write_text(_fingerprint(name))
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


def _quiet(name: str) -> dict[str, str]:
    # importing Airflow writes a configuration into its home
    return {**os.environ, "AIRFLOW_HOME": str(folder(name) / "home")}


def _requirements(name: str) -> Path:
    return ROOT / "requirements" / f"{name}.txt"


def _stamp(name: str) -> Path:
    return folder(name) / "built-from"


def _fingerprint(name: str) -> str:
    return hashlib.sha256(_requirements(name).read_bytes()).hexdigest()


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - progress of a command
