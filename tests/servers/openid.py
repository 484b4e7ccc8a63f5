"""OpenID providers for tests: ours, which can misbehave, and Authlib's, which nobody here wrote."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from parity_tests.stage.process import free_port
from parity_tests.stage.services.servers.openid import KEYS_PATH, OpenIdProvider

__all__ = ["Authlib", "OpenIdProvider", "authlib_provider"]

CLIENT = "cornflow"
_CALLBACK = "http://client.example/callback"


class Authlib:
    """A running `oidc-provider-mock`: Authlib's authorization code flow, with RS256 ID tokens."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    def log_in(self, subject: str, claims: Mapping[str, Any]) -> str:
        """The ID token that a browser's log-in as `subject` ends with."""
        with httpx.Client(base_url=self.issuer, trust_env=False) as browser:
            browser.put(f"/users/{subject}", json=dict(claims)).raise_for_status()
            asked = {
                "client_id": CLIENT,
                "redirect_uri": _CALLBACK,
                "response_type": "code",
                "scope": "openid email profile",
                "nonce": f"nonce-of-{subject}",
            }
            sent_back = browser.post("/oauth2/authorize", params=asked, data={"sub": subject})
            [code] = parse_qs(urlsplit(sent_back.headers["location"]).query)["code"]
            granted = browser.post(
                "/oauth2/token",
                data={
                    "grant_type": "authorization_code",
                    "code": code,
                    "redirect_uri": _CALLBACK,
                },
                auth=(CLIENT, "any secret"),
            )
            return str(granted.raise_for_status().json()["id_token"])


@contextmanager
def authlib_provider() -> Iterator[Authlib]:
    """The package names no key in its tokens and keeps its keys at `/jwks`: both are put right here."""
    if find_spec("oidc_provider_mock") is None:
        lack = "oidc-provider-mock is not installed (requirements/dev.txt)"
        if os.environ.get("CI"):
            pytest.fail(lack, pytrace=False)
        pytest.skip(lack)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import oidc_provider_mock
        from oidc_provider_mock import _app as package
        from werkzeug.serving import make_server

    class NamesItsKey(package.OpenIDCode):
        def get_jwt_config(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
            config = super().get_jwt_config(*args, **kwargs)
            return {**config, "kid": config["key"]["kid"]}

    original, package.OpenIDCode = package.OpenIDCode, NamesItsKey
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            app = oidc_provider_mock.app()
    finally:
        package.OpenIDCode = original

    def with_keys(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == KEYS_PATH:
            environ["PATH_INFO"] = "/jwks"
        return app(environ, start_response)

    port = free_port()
    server = make_server("127.0.0.1", port, with_keys, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield Authlib(f"http://127.0.0.1:{port}")
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
