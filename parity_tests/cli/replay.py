"""`parity replay`: recorded traffic, sent again to both stacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from parity_tests import config as configuration
from parity_tests.capture import session
from parity_tests.capture.options import ReplayOptions
from parity_tests.capture.schedule import Order
from parity_tests.cli.frame import configured, console, guarded, pairs_of
from parity_tests.journeys.model import Profile
from parity_tests.report import outputs, terminal
from parity_tests.report.exit_code import Exit

_PATH = click.Path(path_type=Path)


@click.command("replay")
@configured
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...", type=_PATH)
@click.option(
    "--database", default="sqlite", show_default=True, metavar="KIND", help="As for `run`."
)
@click.option(
    "--seed",
    metavar="URL",
    help="Start both stacks from copies of this database, instead of the configuration's seed.",
)
@click.option(
    "--user",
    "users",
    multiple=True,
    callback=pairs_of,
    metavar="WHO=NAME",
    help="The recorded user WHO (a fingerprint u-…, or the name they had) is NAME here. May be repeated.",
)
@click.option("--as", "everybody", metavar="NAME", help="Who all other recorded users are here.")
@click.option(
    "--parallel",
    default=1,
    show_default=True,
    type=click.IntRange(1, 64),
    metavar="N",
    help="Exchanges at a time. Rows are compared for each exchange only with 1.",
)
@click.option(
    "--order",
    type=click.Choice([order.value for order in Order]),
    default=Order.RECORDED.value,
    show_default=True,
    help="With --parallel: `recorded` lets only reads run side by side; `user` keeps each user's own "
    "order, so that writes of several users race as they did.",
)
@click.option("--no-rows", is_flag=True, help="Compare replies only: faster, for long captures.")
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Remember how far it got: after Ctrl-C or a kill the same command goes on from there.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N exchanges.")
@click.option(
    "--setting",
    "settings",
    multiple=True,
    callback=pairs_of,
    metavar="NAME=VALUE",
    help="Environment of both stacks, as a journey's `settings`. May be repeated.",
)
@click.option("--service", "services", multiple=True, metavar="NAME", help="As a journey's.")
@click.option(
    "--max-drift",
    default=0.1,
    show_default=True,
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="How many replies of the legacy may have another status than recorded before the replay "
    "counts for nothing (exit code 2).",
)
@outputs.options
@click.option("--keep", is_flag=True, help="Keep databases and logs, and say where.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first pair that differs.")
@click.option("--legacy", metavar="URL", help="A legacy that runs already; needs --ported.")
@click.option("--ported", metavar="URL", help="A port that runs already; needs --legacy.")
@click.option("--legacy-db", metavar="URL", help="Its database, to compare rows.")
@click.option("--ported-db", metavar="URL", help="Its database, to compare rows.")
@click.option("-v", "--verbose", is_flag=True, help="A line per exchange.")
def command(
    config_path: Path,
    overrides: dict[str, str],
    captures: tuple[Path, ...],
    no_rows: bool,
    order: str,
    settings: dict[str, str],
    services: tuple[str, ...],
    verbose: bool,
    **options: Any,
) -> None:
    """Send recorded traffic to both stacks and compare, as `run` does with journeys.

    CAPTURE is a folder that `cutover serve --capture` or `parity capture import` filled, or files of
    it. Recorded users become users of the configuration, with tokens of their own; ids that were
    generated then are replaced by those that each stack generates now.

    \b
    parity replay capture/                             from the configuration's seed
    parity replay capture/ --seed sqlite:////backups/before.db --as admin
    parity replay capture/ --user u-3fa9c1d0aa12bc34=planner
    parity replay capture/ --parallel 8 --no-rows --state replay.state

    \b
    Exit codes: 0 same, 1 different, 2 could not run (also: interrupted, or not what was recorded).
    """  # fmt: skip
    if bool(options["legacy"]) != bool(options["ported"]):
        raise click.UsageError("--legacy and --ported go together")
    files, earlier = outputs.chosen(options), options.pop("since_file")
    profile = Profile(tuple(sorted(settings.items())), tuple(sorted(services)))

    def work() -> Exit:
        screen = console()
        since = outputs.observed_before(earlier if earlier and earlier.exists() else None)
        config = configuration.load(config_path, overrides)
        wanted = ReplayOptions(
            captures, order=Order(order), rows=not no_rows, profile=profile, **options
        )
        with terminal.TerminalProgress(screen, verbose) as progress:
            result = session.replay(config, wanted, progress)
        result.since = since
        outputs.deliver(result, files, lambda: terminal.render(result, screen, verbose))
        return result.exit

    guarded(work)
