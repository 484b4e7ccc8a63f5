"""Stand-ins for orchestrators, and a folder: what each stack did to them is compared."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

from parity_core.model import Json, ParityError
from parity_tests.config import ServiceConfig
from parity_tests.stage.services.base import Quiet, filled_environment
from parity_tests.stage.services.servers.airflow import Airflow
from parity_tests.stage.services.servers.databricks import Databricks
from parity_tests.stage.services.servers.standin import PASSWORD, USER, Call


class _OrchestratorService(Quiet):
    """What the two have in common: a server that notes what it is sent, and the runs that it has started."""

    _config: ServiceConfig
    _server: Any
    """The stand-in; its `runs` are a collection of its own kind."""

    def environment(self) -> Mapping[str, str]:
        return filled_environment(self._config, url=self._server.url, user=USER, password=PASSWORD)

    def sent(self) -> list[Json]:
        return _described(self._server.effects())

    def forget(self) -> None:
        self._server.calls.clear()

    def reset(self) -> None:
        self.forget()
        # or one run more in one stack would give all later runs of both other numbers
        self._server.runs.clear()

    @contextmanager
    def bookmarked(self) -> Iterator[Callable[[], None]]:
        kept = deepcopy(self._server.runs)

        def put_back() -> None:
            self.forget()
            self._server.runs = deepcopy(kept)

        with self._server.held():
            yield put_back

    def stop(self) -> None:
        self._server.stop()


class AirflowService(_OrchestratorService):
    """`AIRFLOW_VERSION` (v1, v2) and `AIRFLOW_FAULT` in a journey's settings say how it behaves.

    Other faults belong to the names of DAGs, so that one journey can meet them all.
    """

    observation = "airflow"

    def __init__(self, config: ServiceConfig, settings: Mapping[str, str], folder: Path) -> None:
        self._config = config
        try:
            self._server = Airflow(
                settings.get("AIRFLOW_VERSION", "v1"), settings.get("AIRFLOW_FAULT", "")
            )
        except ValueError as error:
            raise ParityError(f"AIRFLOW_VERSION, AIRFLOW_FAULT: {error}") from None


class DatabricksService(_OrchestratorService):
    """`DATABRICKS_FAULT` in a journey's settings says how it behaves; other faults belong to jobs."""

    observation = "databricks"

    def __init__(self, config: ServiceConfig, settings: Mapping[str, str], folder: Path) -> None:
        self._config = config
        try:
            self._server = Databricks(settings.get("DATABRICKS_FAULT", ""))
        except ValueError as error:
            raise ParityError(f"DATABRICKS_FAULT: {error}") from None


def _described(calls: Sequence[Call]) -> list[Json]:
    return [
        {"method": call.method, "path": call.path, "query": call.query, "body": call.body}
        for call in calls
    ]


class FolderService(Quiet):
    """A folder of the stack's own; the files that a request makes, changes or removes in it are compared."""

    observation = "folder"

    def __init__(self, config: ServiceConfig, settings: Mapping[str, str], folder: Path) -> None:
        self._config = config
        self._path = Path(tempfile.mkdtemp(prefix="own-", dir=folder))
        self._before: dict[str, dict[str, Json]] = {}

    def environment(self) -> Mapping[str, str]:
        return filled_environment(self._config, path=str(self._path))

    def sent(self) -> list[Json]:
        now = self._files()
        made = [file for name, file in now.items() if file != self._before.get(name)]
        gone = [file | {"removed": True} for name, file in self._before.items() if name not in now]
        # by content: a name may hold an id, which is each stack's own
        return sorted(gone + made, key=lambda file: (file["bytes"], file["sha256"], file["name"]))

    def forget(self) -> None:
        self._before = self._files()

    @contextmanager
    def bookmarked(self) -> Iterator[Callable[[], None]]:
        files = [path for path in self._path.rglob("*") if path.is_file()]
        kept = {path: path.read_bytes() for path in files}

        def put_back() -> None:
            for path in self._path.rglob("*"):
                if path.is_file() and path not in kept:
                    path.unlink()
            for path, content in kept.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            self.forget()

        yield put_back

    def _files(self) -> dict[str, dict[str, Json]]:
        files: dict[str, dict[str, Json]] = {}
        for path in self._path.rglob("*"):
            if path.is_file():
                name, content = path.relative_to(self._path).as_posix(), path.read_bytes()
                digest = hashlib.sha256(content).hexdigest()
                files[name] = {"name": name, "bytes": len(content), "sha256": digest}
        return files

    def reset(self) -> None:
        """Files go as the rows do that knew of them; folders stay, which a stack may have made when it started."""
        for path in self._path.rglob("*"):
            if path.is_file():
                path.unlink(missing_ok=True)
        self.forget()

    def stop(self) -> None:
        """The run's folder is deleted as a whole."""
