"""The options of `cutover serve` that record traffic. An option that is not given leaves its variable."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_OPTIONS = (
    click.option(
        "--capture",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Record the traffic, without secrets, in this folder, for `parity replay`.",
    ),
    click.option(
        "--capture-sample",
        type=click.FloatRange(0, 1, min_open=True),
        metavar="SHARE",
        help="The share of users who are recorded, each with all their requests. All.",
    ),
    click.option(
        "--capture-mask",
        metavar="NAME,…",
        help="Further secrets: fields of bodies, query parameters, headers.",
    ),
    click.option(
        "--capture-max-body",
        type=click.IntRange(0),
        metavar="BYTES",
        help="Of a longer body only length and hash are kept. 1 MiB.",
    ),
    click.option(
        "--capture-max-files",
        type=click.IntRange(1),
        metavar="N",
        help="The oldest files beyond so many are removed. 100.",
    ),
    click.option(
        "--capture-file-size",
        type=click.IntRange(1024),
        metavar="BYTES",
        help="A file this long is followed by another. 64 MiB.",
    ),
    click.option("--capture-gzip/--no-capture-gzip", default=None, help="Compress the files."),
)


def capture_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
