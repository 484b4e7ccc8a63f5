"""What the journeys of OpenID Connect can't tell: keys that change, providers that fail, many requests at once."""

import asyncio
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from cornflow_f.config import AuthType, OidProviderType, Settings
from cornflow_f.errors import ConfigurationError
from cornflow_f.main import create_app
from cornflow_f.security import ExpiredToken, InvalidToken
from cornflow_f.services import openid
from parity_tests.stage.services.servers.openid import KEYS_PATH, OpenIdProvider
from tests.servers.openid import CLIENT, authlib_provider
from tests.servers.pair import Pair, pair_of_stacks

REFUSED = "Invalid token format, signature, or configuration"


def told(issuer: str) -> dict[str, str]:
    return {"AUTH_TYPE": "0", "OID_PROVIDER": issuer, "OID_EXPECTED_AUDIENCE": CLIENT}


def claims(provider: OpenIdProvider, **changes: object) -> dict[str, object]:
    good = {"sub": "alice", "iss": provider.issuer, "aud": CLIENT, "exp": 600, "iat": -5}
    return {**good, **changes}


@pytest.fixture(scope="module")
def shared_provider() -> Iterator[OpenIdProvider]:
    with OpenIdProvider() as server:
        yield server


@pytest.fixture(scope="module")
def pair(
    shared_provider: OpenIdProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    with pair_of_stacks(tmp_path_factory.mktemp("pair"), told(shared_provider.issuer)) as both:
        yield both


@pytest.fixture
def provider(shared_provider: OpenIdProvider) -> Iterator[OpenIdProvider]:
    yield shared_provider
    shared_provider.fault = ""
    shared_provider.delay = 0.0
    shared_provider.rotate("first")


@pytest.mark.legacy
def test_rotation_is_noticed_at_once(pair: Pair, provider: OpenIdProvider) -> None:
    pair.log_in(token=provider.sign(claims(provider), "stranger"))
    old, new = (provider.sign(claims(provider), key) for key in ("first", "second"))
    assert pair.log_in(token=old).statuses == (200, 200)
    assert pair.log_in(token=new).statuses == (400, 400)
    provider.rotate("first", "second")
    assert pair.log_in(token=new).statuses == (200, 200)
    assert pair.log_in(token=old).statuses == (200, 200)
    provider.rotate("second")
    assert pair.log_in(token=old).statuses == (200, 200), "a key that is known is not asked for"
    stranger = provider.sign(claims(provider), "stranger")
    assert pair.log_in(token=stranger).statuses == (400, 400)
    assert pair.log_in(token=old).statuses == (400, 400), "asking for another key forgot this one"


@pytest.mark.legacy
@pytest.mark.parametrize(
    ("fault", "statuses"),
    [
        ("malformed", (400, 400)),
        ("status-500", (400, 400)),
        ("empty", (400, 400)),
        ("redirect", (200, 200)),
        # The legacy fails on key sets that have more than it knows, or less.
        ("no-keys", (500, 400)),
        ("no-kid", (500, 400)),
        ("mixed", (500, 200)),
    ],
)
def test_provider_that_tells_its_keys_wrongly(
    pair: Pair, provider: OpenIdProvider, fault: str, statuses: tuple[int, int]
) -> None:
    good = provider.sign(claims(provider))
    # Makes both ask for the keys, so that neither knows the second one from an earlier test.
    assert pair.log_in(token=provider.sign(claims(provider), "stranger")).statuses == (400, 400)
    assert pair.log_in(token=good).statuses == (200, 200)
    provider.fault = fault
    provider.rotate("first", "second")
    answers = pair.log_in(token=provider.sign(claims(provider), "second"))
    assert answers.statuses == statuses
    if statuses[1] == 400:
        assert answers.port.error == REFUSED
    if fault not in ("empty", "no-keys", "no-kid"):
        assert pair.log_in(token=good).port.status == 200, "keys of before are still good"


@pytest.mark.legacy
def test_made_up_keys_do_not_become_as_many_requests(pair: Pair, provider: OpenIdProvider) -> None:
    good = provider.sign(claims(provider))
    assert pair.log_in(token=good).statuses == (200, 200)
    made_up = [provider.sign(claims(provider), header={"kid": uuid.uuid4().hex}) for _ in range(60)]
    provider.delay = 0.05
    for world in (pair.stage.legacy, pair.stage.ported):
        before, began = len(provider.requests), time.monotonic()

        def ask(token: str, origin: str = world.stack.origin) -> int:
            headers = {"Authorization": f"Bearer {token}"}
            return httpx.get(f"{origin}/user/1/", headers=headers, timeout=30).status_code

        with ThreadPoolExecutor(20) as crowd:
            assert set(crowd.map(ask, made_up)) == {400}
        fetched = len(provider.requests) - before
        # One more each second, however long the sixty requests take here.
        later = int((time.monotonic() - began) / openid.FETCH_EVERY_SECONDS)
        most = 60 if world is pair.stage.legacy else openid.FETCHES_SAVED + 2 + later
        assert fetched <= most, world.side
        assert fetched == 60 or world is pair.stage.ported, "the legacy asks for each of them"


@pytest.mark.legacy
def test_tokens_of_an_implementation_that_is_not_ours(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with (
        authlib_provider() as provider,
        pair_of_stacks(tmp_path_factory.mktemp("authlib"), told(provider.issuer)) as pair,
    ):
        profile = {"email": "alice.liddell@cornflow.org", "given_name": "Alice"}
        token = provider.log_in("alice", profile)
        answers = pair.log_in(token=token)
        assert answers.statuses == (200, 200)
        assert answers.legacy.body == answers.port.body
        assert answers.legacy.rows == answers.port.rows
        user = answers.port.body["id"]
        seen = pair.ask("GET", f"/user/{user}/", token=token)
        assert seen.statuses == (200, 200)
        assert seen.port.body["first_name"] == seen.legacy.body["first_name"] == "Alice"
        head, body, signature = token.split(".")
        turned = signature[:-6] + ("AAAAAA" if signature[-6:] != "AAAAAA" else "BBBBBB")
        assert pair.log_in(token=f"{head}.{body}.{turned}").statuses == (400, 400)


def port_side(provider: OpenIdProvider, client: httpx.AsyncClient) -> openid.OpenIdProvider:
    settings = Settings(
        auth_type=AuthType.OID, oid_provider=provider.issuer, oid_expected_audience=CLIENT
    )
    return openid.OpenIdProvider(settings, client)


async def test_many_good_tokens_at_once_cost_one_request() -> None:
    with OpenIdProvider() as provider:
        provider.delay = 0.2
        token = provider.sign(claims(provider))
        async with httpx.AsyncClient() as client:
            ours = port_side(provider, client)
            got = await asyncio.gather(*(ours.claims_of(token) for _ in range(50)))
        assert {one["sub"] for one in got} == {"alice"}
        assert provider.requests == [KEYS_PATH]


async def test_client_that_goes_away_stops_nobody_else() -> None:
    with OpenIdProvider() as provider:
        provider.delay = 0.3
        token = provider.sign(claims(provider))
        async with httpx.AsyncClient() as client:
            ours = port_side(provider, client)
            first, second = (asyncio.create_task(ours.claims_of(token)) for _ in range(2))
            await asyncio.sleep(0.1)
            first.cancel()
            assert (await second)["sub"] == "alice"


async def test_silent_provider_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openid, "FETCH_TIMEOUT_SECONDS", 0.3)
    with OpenIdProvider() as provider:
        provider.delay = 20.0
        async with httpx.AsyncClient() as client:
            ours = port_side(provider, client)
            started = time.monotonic()
            with pytest.raises(InvalidToken):
                await ours.claims_of(provider.sign(claims(provider)))
            assert time.monotonic() - started < 15


async def test_made_up_keys_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten at once, then one a second: the clock stands still, so what each has to wait adds up."""
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    steps = SimpleNamespace(sleep=wait, create_task=asyncio.create_task, shield=asyncio.shield)
    monkeypatch.setattr(openid, "asyncio", steps)
    monkeypatch.setattr(openid, "time", SimpleNamespace(monotonic=lambda: 1000.0))
    with OpenIdProvider() as provider:
        async with httpx.AsyncClient() as client:
            ours = port_side(provider, client)
            for number in range(15):
                token = provider.sign(claims(provider), header={"kid": f"made-up-{number}"})
                with pytest.raises(InvalidToken):
                    await ours.claims_of(token)
    assert waits == [number - openid.FETCHES_SAVED for number in range(15)]


async def test_keys_are_asked_for_again_after_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(openid, "time", SimpleNamespace(monotonic=lambda: now))
    with OpenIdProvider() as provider:
        token = provider.sign(claims(provider))
        async with httpx.AsyncClient() as client:
            ours = port_side(provider, client)
            for _ in range(3):
                await ours.claims_of(token)
            assert len(provider.requests) == 1
            provider.rotate("second")
            now += openid.KEYS_LIVE_SECONDS - 1
            await ours.claims_of(token)
            assert len(provider.requests) == 1
            now += 2
            with pytest.raises(InvalidToken):
                await ours.claims_of(token)
            assert len(provider.requests) == 2


async def test_keys_of_other_kinds_and_sizes_are_passed_over() -> None:
    with OpenIdProvider() as provider:
        good = provider.described("first")
        odd = [
            None,
            {},
            {"kty": "oct", "kid": "a", "k": "AAAA"},
            {"kty": "RSA", "kid": "b"},
            {"kty": "RSA", "kid": "c", "n": "!", "e": "AQAB"},
            {"kty": "RSA", "kid": "d", "n": 1, "e": 2},
            {**good, "kid": ["e"]},
        ]
        assert set(openid.usable_keys({"keys": [*odd, good]})) == {"first"}
    odd_documents: list[Any] = [None, [], {}, {"keys": None}, {"keys": {}}, {"keys": [1, "x"]}]
    for document in odd_documents:
        assert openid.usable_keys(document) == {}


@pytest.mark.parametrize(
    ("kind", "provider", "address"),
    [
        (2, "http://x.y", "http://x.y/.well-known/jwks.json"),
        (2, "http://x.y/pool/", "http://x.y/pool/.well-known/jwks.json"),
        (
            1,
            "https://login.microsoftonline.com/tenant-1/v2.0",
            "https://login.microsoftonline.com/tenant-1/discovery/v2.0/keys",
        ),
        # Whatever the host: only the tenant counts.
        (
            1,
            "https://sts.windows.net/tenant-1/",
            "https://login.microsoftonline.com/tenant-1/discovery/v2.0/keys",
        ),
        (1, "https://login.microsoftonline.com", None),
        (1, "", None),
        (2, None, None),
    ],
)
def test_where_the_keys_are(kind: int, provider: str | None, address: str | None) -> None:
    settings = Settings(oid_provider=provider, oid_provider_type=OidProviderType(kind))
    assert openid.jwks_address(settings) == address


async def test_without_provider_or_audience_nothing_is_accepted() -> None:
    with OpenIdProvider() as provider:
        token = provider.sign(claims(provider, aud=["None", ""]))
        async with httpx.AsyncClient() as client:
            for settings in (
                Settings(auth_type=AuthType.OID),
                Settings(auth_type=AuthType.OID, oid_provider=provider.issuer),
            ):
                with pytest.raises(InvalidToken):
                    await openid.OpenIdProvider(settings, client).claims_of(token)


def test_unknown_way_to_authenticate_stops_the_start() -> None:
    with pytest.raises(ConfigurationError, match="AUTH_TYPE=4"):
        create_app(Settings(auth_type=AuthType.OAUTH, secret_key="x" * 40))


async def test_expiry_is_told_apart() -> None:
    with OpenIdProvider() as provider:
        async with httpx.AsyncClient() as client:
            ours = port_side(provider, client)
            with pytest.raises(ExpiredToken):
                await ours.claims_of(provider.sign(claims(provider, exp=-1)))
