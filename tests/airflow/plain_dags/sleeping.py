"""A DAG of every Airflow: one task, which has its DAG's name and sleeps. For tests only."""

import time
from importlib import import_module
from typing import Any

try:
    decorators: Any = import_module("airflow.sdk")
except ImportError:
    decorators = import_module("airflow.decorators")


@decorators.dag(  # type: ignore[untyped-decorator]
    dag_id="sleeping", schedule=None, catchup=False, is_paused_upon_creation=False, tags=["model"]
)
def _sleeping() -> None:
    @decorators.task(task_id="sleeping")  # type: ignore[untyped-decorator]
    def sleep(dag_run: Any = None) -> None:
        time.sleep(float((dag_run.conf or {}).get("seconds", 15)))

    sleep()


_sleeping()
