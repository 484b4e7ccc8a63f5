"""The servers that run workflows, behind one small interface. `CORNFLOW_BACKEND` chooses."""

import httpx

from cornflow_f.config import Backend, Settings
from cornflow_f.orchestrators.airflow import Airflow
from cornflow_f.orchestrators.base import Orchestrator
from cornflow_f.orchestrators.databricks import Databricks


def create_airflow(settings: Settings, client: httpx.AsyncClient) -> Airflow:
    """Airflow by its settings. Some operations ask it whatever the backend is, as in the legacy."""
    return Airflow(
        settings.airflow_url,
        settings.airflow_user,
        settings.airflow_pwd,
        client,
        settings.orchestrator_timeout,
    )


def create_orchestrator(
    settings: Settings, client: httpx.AsyncClient, airflow: Airflow
) -> Orchestrator:
    """The orchestrator that runs executions."""
    if settings.cornflow_backend is Backend.AIRFLOW:
        return airflow
    return Databricks(
        settings.databricks_url,
        settings.databricks_client_id,
        settings.databricks_auth_secret,
        settings.databricks_token_endpoint,
        settings.databricks_health_path,
        client,
        settings.orchestrator_timeout,
    )
