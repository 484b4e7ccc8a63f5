"""Which tokens are good, and the words for the others: the port against the legacy's own functions.

The variants are generated: every state of the signature with every header and every set of claims, and
every way to write the token into its header. `Auth.decode_token` of the real legacy is the oracle.
"""

import asyncio
import base64
import hmac
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import flask
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from jwt.algorithms import RSAAlgorithm
from starlette.requests import Request
from werkzeug.datastructures import Headers

from cornflow_f import security
from cornflow_f.config import Settings
from cornflow_f.errors import CornflowError
from cornflow_f.services.openid import OpenIdProvider, usable_keys
from cornflow_f.web.deps import bearer_token, claims_of

authentication = pytest.importorskip("cornflow.shared.authentication")
auth_module = pytest.importorskip("cornflow.shared.authentication.auth")
legacy_errors = pytest.importorskip("cornflow.shared.exceptions")

pytestmark = pytest.mark.legacy

SECRET = "a-secret-of-the-tests-that-is-long-enough"
OTHER_SECRET = "another-secret-of-the-tests-that-is-as-long"
NOW = 1_800_000_000
INVALID = "Invalid token format or signature"

HEADERS: dict[str, Any] = {
    "usual": {"typ": "JWT", "alg": "HS256"},
    "no type": {"alg": "HS256"},
    "other type": {"typ": "x", "alg": "HS256"},
    "HS512": {"typ": "JWT", "alg": "HS512"},
    "RS256": {"typ": "JWT", "alg": "RS256"},
    "none": {"alg": "none"},
    "None": {"alg": "None"},
    "lower case": {"alg": "hs256"},
    "no algorithm": {"typ": "JWT"},
    "null algorithm": {"alg": None},
    "a list as algorithm": {"alg": ["HS256"]},
    "an object as algorithm": {"alg": {}},
    "a number as algorithm": {"alg": 256},
    "kid": {"alg": "HS256", "kid": "a"},
    "kid of a number": {"alg": "HS256", "kid": 1},
    "kid of null": {"alg": "HS256", "kid": None},
    "crit empty": {"alg": "HS256", "crit": []},
    "crit unknown": {"alg": "HS256", "crit": ["exp"], "exp": 1},
    "crit b64": {"alg": "HS256", "crit": ["b64"], "b64": True},
    "crit missing": {"alg": "HS256", "crit": ["b64"]},
    "crit of text": {"alg": "HS256", "crit": "b64"},
    "crit of numbers": {"alg": "HS256", "crit": [1]},
    "b64 true": {"alg": "HS256", "b64": True},
    "b64 false": {"alg": "HS256", "b64": False},
    "b64 of null": {"alg": "HS256", "b64": None},
    "b64 and crit": {"alg": "HS256", "b64": False, "crit": ["b64"]},
    "embedded key": {"alg": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}, "jku": "http://x/"},
    "a list": ["HS256"],
    "null": None,
    "no JSON": b"{",
    "not UTF-8": b'{"alg": "HS256", "x": "\xff"}',
    "twice": b'{"alg": "none", "alg": "HS256"}',
    "too deep": b"[" * 100_000,
}

_GOOD = {"sub": "admin", "iss": "cornflow", "iat": NOW - 60, "exp": NOW + 3600}
_TIMES: tuple[Any, ...] = (
    NOW - 3600, NOW - 1, NOW, NOW + 1, NOW + 3600, 0, -1, 10**30,
    NOW - 0.5, NOW + 0.5, NOW + 1.5, str(NOW - 5), str(NOW + 5), f" {NOW + 5} ", "x", "", "1e99",
    True, None, [], {}, float("inf"), float("-inf"), float("nan"),
)  # fmt: skip
_TEXTS: tuple[Any, ...] = ("", "ADMIN", "é", "\ud800", 0, 7, 1.5, True, None, [], ["cornflow"], {})


def _claims() -> Iterator[tuple[str, Any]]:
    yield "usual", _GOOD
    for name in ("sub", "iss", "iat", "exp"):
        yield f"no {name}", {k: v for k, v in _GOOD.items() if k != name}
    for name, value in itertools.product(("iat", "exp", "nbf"), _TIMES):
        yield f"{name}={value!r}", {**_GOOD, name: value}
    for name, value in itertools.product(("sub", "iss", "aud", "jti"), _TEXTS):
        yield f"{name}={value!r}", {**_GOOD, name: value}
        # Which of two faults is reported: the time, or the other one.
        for exp in (NOW - 5, NOW, "x", None):
            yield f"{name}={value!r}, exp={exp!r}", {**_GOOD, name: value, "exp": exp}
    for iat, nbf, expiry in itertools.product(
        (NOW + 60, "x"), (NOW + 60, "x", None), (NOW - 5, "x")
    ):
        yield f"{iat=} {nbf=} exp={expiry!r}", {**_GOOD, "iat": iat, "nbf": nbf, "exp": expiry}
    yield "more claims", {**_GOOD, "role": "x", "extra": [1]}
    for name, raw in {
        "empty": b"",
        "empty object": b"{}",
        "a list": b"[]",
        "null": b"null",
        "text": b'"x"',
        "no JSON": b"{",
        "not UTF-8": b'{"sub": "\xff"}',
        "sub twice": json.dumps(_GOOD).replace("{", '{"sub": "planner", ', 1).encode(),
        "a large number": b'{"exp": %s}' % (b"9" * 5000),
        "too deep": b'{"x":' * 100_000,
        "with a mark": b"\xef\xbb\xbf" + json.dumps(_GOOD).encode(),
    }.items():
        yield f"raw: {name}", raw


CLAIMS = dict(_claims())


def _segment(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _part(value: Any) -> str:
    return _segment(value if isinstance(value, bytes) else json.dumps(value).encode())


def _signature(signed: str, secret: str = SECRET, digest: str = "sha256") -> str:
    return _segment(hmac.new(secret.encode(), signed.encode(), digest).digest())


def _last_letter_moved(text: str) -> str:
    """The same bytes in another spelling: the last letter of 32 bytes has two bits to spare."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + letters[letters.index(text[-1]) ^ 1]


SIGNED: dict[str, Callable[[str], str]] = {
    "right": _signature,
    "other secret": lambda s: _signature(s, OTHER_SECRET),
    "other digest": lambda s: _signature(s, digest="sha512"),
    "none": lambda s: "",
    "rubbish": lambda s: "AAAA",
    "cut": lambda s: _signature(s)[:-1],
    "padded": lambda s: _signature(s) + "=",
    "padded too much": lambda s: _signature(s) + "===",
    "longer": lambda s: _signature(s) + "A",
    "junk after": lambda s: _signature(s) + "!!!!",
    "a line end after": lambda s: _signature(s) + "\n",
    "another spelling": lambda s: _last_letter_moved(_signature(s)),
    "other alphabet": lambda s: _signature(s).replace("-", "+").replace("_", "/"),
    "a part after": lambda s: _signature(s) + ".x",
}
WHOLE = {
    "empty": "", "dots": "...", "two dots": "..", "one part": "a", "two parts": "a.b",
    "three parts": "a.b.c", "four parts": "a.b.c.d", "null": "null", "letters": "é.ü.ñ",
    "NUL": "\x00", "long": "a" * 10_000, "many dots": "." * 10_000,
}  # fmt: skip


def _tokens() -> Iterator[tuple[str, str]]:
    """Every header, and every set of claims, with every signature; and what is no token at all."""
    pairs = {(header, "usual") for header in HEADERS} | {("usual", claims) for claims in CLAIMS}
    some = [name for name in CLAIMS if name.startswith(("exp=", "no ", "raw"))]
    pairs |= set(itertools.product(("no type", "HS512", "crit b64", "b64 true", "twice"), some))
    for (header, claims), (state, sign) in itertools.product(sorted(pairs), SIGNED.items()):
        signed = f"{_part(HEADERS[header])}.{_part(CLAIMS[claims])}"
        yield f"header {header} | {claims} | signature {state}", f"{signed}.{sign(signed)}"
    # An unencoded payload, signed as RFC 7797 asks for.
    for header in ("b64 and crit", "b64 false"):
        signed = f"{_part(HEADERS[header])}.{json.dumps(_GOOD)}"
        yield f"unencoded, {header}", f"{signed}.{_signature(signed)}"
        detached = _signature(signed)
        yield f"detached, {header}", f"{_part(HEADERS[header])}..{detached}"
    yield from ((f"whole: {name}", token) for name, token in WHOLE.items())


TOKENS = dict(_tokens())


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both look at one clock: a second that ends between them is no difference."""
    from datetime import datetime

    class Frozen(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.fromtimestamp(NOW, tz)

    import jwt.api_jwt

    monkeypatch.setattr(jwt.api_jwt, "datetime", Frozen)
    monkeypatch.setattr("time.time", lambda: float(NOW))


@pytest.fixture
def legacy() -> Iterator[flask.Flask]:
    app = flask.Flask(__name__)
    app.logger.disabled = True
    app.config.update(SECRET_TOKEN_KEY=SECRET, AUTH_TYPE=1)
    with app.app_context():
        yield app


def _legacy_outcome(token: str) -> Any:
    try:
        return repr(authentication.Auth.decode_token(token))
    except legacy_errors.InvalidCredentials as error:
        return error.status_code, error.error


def _request(headers: list[tuple[bytes, bytes]] | None = None, openid: Any = None) -> Request:
    state = SimpleNamespace(openid=openid, settings=SimpleNamespace(secret_key=SECRET))
    app = SimpleNamespace(state=state)
    return Request({"type": "http", "headers": headers or [], "app": app})


def _port_outcome(token: str, openid: Any = None) -> Any:
    try:
        return repr(asyncio.run(claims_of(token, _request(openid=openid))))
    except CornflowError as error:
        return error.status, error.error


def _differences(tokens: dict[str, str]) -> dict[str, tuple[Any, Any]]:
    pairs = {name: (_legacy_outcome(token), _port_outcome(token)) for name, token in tokens.items()}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


@pytest.mark.usefixtures("frozen", "legacy")
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_every_token_means_the_same() -> None:
    different = _differences(TOKENS)
    assert not different, f"{len(different)} of {len(TOKENS)}: {dict(list(different.items())[:9])}"


@pytest.mark.usefixtures("frozen", "legacy")
def test_the_variants_reach_every_outcome() -> None:
    assert len(TOKENS) > 5000
    outcomes = Counter(_legacy_outcome(token) for token in TOKENS.values())
    assert outcomes[(400, "The token has expired, please login again")] > 100
    assert outcomes[(400, INVALID)] > 1000
    assert sum(n for outcome, n in outcomes.items() if isinstance(outcome, str)) > 100


FAULTS = {
    "exp == now is good": {"verify_exp": False},
    "iat may lie in the future": {"verify_iat": False},
    "nbf may lie in the future": {"verify_nbf": False},
    "any audience": {"verify_aud": False},
    "a subject of any type": {"verify_sub": False},
    "an identifier of any type": {"verify_jti": False},
}


@pytest.mark.usefixtures("frozen", "legacy")
@pytest.mark.parametrize("options", FAULTS.values(), ids=FAULTS.keys())
def test_a_planted_fault_is_noticed(
    options: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = security.verified_claims
    monkeypatch.setattr(
        security, "verified_claims", lambda *given: right(*given, options=dict(options))
    )
    assert _differences({n: t for n, t in TOKENS.items() if "signature right" in n})


@pytest.mark.usefixtures("frozen", "legacy")
def test_the_usual_order_of_faults_is_noticed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """As another library did it: everything else first, then whether the token has expired."""
    right = security.verified_claims

    def late(*given: Any) -> dict[str, Any]:
        claims = right(*given, options={"verify_exp": False})
        return claims and right(*given)

    monkeypatch.setattr(security, "verified_claims", late)
    assert _differences({n: t for n, t in TOKENS.items() if "signature right" in n})


WRITTEN = [
    None, "", " ", "Bearer", "Bearer ", "Bearer  {}", "Bearer {}", "Bearer {} ", "Bearer {} more",
    "Bearer {}\tmore", "Bearer\t{}", " Bearer {}", "bearer {}", "BEARER {}", "Token {}", "{}",
    "Basic {}", "Bearer,{}", "Bearer {},Bearer {}", "Bearer {}, Bearer {}", "Bearer \xa0{}",
    "Bearer {}\xa0", "Bearer \"{}\"",
]  # fmt: skip


@pytest.mark.usefixtures("legacy")
@pytest.mark.parametrize("written", WRITTEN)
def test_the_header_is_read_alike(written: str | None) -> None:
    text = None if written is None else written.replace("{}", "a.b.c")
    sent = {} if text is None else {"Authorization": text}
    raw = [(b"authorization", text.encode("latin-1"))] if text is not None else []
    try:
        expected = authentication.Auth().get_token_from_header(Headers(sent))
    except legacy_errors.InvalidCredentials as error:
        expected = (error.status_code, error.error)
    try:
        outcome: Any = bearer_token(_request(raw))
    except CornflowError as error:
        outcome = (error.status, error.error)
    assert outcome == expected


ISSUER = "https://issuer.example"


def _rsa_tokens(key: Any) -> Iterator[tuple[str, str]]:
    good = {**_GOOD, "iss": ISSUER, "aud": "us"}
    claims = {name: value for name, value in CLAIMS.items() if isinstance(value, dict)}
    for name, value in claims.items():
        changed = {k: v for k, v in value.items() if v != _GOOD.get(k)}
        lacking = _GOOD.keys() - value.keys()
        kept = {k: v for k, v in good.items() if k not in lacking}
        yield name, _rsa_signed(key, {"alg": "RS256", "kid": "a"}, {**kept, **changed})
    for aud in (["us"], ["x", "us"], ["x"], [], [1, "us"], "x", None, {"us": 1}):
        yield f"{aud=}", _rsa_signed(key, {"alg": "RS256", "kid": "a"}, {**good, "aud": aud})
    for name, header in HEADERS.items():
        if isinstance(header, dict):
            for alg in ("RS256", header.get("alg")):
                head = {"kid": "a", **header, "alg": alg}
                yield f"header {name}, {alg=}", _rsa_signed(key, head, good)
    yield "no kid", _rsa_signed(key, {"alg": "RS256"}, good)


def _rsa_signed(key: Any, header: Any, claims: Any) -> str:
    signed = f"{_part(header)}.{_part(claims)}"
    signature = key.sign(signed.encode(), PKCS1v15(), SHA256())
    return f"{signed}.{_segment(signature)}"


@pytest.mark.usefixtures("frozen")
def test_tokens_of_a_provider_mean_the_same(
    legacy: flask.Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = generate_private_key(65537, 2048)
    described = {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "a"}
    settings = Settings(OID_PROVIDER=ISSUER, OID_EXPECTED_AUDIENCE="us", AUTH_TYPE=0)
    legacy.config.update(AUTH_TYPE=0, OID_PROVIDER=ISSUER, OID_EXPECTED_AUDIENCE="us")
    legacy.config.update(OID_PROVIDER_TYPE=2)
    known = {"a": RSAAlgorithm.from_jwk(described)}
    monkeypatch.setitem(auth_module.public_keys_cache, ISSUER, known)
    monkeypatch.setattr(auth_module.Auth, "get_public_keys", lambda *_: known)

    async def fetched(_: OpenIdProvider) -> dict[str, Any]:
        return usable_keys({"keys": [described]})

    monkeypatch.setattr(OpenIdProvider, "_fetch", fetched)
    provider = OpenIdProvider(settings, httpx.AsyncClient())
    tokens = dict(_rsa_tokens(key))
    tokens |= {f"ours: {n}": t for n, t in TOKENS.items() if "header usual" in n and "right" in n}
    different = {
        name: (ours, theirs)
        for name, token in tokens.items()
        if (ours := _legacy_outcome(token)) != (theirs := _port_outcome(token, provider))
    }
    assert not different
    assert sum(isinstance(_legacy_outcome(token), str) for token in tokens.values()) > 50
