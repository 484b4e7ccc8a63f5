"""The parity replay of `cutover up`: a process of its own beside the bridge, its outcome remembered."""

import asyncio
import contextlib
import json
from collections.abc import Mapping

from rich.console import Console

from cornflow_cutover.up.attached import Attached
from cornflow_cutover.up.data_folder import DataFolder
from cornflow_cutover.up.steps import ReplayOutcome, UpError, sources

_PARITY_CLI = "parity_tests.cli"
_BEHIND = 5
"""Niceness of a replay while somebody uses the bridge."""


async def replay(
    folder: DataFolder,
    console: Console,
    environment: Mapping[str, str],
    *,
    again: bool,
    waited_for: bool,
) -> ReplayOutcome:
    """Replays the journeys on two scratch copies, if anything has changed since the last time.

    ``environment`` is the caller's own: the replay seeds and configures its copies itself.
    """
    now = sources()
    last = folder.remembered().get("parity", {})
    if not again and last.get("sources") == now and folder.report.exists():
        console.print(
            "[green]✓[/] parity is known: nothing has changed since the last replay "
            "(--parity replays it)"
        )
        _print_summary(folder, console)
        return ReplayOutcome(last["outcome"])
    console.print("replaying the parity journeys on two scratch copies; this takes some minutes …")
    # Its own progress and report go straight to this terminal.
    process = Attached(
        _PARITY_CLI, "run", "--json", str(folder.report),
        environment=environment, nice=0 if waited_for else _BEHIND,
    )  # fmt: skip
    try:
        code = await process.end()
    finally:
        # Cancelled when the bridge is told to stop: then the copies' servers are stopped too.
        await asyncio.to_thread(process.stop)
    try:
        outcome = ReplayOutcome(code)
    except ValueError:
        raise UpError(f"the replay ended with {code}") from None
    if outcome is ReplayOutcome.COULD_NOT_RUN:
        console.print("[red]✗[/] the replay could not run; nothing is known about parity")
    else:
        mark = "[green]✓[/]" if outcome is ReplayOutcome.SAME else "[red]✗[/]"
        console.print(f"{mark} replayed; the full report is {folder.report}")
        _print_summary(folder, console)
        folder.remember(parity={"sources": now, "outcome": int(outcome)})
    return outcome


def _print_summary(folder: DataFolder, console: Console) -> None:
    with contextlib.suppress(OSError, ValueError, KeyError):
        report = json.loads(folder.report.read_text())
        console.print(
            f"  {report['exchanges']} exchanges, {report['operations_covered']} of "
            f"{report['operations_total']} operations, {report['differences']} differences, "
            f"{report['waived']} waived"
        )
