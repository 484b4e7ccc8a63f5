"""A DAG of every Airflow: one task, which has its DAG's name and sleeps. For tests only."""

import time

try:
    from airflow.sdk import dag, task
except ImportError:
    from airflow.decorators import dag, task


@dag(dag_id="sleeping", schedule=None, catchup=False, is_paused_upon_creation=False, tags=["model"])
def _sleeping():
    @task(task_id="sleeping")
    def sleep(params=None, dag_run=None):
        time.sleep(float((dag_run.conf or {}).get("seconds", 15)))

    sleep()


_sleeping()
