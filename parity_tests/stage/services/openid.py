"""An OpenID provider for journeys."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from parity_core.model import ParityError
from parity_tests.config import ServiceConfig
from parity_tests.stage.services.base import Quiet, filled_environment


class OpenIdService(Quiet):
    """An OpenID provider with one address for both sides, so that both get the very same tokens.

    `OPENID_FAULT` in a journey's settings makes it tell its keys wrongly. A journey mints the tokens:
    `as: {minted: {…}, alg: RS256, secret: "${openid.first}", header: {kid: first}}`.
    """

    observation = "openid"
    shared = True
    _keys = ("first", "second", "stranger")
    provides = ("openid.issuer", *(f"openid.{key}" for key in _keys), "openid.public")

    def __init__(self, config: ServiceConfig, settings: Mapping[str, str], folder: Path) -> None:
        from parity_tests.stage.services.servers.openid import OpenIdProvider

        self._config = config
        try:
            self._provider = OpenIdProvider(settings.get("OPENID_FAULT", ""))
        except ValueError as error:
            raise ParityError(f"OPENID_FAULT: {error}") from None

    @staticmethod
    def missing() -> str | None:
        from importlib.util import find_spec

        return (
            None
            if find_spec("cryptography")
            else "the package cryptography is not installed: pip install 'parity-tests[services]'"
        )

    def values(self) -> Mapping[str, str]:
        keys = {f"openid.{name}": self._provider.private_key(name) for name in self._keys}
        public = self._provider.public_key("first")
        return {"openid.issuer": self._provider.issuer, "openid.public": public, **keys}

    def environment(self) -> Mapping[str, str]:
        return filled_environment(self._config, issuer=self._provider.issuer)

    def stop(self) -> None:
        self._provider.stop()
