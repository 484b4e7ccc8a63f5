"""`cutover watch`: the cutover in a terminal, live, and as lines of JSON for programs."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import click
from rich.console import Console
from rich.live import Live

from legacy_bridge import assembly
from legacy_bridge.cli.shared import console, fail, or_exit
from legacy_bridge.cli.watch_view import draw
from legacy_bridge.control.dashboard.progress import overview_of
from legacy_bridge.control.overview import change_as_json
from legacy_bridge.evidence.recorder import Recorder
from legacy_bridge.evidence.warden import Warden
from legacy_bridge.modes.ownership import Ownership
from legacy_bridge.modes.store import StoreError
from legacy_bridge.settings import load_settings

_HISTORY = 8


@click.command()
@click.argument("pattern", required=False, default="")
@click.option(
    "--interval",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.2),
    help="Seconds between two looks.",
)
@click.option("--once", is_flag=True, help="Look once and end.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each look.")
def watch(pattern: str, interval: float, once: bool, as_json: bool) -> None:
    """Follow the cutover until Ctrl-C: progress, ramps, what is on trial, what was rolled back.

    PATTERN shows only operations with that text. What needs somebody comes first. When the database
    goes away, the last that was known stays, and says so. It only looks, and may run anywhere the database
    can be reached.

    \b
    cutover watch
    cutover watch /case/ --interval 5
    cutover watch --json | jq '.operations[] | select(.held) | .operation'
    cutover watch --once
    """
    owner = or_exit(_open)
    try:
        asyncio.run(_follow(owner, pattern, interval, once, as_json))
    except StoreError as error:
        fail(str(error))
    except KeyboardInterrupt:
        # What somebody presses to leave is no failure.
        return


def _open() -> Ownership:
    settings = load_settings()
    return assembly.ownership(assembly.load(settings.assembly), settings)


async def _follow(
    owner: Ownership, pattern: str, interval: float, once: bool, as_json: bool
) -> None:
    try:
        looks = _looks(owner, pattern, interval, once)
        if as_json:
            async for look in looks:
                click.echo(json.dumps(look, separators=(",", ":")))
        elif once:
            out = console()
            async for look in looks:
                out.print(draw(look, width=out.width, height=None))
        else:
            await _on_screen(looks)
    finally:
        await owner.stop()


async def _on_screen(looks: AsyncIterator[dict[str, Any]]) -> None:
    out = Console()
    # Without a terminal there is no screen to draw on again: each look is printed after the other.
    with Live(console=out, screen=out.is_terminal, auto_refresh=False) as live:
        async for look in looks:
            height = out.height if out.is_terminal else None
            live.update(draw(look, width=out.width, height=height), refresh=True)


async def _looks(
    owner: Ownership, pattern: str, interval: float, once: bool
) -> AsyncIterator[dict[str, Any]]:
    """What is known, again and again. The first look must succeed: there is nothing to show before."""
    await owner.read()
    warden = Warden(owner, Recorder())
    history: list[dict[str, str]] = []
    while True:
        try:
            await owner.refresh()
            await warden.read()
            warden.looked_at = time.time()
            history = [change_as_json(one) for one in await owner.store.history(_HISTORY)]
            owner.trouble = None
        except StoreError as error:
            if once:
                raise
            owner.trouble = str(error)
        look = overview_of(owner, warden)
        look["at"] = round(time.time(), 3)
        look["history"] = history
        look["operations"] = [
            one for one in look["operations"] if pattern.lower() in one["operation"].lower()
        ]
        yield look
        if once:
            return
        await asyncio.sleep(interval)
