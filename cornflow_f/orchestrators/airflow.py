"""Airflow's REST API, versions 1 and 2. Source: ``cornflow_client.airflow.api``."""

import httpx

_TIMEOUT = httpx.Timeout(10.0)


class Airflow:
    def __init__(self, url: str | None, client: httpx.AsyncClient) -> None:
        self._url = url
        self._client = client

    async def is_alive(self) -> bool:
        """Whether both the database and the scheduler of Airflow say they are healthy.

        Version 1 of the API is asked first; a 404 there means version 2.
        """
        if not self._url:
            return False
        try:
            reply = await self._client.get(f"{self._url}/api/v1/health", timeout=_TIMEOUT)
            if reply.status_code == 404:
                reply = await self._client.get(
                    f"{self._url}/api/v2/monitor/health", timeout=_TIMEOUT
                )
            state = reply.json()
            return all(state[part]["status"] == "healthy" for part in ("metadatabase", "scheduler"))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
            return False
