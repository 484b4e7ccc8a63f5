"""An LDAP directory for journeys: OpenLDAP's slapd with entries of a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from parity_tests.config import ServiceConfig
from parity_tests.stage.services.base import Quiet, filled_environment


class DirectoryServer(Quiet):
    """OpenLDAP's slapd with the entries of the LDIF file that the configuration names."""

    observation = "directory"

    def __init__(self, config: ServiceConfig, settings: Mapping[str, str], folder: Path) -> None:
        from parity_tests.stage.services.servers.slapd import Slapd

        self._config = config
        self._slapd = Slapd(config.folder / str(config.options["ldif"]), folder)

    @staticmethod
    def missing() -> str | None:
        from parity_tests.stage.services.servers import slapd

        return None if slapd.installed() else slapd.MISSING

    def environment(self) -> Mapping[str, str]:
        return filled_environment(self._config, url=self._slapd.url)

    def stop(self) -> None:
        self._slapd.stop()
