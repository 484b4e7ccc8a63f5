"""Outside services that a journey asks for: started, told to the stacks, compared.

A service is a class in `SERVICES`, by the name journeys use. It is started before its stack, gives
the stack its address in environment variables that the configuration names, and hands over what
the stack sent it after each step. There is one for each side, or one for both if it is `shared`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from parity_core.files.sentence import nearest
from parity_core.model import ParityError
from parity_tests.config import ServiceConfig
from parity_tests.stage.services.base import Service
from parity_tests.stage.services.directory import DirectoryServer
from parity_tests.stage.services.mail import MailServer
from parity_tests.stage.services.openid import OpenIdService
from parity_tests.stage.services.orchestrators import (
    AirflowService,
    DatabricksService,
    FolderService,
)
from parity_tests.stage.services.runner import RunnerService

Starter = Callable[[ServiceConfig, Mapping[str, str], Path], Service]


SERVICES: dict[str, type[Service]] = {
    "smtp": MailServer,
    "ldap": DirectoryServer,
    "openid": OpenIdService,
    "runner": RunnerService,
    "airflow": AirflowService,
    "databricks": DatabricksService,
    "folder": FolderService,
}


def provided(name: str) -> tuple[str, ...]:
    """The names of the values that a service gives to journeys."""
    return _known(name).provides


def missing(names: Iterable[str]) -> str | None:
    """What this machine lacks for one of the services; None when all can be started."""
    return next((lack for name in names if (lack := _known(name).missing())), None)


def is_shared(name: str) -> bool:
    return _known(name).shared


def start(
    name: str, configs: Mapping[str, ServiceConfig], settings: Mapping[str, str], folder: Path
) -> Service:
    starter: Starter = _known(name)
    if name not in configs:
        raise ParityError(f"the configuration has no [services.{name}] for the service `{name}`")
    return starter(configs[name], settings, folder)


def _known(name: str) -> type[Service]:
    if name not in SERVICES:
        raise ParityError(f"no service `{name}`{nearest(name, SERVICES)}")
    return SERVICES[name]
