"""One table of addresses for the port, the bridge and the legacy in process: what each driver is told.

`address.py` is twice in the tree, since the port and the bridge share no code; here the two are kept alike.
"""

import ssl
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import create_engine as sync_engine
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from cornflow_f.config import database_url_from_environment
from cornflow_f.database import address as of_port
from cornflow_f.database.engine import DatabaseUrlError, create_engine, display_url
from legacy_bridge.database import address as of_bridge
from legacy_bridge.database.connection import Database, StoreError
from tests.packages.projects import ROOT

PASSWORD = "p@ss:w/0rd%#é"
WRITTEN = "p%40ss%3Aw%2F0rd%25%23%C3%A9"


@pytest.fixture(params=[of_port, of_bridge], ids=["port", "bridge"])
def reader(request: pytest.FixtureRequest) -> ModuleType:
    module: ModuleType = request.param
    return module


def asyncpg_is_told(reader: ModuleType, text: str) -> dict[str, Any]:
    url, arguments = reader.driver_arguments(reader.read(text))
    dialect: Any = create_async_engine(url).dialect
    _, told = dialect.create_connect_args(url)
    return {name: value for name, value in (told | arguments).items() if value is not None}


def psycopg2_is_told(reader: ModuleType, text: str) -> dict[str, Any]:
    url = make_url(reader.libpq_address(reader.read(text)))
    dialect: Any = sync_engine(url.set(drivername="postgresql+psycopg2")).dialect
    _, told = dialect.create_connect_args(url)
    return {name: str(value) for name, value in told.items()}


def test_both_readers_are_the_same() -> None:
    texts = [
        (ROOT / package / "database" / "address.py").read_text()
        for package in ("cornflow_f", "legacy_bridge")
    ]
    assert texts[0] == texts[1], "copy the changed one over the other"


ONE = {"host": "db", "port": 5433, "user": "ana", "password": "x", "database": "cf"}
TABLE: Mapping[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "as a cloud writes it": ("postgres://ana:x@db:5433/cf", {}, {}),
    "with a driver": ("postgresql+psycopg2://ana:x@db:5433/cf", {}, {}),
    "all in parameters": ("postgresql:///?host=db&port=5433&user=ana&password=x&dbname=cf", {}, {}),
    "connect_timeout": (
        "postgresql://ana:x@db:5433/cf?connect_timeout=7",
        {"timeout": 7.0},
        {"connect_timeout": "7"},
    ),
    "application_name": (
        "postgresql://ana:x@db:5433/cf?application_name=a%20b",
        {"server_settings": {"application_name": "a b"}},
        {"application_name": "a b"},
    ),
    "options": (
        "postgresql://ana:x@db:5433/cf?options=-c%20statement_timeout%3D5s&application_name=z",
        {"server_settings": {"options": "-c statement_timeout=5s", "application_name": "z"}},
        {"options": "-c statement_timeout=5s", "application_name": "z"},
    ),
    "sslmode": (
        "postgresql://ana:x@db:5433/cf?sslmode=require",
        {"ssl": "require"},
        {"sslmode": "require"},
    ),
    "ssl, as asyncpg has it": (
        "postgresql://ana:x@db:5433/cf?ssl=true",
        {"ssl": "require"},
        {"sslmode": "require"},
    ),
    "target": (
        "postgresql://ana:x@db:5433/cf?target_session_attrs=read-write&gssencmode=disable",
        {"target_session_attrs": "read-write"},
        {"target_session_attrs": "read-write", "gssencmode": "disable"},
    ),
    "pgbouncer": (
        "postgresql://ana:x@db:5433/cf?pgbouncer=true",
        {
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": of_port._no_name,
        },
        {},
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_each_driver_is_told_what_it_understands(reader: ModuleType, case: str) -> None:
    text, asyncpg, psycopg2 = TABLE[case]
    told = asyncpg_is_told(reader, text)
    if function := told.get("prepared_statement_name_func"):
        assert function() == ""
        told["prepared_statement_name_func"] = of_port._no_name
    assert told == ONE | asyncpg
    legacy = psycopg2_is_told(reader, text)
    expected = {**ONE, **psycopg2}
    expected["dbname"] = expected.pop("database")
    assert legacy == {name: str(value) for name, value in expected.items()}


@pytest.mark.parametrize("password", ["p@ss:w/0rd%#é", WRITTEN], ids=["as it is", "escaped"])
def test_a_password_may_hold_anything(reader: ModuleType, password: str) -> None:
    text = f"postgresql://ana:{password}@db/cf"
    assert asyncpg_is_told(reader, text)["password"] == PASSWORD
    assert psycopg2_is_told(reader, text)["password"] == PASSWORD
    assert asyncpg_is_told(reader, text)["host"] == "db"


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://ana@one:1,two:2/cf",
        "postgresql://ana@/cf?host=one:1&host=two:2",
        "postgresql://ana@/cf?host=one,two&port=1,2",
    ],
)
def test_several_hosts(reader: ModuleType, text: str) -> None:
    told = asyncpg_is_told(reader, text)
    assert (told["host"], told["port"]) == (["one", "two"], [1, 2])
    legacy = psycopg2_is_told(reader, text)
    assert (legacy["host"], legacy["port"]) == ("one,two", "1,2")


def test_a_socket_and_an_address_of_version_6(reader: ModuleType) -> None:
    told = asyncpg_is_told(reader, "postgresql://postgres:@/cf?host=/run/my%20pg")
    assert (told["host"], told["port"], told["user"]) == (["/run/my pg"], [5432], "postgres")
    assert psycopg2_is_told(reader, "postgresql://%2Frun%2Fpg/cf")["host"] == "/run/pg"
    told = asyncpg_is_told(reader, "postgresql://ana@[::1]:5433/cf")
    assert (told["host"], told["port"]) == ("::1", 5433)


def test_certificates_are_checked_by_asyncpg_and_by_libpq(
    reader: ModuleType, tmp_path: Path
) -> None:
    root = tmp_path / "root.crt"
    root.write_text("")
    text = f"postgresql://ana@db/cf?sslmode=verify-full&sslrootcert={root}"
    told = asyncpg_is_told(reader, text)
    assert told["dsn"].startswith("postgresql:///?sslmode=verify-full&sslrootcert=")
    assert psycopg2_is_told(reader, text)["sslrootcert"] == str(root)
    told = asyncpg_is_told(reader, "postgresql://db/cf?sslmode=verify-full&sslrootcert=system")
    assert told["ssl"].verify_mode is ssl.CERT_REQUIRED
    assert told["ssl"].check_hostname


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense", "can't be read"),
        ("mysql://ana:hunter2@db/cf", "starts with 'mysql://'"),
        ("postgresql://ana:hunter2?x@db/cf", "write it as %3F"),
        ("postgresql://ana:hunter2@db:99999/cf", "no number from 1 to 65535"),
        ("postgresql://ana:hunter2@a,b:1/cf?port=1,2,3", "3 ports for 2 hosts"),
        ("postgresql://ana:hunter2@db/cf?keepalives=1", "'keepalives'"),
        ("postgresql://ana:hunter2@db/cf?channel_binding=require", "'channel_binding'"),
        ("postgresql://ana:hunter2@db/cf?sslrootcert=/missing.crt", "sslrootcert=/missing.crt"),
        ("postgresql://ana:hunter2@db/cf?connect_timeout=soon", "a number of seconds"),
        ("postgresql://ana:hunter2@db/cf?pgbouncer=perhaps", "true or false"),
    ],
)
def test_what_cant_be_done_is_named_without_the_password(text: str, words: str) -> None:
    with pytest.raises(DatabaseUrlError) as of_the_port:
        create_engine(text)
    with pytest.raises(StoreError) as of_the_bridge:
        Database(text)
    for error in (of_the_port, of_the_bridge):
        assert words in str(error.value)
        assert "hunter2" not in str(error.value)


def test_no_password_is_shown() -> None:
    text = "postgres://ana:hunter2@a:1,b/cf?sslpassword=hunter3&application_name=x"
    assert display_url(text) == "postgresql://ana:***@a:1,b/cf?application_name=x"
    assert "hunter" not in repr(of_port.read(text))


def test_parts_make_an_address_whatever_the_password_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEFAULT_POSTGRES", "1")
    monkeypatch.setenv("CORNFLOW_DB_PASSWORD", f"{PASSWORD}?")
    monkeypatch.setenv("CORNFLOW_DB_HOST", "db")
    told = asyncpg_is_told(of_port, database_url_from_environment())
    assert (told["password"], told["host"], told["port"]) == (f"{PASSWORD}?", "db", 5432)
