"""What the comparisons of this pair need to know of their surroundings: services, a place to write in."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncEngine

from legacy_bridge.shadow.rows.sandbox import PostgresSandbox, Sandbox, SqliteSandbox


def services_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Orchestrators by the address they are at: what goes elsewhere is not compared."""
    services = {"AIRFLOW_URL": "airflow", "DATABRICKS_HOST": "databricks"}
    return {environment[key]: name for key, name in services.items() if environment.get(key)}


def create_sandbox(database_url: str) -> Sandbox:
    from cornflow_f.database.engine import create_engine, sqlite_file

    def make(url: str) -> AsyncEngine:
        return create_engine(url, pool_size=3)

    file = sqlite_file(database_url)
    return PostgresSandbox(database_url, make) if file is None else SqliteSandbox(file, make)
