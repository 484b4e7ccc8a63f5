"""The environment of child processes: they find this package, and learn none of the runner's secrets."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

_SECRET = frozenset(
    {
        "AIRFLOW_CONN_CF_URI",
        "AIRFLOW_PWD",
        "CORNFLOW_ADMIN_PWD",
        "CORNFLOW_SERVICE_PWD",
        "DATABASE_URL",
        "SECRET_BI_KEY",
        "SECRET_KEY",
    }
)

_INSTALLED = ("purelib", "platlib")
"""Where packages are installed, by the names of `sysconfig`."""


def child_environment(temporary: Path | None = None) -> dict[str, str]:
    """`temporary` is where solvers put their files; the run's folder is removed with them in it."""
    environment = {key: value for key, value in os.environ.items() if key not in _SECRET}
    # children run in folders of their own: what was relative to ours must stay what it was
    here = str(Path(__file__).resolve().parent.parent)
    # installed from a wheel, they find it anyway; on PYTHONPATH its neighbours would hide the library's
    ours = [] if here in {sysconfig.get_path(one) for one in _INSTALLED} else [here]
    if "" in sys.path or os.getcwd() in sys.path:
        ours.append(os.getcwd())
    inherited = [
        os.path.abspath(p) for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p
    ]
    environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([*ours, *inherited]))
    environment["PYTHONUNBUFFERED"] = "1"
    if temporary is not None:
        environment["TMPDIR"] = environment["TMP"] = environment["TEMP"] = str(temporary)
    return environment
