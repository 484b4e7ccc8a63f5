"""Tokens of an OpenID Connect provider. Source: the legacy's ``shared/authentication/auth.py``.

No discovery: the provider's keys are at ``{OID_PROVIDER}/.well-known/jwks.json``, for Azure at an
address made of the tenant. Only RS256 counts, whatever the token or the key says of itself.
"""

import asyncio
import logging
import time
from typing import Any

import httpx
import jwt
from jwt.algorithms import RSAAlgorithm

from cornflow_f import shadowing
from cornflow_f.config import OidProviderType, Settings
from cornflow_f.security import InvalidToken, verified_claims

logger = logging.getLogger(__name__)

KEYS_LIVE_SECONDS = 3600.0
FETCH_EVERY_SECONDS = 1.0
FETCHES_SAVED = 10
"""A key that is not known is asked for, but in the long run not more often than this: tokens with
made-up keys must not turn into as many requests to the provider. Quiet times save up some fetches;
who comes while one is under way, or waits for its turn, waits for the same answer."""
FETCH_TIMEOUT_SECONDS = 5.0

_ALGORITHM = "RS256"


class OpenIdProvider:
    """Knows the provider's keys, and whose tokens are good. One per process."""

    def __init__(self, settings: Settings, http_client: httpx.AsyncClient) -> None:
        self._issuer = settings.oid_provider
        self._audience = settings.oid_expected_audience
        self._address = jwks_address(settings)
        self._http = http_client
        self._keys: dict[str, Any] = {}
        self._keys_until = 0.0
        self._next_turn = 0.0
        self._fetching: asyncio.Task[None] | None = None
        if self._address is None or self._audience is None:
            logger.warning(
                "no token of an OpenID provider will be accepted: set OID_PROVIDER "
                "(for Azure https://login.microsoftonline.com/<tenant>/v2.0) and OID_EXPECTED_AUDIENCE"
            )

    async def claims_of(self, token: str) -> dict[str, Any]:
        """The claims of a token of this provider, meant for us. Raises ExpiredToken or InvalidToken."""
        key = await self._key(_key_id(token))
        if self._audience is None:
            raise InvalidToken("OID_EXPECTED_AUDIENCE is not set")
        return verified_claims(
            token, key, _ALGORITHM, audience=[self._audience], issuer=self._issuer
        )

    async def _key(self, kid: str) -> Any:
        key = self._known(kid)
        if key is None:
            await self._fetch_once()
            key = self._known(kid)
        if key is None:
            raise InvalidToken("the provider has no such key")
        return key

    def _known(self, kid: str) -> Any | None:
        return self._keys.get(kid) if time.monotonic() < self._keys_until else None

    async def _fetch_once(self) -> None:
        """Fetches the keys, or waits for the fetch that is under way. Raises InvalidToken."""
        shadowing.require_world("the keys of the OpenID provider")
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch_in_turn())
            # Nobody may be left to hear of a failure: then it is no news.
            self._fetching.add_done_callback(lambda task: task.cancelled() or task.exception())
        # Shielded: others wait for it too when this client goes away.
        await asyncio.shield(self._fetching)

    async def _fetch_in_turn(self) -> None:
        now = time.monotonic()
        turn = max(self._next_turn, now)
        self._next_turn = turn + FETCH_EVERY_SECONDS
        await asyncio.sleep(turn - now - FETCHES_SAVED * FETCH_EVERY_SECONDS)
        self._keys = await self._fetch()
        self._keys_until = time.monotonic() + KEYS_LIVE_SECONDS

    async def _fetch(self) -> dict[str, Any]:
        if self._address is None:
            raise InvalidToken("OID_PROVIDER is not set or not usable")
        try:
            reply = await self._http.get(
                self._address, timeout=FETCH_TIMEOUT_SECONDS, follow_redirects=True
            )
            reply.raise_for_status()
            document = reply.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            logger.error("no keys from %s: %s: %s", self._address, type(error).__name__, error)
            raise InvalidToken("the provider's keys could not be fetched") from error
        return usable_keys(document)


def jwks_address(settings: Settings) -> str | None:
    """Where the provider's keys are; None when the settings don't tell."""
    provider = settings.oid_provider
    if not provider:
        return None
    if settings.oid_provider_type is OidProviderType.AZURE:
        parts = provider.split("/")
        if len(parts) < 4:
            return None
        return f"https://login.microsoftonline.com/{parts[3]}/discovery/v2.0/keys"
    return f"{provider.rstrip('/')}/.well-known/jwks.json"


def usable_keys(document: Any) -> dict[str, Any]:
    """The RSA keys of a key set by `kid`. Keys of other kinds are passed over, where the legacy fails."""
    listed = document.get("keys") if isinstance(document, dict) else None
    keys = {}
    for described in listed if isinstance(listed, list) else ():
        if not isinstance(described, dict) or described.get("kty") != "RSA":
            continue
        try:
            keys[described["kid"]] = RSAAlgorithm.from_jwk(described)
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            logger.warning("a key of the provider can't be used: %s", error)
    return keys


def _key_id(token: str) -> str:
    """The key that a token says it is signed with, if it deserves a look at the keys."""
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise InvalidToken(f"not a token: {error}") from error
    kid = header.get("kid")
    if not isinstance(kid, str):
        raise InvalidToken("the header names no key")
    if header.get("alg") != _ALGORITHM:
        raise InvalidToken("the algorithm is not RS256")
    return kid
