"""How often a comparison sees a difference that is none, on a busy machine.

    python -m benchmarks.false_alarms --exchanges 5000 --seeds 1 2 3 --loops 4

Plays fuzz sequences of each seed, on SQLite and PostgreSQL, beside so many busy loops: the legacy against a
second legacy (every difference is a false alarm), and the port against the legacy (every difference is
one, or a fault of the port: its shortest sequence is printed). Exit code 0 when there is none.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click

from parity_core.model import ParityError
from parity_tests import config as configuration
from parity_tests.config import Config
from parity_tests.fuzz.report import FuzzFinding, FuzzReport
from parity_tests.fuzz.session import FuzzOptions
from parity_tests.fuzz.use_case import fuzz
from parity_tests.report.save import save

_SPIN = "while True: pass"
_NOBODY = "no-such-file.toml"


@dataclass
class Trial:
    against: str
    database: str
    seed: int
    loops: int
    exchanges: int
    differences: int
    """Kinds that were shown again by a fresh replay."""
    once: int
    """Kinds that were seen once and not again: the run then says that it could not tell."""
    silent: int
    """Requests without a reply that had one when they were played again."""
    seconds: float
    error: str = ""


class Progress:
    def message(self, text: str) -> None: ...

    def exchange(self, report: FuzzReport) -> None: ...

    def finding(self, fuzz_finding: FuzzFinding) -> None:
        word = "again" if fuzz_finding.reproduced else "once"
        click.echo(f"    {fuzz_finding.key} ({word})\n{fuzz_finding.text}")


@contextmanager
def busy(loops: int) -> Iterator[None]:
    running = [subprocess.Popen([sys.executable, "-c", _SPIN]) for _ in range(loops)]
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


def twins(config: Config, folder: Path) -> Config:
    """The legacy in the port's place; what is accepted of the port says nothing there."""
    text = config.fuzz.read_text(encoding="utf-8")
    documents = tomllib.loads(text)["documents"]
    if "ported" in documents:
        # the second legacy describes itself where the first one does
        names = json.dumps(documents["ported"]), json.dumps(documents["legacy"])
        text = text.replace(f"ported = {names[0]}", f"ported = {names[1]}", 1)
    fuzz_file = folder / "twins.toml"
    fuzz_file.write_text(text, encoding="utf-8")
    return replace(
        config,
        ported=config.legacy,
        waivers=config.path.parent / _NOBODY,
        fuzz=fuzz_file,
    )


def trial(
    config: Config, against: str, database: str, seed: int, exchanges: int, loops: int
) -> Trial:
    begun = time.monotonic()
    folder = tempfile.TemporaryDirectory()
    chosen = twins(config, Path(folder.name)) if against == "legacy" else config
    result = Trial(against, database, seed, loops, 0, 0, 0, 0, 0.0)
    try:
        report = fuzz(chosen, FuzzOptions(seed, exchanges=exchanges, database=database), Progress())
    except ParityError as error:
        result.error = str(error).splitlines()[0]
    else:
        again = sum(finding.reproduced for finding in report.findings.values())
        result.exchanges = report.exchanges
        result.differences, result.once = again, len(report.findings) - again
        result.silent = sum("no reply, once" in note for note in report.notes)
    folder.cleanup()
    result.seconds = round(time.monotonic() - begun, 1)
    return result


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--config", type=Path, default=configuration.DEFAULT)
    parser.add_argument("--exchanges", type=int, default=5000, help="of each trial")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument(
        "--against", nargs="+", choices=["legacy", "port"], default=["legacy", "port"]
    )
    parser.add_argument("--loops", type=int, default=4, help="busy loops beside it")
    parser.add_argument("--seconds", type=float, help="start no further trial after so long")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    config = configuration.load(options.config)
    begun = time.monotonic()
    trials: list[Trial] = []
    with busy(options.loops):
        for seed in options.seeds:
            for database in options.databases:
                for against in options.against:
                    if options.seconds and time.monotonic() - begun > options.seconds:
                        continue
                    one = trial(config, against, database, seed, options.exchanges, options.loops)
                    trials.append(one)
                    click.echo(json.dumps(asdict(one)))
                    if options.json:
                        save(options.json, json.dumps([asdict(t) for t in trials], indent=1))
    exchanges = sum(one.exchanges for one in trials)
    wrong = sum(one.differences + one.once for one in trials)
    broken = sum(bool(one.error) for one in trials)
    click.echo(
        f"{exchanges} exchanges in {len(trials)} trials: {wrong} differences, {broken} trials broke"
    )
    return 2 if broken or not trials else int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
