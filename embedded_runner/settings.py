"""What one runner is told at its start."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from embedded_runner.model import RunnerError

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True)
class Account:
    """A user of Cornflow with the service role, and where that Cornflow is."""

    url: str
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Settings:
    data: Path
    cornflow: Account
    airflow_user: str
    airflow_password: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 2
    queue_size: int = 100
    time_limit: float = 3600.0
    """Seconds a worker process may take, whatever the execution's own time limit."""
    patience: float = 600.0
    """Seconds a run waits for a Cornflow that does not answer, before it has its data."""
    applications: tuple[str, ...] = ()
    """Further applications as `package.module:Class`, beside the entry points."""
    register: bool = False


def parse_connection(uri: str) -> Account:
    """`cornflow://user:password@host:port/path`, as Airflow's workers are given it in AIRFLOW_CONN_CF_URI."""
    try:
        parts = urlsplit(uri)
        port = f":{parts.port}" if parts.port else ""
    except ValueError as error:
        raise RunnerError(f"AIRFLOW_CONN_CF_URI is no address: {error}") from None
    if not (parts.hostname and parts.username and parts.password):
        raise RunnerError("AIRFLOW_CONN_CF_URI must be like cornflow://user:password@host:port")
    scheme = "http" if parts.scheme == "cornflow" else parts.scheme
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Account(
        f"{scheme}://{host}{port}{parts.path}", unquote(parts.username), unquote(parts.password)
    )
