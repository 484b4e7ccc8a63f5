"""How much memory a replay takes: a synthetic capture, read, ordered, rewritten, compared, resumable.

    python -m benchmarks.capture_memory --exchanges 1000000

Everything of `parity replay` is real but the two stacks: stand-ins answer from memory, with ids and
tokens of their own, so that what is measured is the replay. Exits 1 above the limit.
"""

import argparse
import hashlib
import json
import re
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from parity_core.capture.fingerprint import FingerprintKey
from parity_core.capture.record import Body, Recorded, header_line, to_line
from parity_core.compare.tokens import mint
from parity_core.files import rules_toml
from parity_core.model import Reply, Request, Side
from parity_tests import config as configuration
from parity_tests.capture import read, settings
from parity_tests.capture.options import ReplayOptions
from parity_tests.capture.schedule import Order
from parity_tests.capture.session import CaptureReplay, bounded
from parity_tests.capture.state import State
from parity_tests.capture.tally import ReplayTally
from parity_tests.journeys.model import Profile
from parity_tests.operations import Census, CensusMatcher
from parity_tests.report.results import Report
from parity_tests.stage.stage import Stage

LIMIT = 300
"""Megabytes."""
_OPERATIONS = (
    "POST /login/", "GET /instance/", "POST /instance/", "GET /instance/<string:idx>/",
    "PUT /instance/<string:idx>/", "GET /case/<int:idx>/", "POST /case/",
)  # fmt: skip
_AT = 1_800_000_000.0
_USERS = 2000
_KEY = FingerprintKey(b"a key of the benchmark")


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat("T", "microseconds")


def _instance(idx: str, number: int, now: float) -> dict[str, Any]:
    at = _moment(now)
    return {"id": idx, "name": f"instance {number}", "schema": "anything", "description": None,
            "created_at": at, "updated_at": at, "data_hash": "x" * 20}  # fmt: skip


def exchanges(count: int) -> Iterator[Recorded]:
    """Sessions of many users: log in, create, read, change, read again; a tenth creates."""
    made = number = 0
    last: dict[int, str] = {}
    while number < count:
        user = number % _USERS if number >= _USERS else number
        kind = (
            "login"
            if number < _USERS
            else ("post", "case", "get", "get", "list", "put")[(number // _USERS - 1) % 6]
        )
        name, print_ = f"user{user}", _KEY.subject(f"user{user}")
        method, target, status = "GET", "/instance/", 200
        asked: Any = None
        answered: Any = None
        if kind == "login":
            method, target = "POST", "/login/"
            asked = {"username": name, "password": "<masked>"}
            answered = {"token": f"<token {print_}>", "id": user}
        elif kind == "post":
            made += 1
            last[user] = hashlib.sha1(f"recorded {made}".encode()).hexdigest()
            method, status = "POST", 201
            asked = {"name": f"instance {made}", "schema": "anything", "data": {"a": made}}
            answered = _instance(last[user], made, _AT)
        elif kind == "case":
            made += 1
            method, target, status = "POST", "/case/", 201
            asked = {"name": f"instance {made}", "schema": "anything"}
            answered = _instance("", made, _AT) | {"id": made}
        elif kind == "get":
            target = f"/instance/{last[user]}/"
            answered = _instance(last[user], 0, _AT)
        elif kind == "put":
            method, target, asked = "PUT", f"/instance/{last[user]}/", {"name": "other"}
            answered = {"message": "Updated correctly"}
        else:
            answered = []
        number += 1
        yield Recorded(
            at=_AT + number / 1000, took=0.001, method=method, target=target,
            request_headers=(("content-type", "application/json"), ("user-agent", "benchmark")),
            request_body=Body(json.dumps(asked).encode() if asked is not None else b""),
            status=status, reply_headers=(("content-type", "application/json"),),
            reply_body=Body(json.dumps(answered).encode()),
            user=None if kind == "login" else print_, scheme="" if kind == "login" else "bearer",
            sender="u-0000000000000000",
        )  # fmt: skip


def write(folder: Path, count: int, per_file: int = 100_000) -> int:
    """Bytes."""
    size, file = 0, None
    for number, one in enumerate(exchanges(count)):
        if number % per_file == 0:
            if file is not None:
                file.close()
            file = (folder / f"capture-{number:09}.jsonl").open("w")
            file.write(header_line(started=one.at))
        assert file is not None
        size += file.write(to_line(one))
    assert file is not None
    file.close()
    return size


@dataclass
class _Origin:
    origin: str

    def check(self) -> None: ...


@dataclass
class StandIn:
    """A stack in memory: forgets what it made, answers what it must have made."""

    side: Side
    secret: str
    known: dict[str, Any] = field(default_factory=dict)
    reader: None = None
    url: str = ""
    made: int = 0
    posts: int = 0
    unknown: int = 0
    """Requests with an id that is not this stack's."""

    def __post_init__(self) -> None:
        self.stack = _Origin(f"http://{self.side}")
        self._mark = self.side.value[0] * 4

    def send(self, request: Request) -> Reply:
        path = request.path
        document = json.loads(request.body or b"null")
        token = dict(request.headers).get("Authorization", "")
        if path != "/login/" and not token.startswith("Bearer ey"):
            self.unknown += 1
        status = 200
        body: Any = None
        if path == "/login/":
            claims = {"sub": document["username"], "iat": 0, "exp": 3600}
            body = {"token": mint(claims, self.secret, int(time.time())), "id": 1}
        elif request.method == "POST":
            self.posts += 1
            status = 201
            idx: Any = (
                self._mark + hashlib.sha1(f"{self.side}{self.posts}".encode()).hexdigest()[4:]
            )
            if path == "/case/":
                idx = self.posts + (7 if self.side is Side.PORTED else 3)
            body = _instance(idx, self.posts, time.time())
        elif request.method == "PUT":
            body = {"message": "Updated correctly"}
        elif path == "/instance/":
            body = []
        else:
            idx = path.split("/")[2]
            self.unknown += not idx.startswith(self._mark)
            body = _instance(idx, 0, _AT)
        raw = json.dumps(body).encode()
        return Reply(status, (("content-type", "application/json"),), raw)

    def effects(self) -> dict[str, list[Any]]:
        return {}

    def forget(self) -> None: ...

    def close(self) -> None: ...


class _Quiet:
    def __init__(self, every: float) -> None:
        self._every = every
        self._begun = self._said = time.monotonic()
        self.count = 0

    def message(self, text: str) -> None: ...

    def pair(self, pair: object, findings: object) -> None:
        self.count += 1
        if self._every and time.monotonic() - self._said > self._every:
            self._said = time.monotonic()
            rate = self.count / (self._said - self._begun)
            click.echo(
                f"{self.count:>9} exchanges, {rate:6.0f}/s, {rss():6.1f} MB now, {peak():6.1f} MB at most",
            )

    def journey(self, *_: object) -> None: ...
    def journey_done(self, *_: object) -> None: ...


def rss() -> float:
    """Megabytes in memory now."""
    match = re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(match[1]) / 1024 if match else 0.0


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def replay(folder: Path, scratch: Path, parallel: int, every: float = 0.0) -> dict[str, Any]:
    """Replays a folder against stand-ins; what was seen and measured."""
    config = configuration.load(configuration.DEFAULT)
    options = ReplayOptions((folder,), parallel=parallel, order=Order.RECORDED)
    census = Census(_OPERATIONS)
    report = Report("synthetic", "none", census)
    tally, state = ReplayTally(report), State(None, scratch, False)
    worlds = tuple(StandIn(side, config.environment["SECRET_KEY"]) for side in Side)
    stage = Stage(config, Profile(), *worlds)  # type: ignore[arg-type]
    quiet = _Quiet(every)
    play = CaptureReplay(
        config, options, quiet, stage, state, tally, CensusMatcher(census.operations),
        settings.load(config), [], bounded(rules_toml.load(config.rules, "none")), _KEY,
    )  # fmt: skip
    begun = time.monotonic()
    play.run(read.open_capture([folder]))
    seconds = time.monotonic() - begun
    for finding in report.differences[:3]:
        click.echo(f"{finding.pair.operation.label} {finding.difference}", err=True)
    summary = {
        "exchanges": report.exchanges,
        "differences": sum(one.differences for one in report.operations.values()),
        "drift": tally.drift.total(),
        "skipped": tally.skipped.total(),
        "foreign_ids": sum(world.unknown for world in worlds),
        "ids_known": len(play.ids),
        "seconds": round(seconds, 1),
        "per_second": round(report.exchanges / seconds),
        "rss_mb": round(rss(), 1),
        "peak_mb": round(peak(), 1),
    }
    stage.close()
    state.close()
    return summary


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--exchanges", type=int, default=1_000_000)
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--limit", type=int, default=LIMIT, help="megabytes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="capture-") as name:
        folder, scratch = Path(name, "capture"), Path(name, "scratch")
        folder.mkdir()
        scratch.mkdir()
        size = write(folder, options.exchanges)
        click.echo(f"wrote {options.exchanges} exchanges, {size / 1e6:.0f} MB")
        summary = replay(folder, scratch, options.parallel, every=15.0)
    click.echo(json.dumps(summary, indent=2))
    good = (
        summary["exchanges"] == options.exchanges
        and not summary["differences"]
        and not summary["foreign_ids"]
        and summary["peak_mb"] < options.limit
    )
    click.echo("within the limit" if good else f"NOT as it should be (limit {options.limit} MB)")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
