"""One look at the cutover as text for a terminal. Pure."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from legacy_bridge.evidence.judge import BudgetVerdict
from legacy_bridge.operations.operation import Mode, Stack

_STYLES = {
    Mode.LEGACY: "bright_black",
    Mode.SHADOW: "magenta",
    Mode.CANARY: "yellow",
    Mode.MIRROR: "cyan",
    Mode.PORTED: "green",
}
_VERDICTS = {
    BudgetVerdict.OK: "green",
    BudgetVerdict.INCONCLUSIVE: "yellow",
    BudgetVerdict.BREACH: "bold red",
}
_FEWEST_ROWS = 5


def draw(look: dict[str, Any], *, width: int, height: int | None) -> RenderableType:
    """`look` is an overview with `at` and `history`. `height` lines at most; None: all there is."""
    top = [_head(look), _bar(look, width), *_trouble(look)]
    ramps = [_ramp(one) for one in look["ramps"] if one["state"] in ("running", "paused")]
    history = [_change(one) for one in look["history"]]
    if height is not None:
        ramps, history = ramps[:6], history[:4]
        left = height - len(top) - len(ramps) - len(history) - 6
        rows = max(_FEWEST_ROWS, left)
    else:
        rows = len(look["operations"])
    return Group(
        *top,
        *([Text(), *ramps] if ramps else []),
        Text(),
        _operations(look, rows),
        Text(),
        *history,
    )


def _head(look: dict[str, Any]) -> Text:
    operations = look["operations"]
    moved = sum(one["mode"] in (Mode.PORTED, Mode.MIRROR) for one in operations)
    share = look["traffic"]["ported_share"]
    requests = look["traffic"][Stack.PORTED] + look["traffic"][Stack.LEGACY]
    at = datetime.fromtimestamp(look["at"]).astimezone().strftime("%H:%M:%S")
    text = Text.assemble(
        ("cutover ", "bold"),
        (f"{at}  revision {look['revision']}  ", "bright_black"),
        (f"{moved} of {len(operations)}", "bold"),
        " operations on the port, ",
        ("no traffic yet" if share is None else f"{share:.1%}", "bold"),
        "" if share is None else f" of {requests} requests in the last hour",
    )
    if look["holds"]:
        text.append(f", {len(look['holds'])} rolled back", "bold red")
    return _line(text)


def _bar(look: dict[str, Any], width: int) -> Text:
    modes = Counter(one["mode"] for one in look["operations"])
    total, bar = sum(modes.values()) or 1, Text()
    room = max(10, min(60, width - 60))
    for mode in Mode:
        bar.append("█" * round(room * modes[mode] / total), _STYLES[mode])
    for mode in Mode:
        bar.append(f"  {mode} {modes[mode]}", _STYLES[mode])
    return _line(bar)


def _trouble(look: dict[str, Any]) -> list[Text]:
    warnings = []
    killed = look["killed"]
    if killed is not None:
        warnings.append(
            f"KILLED by {killed['by']} at {killed['at']}: the legacy answers everything; "
            "`cutover unkill` lifts it"
        )
    if look["trouble"]:
        known = "last known modes: " if look["modes"] != "current" else ""
        warnings.append(f"{known}{look['trouble']}")
    return [_line(Text(one, "bold red")) for one in warnings]


def _ramp(one: dict[str, Any]) -> Text:
    steps = len(one["steps"])
    dots = "■" * one["step"] + "□" * (steps - one["step"])
    style = "yellow" if one["state"] == "running" else "bright_black"
    return _line(
        Text.assemble(
            (f"ramp {dots} ", style),
            (one["name"], "bold"),
            f"  {one['mode']}, {one['state']}: {one['says']}",
        )
    )


def _operations(look: dict[str, Any], rows: int) -> Table:
    table = Table(expand=True, box=None, header_style="bold", padding=(0, 1), pad_edge=False)
    table.add_column("operation", ratio=3, no_wrap=True)
    table.add_column("mode", no_wrap=True)
    for name in ("port / legacy", "failed", "differ", "median ms"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("evidence", ratio=3, no_wrap=True)
    ordered = sorted(look["operations"], key=_urgency)
    for one in ordered[:rows]:
        table.add_row(*_cells(one))
    if len(ordered) > rows:
        table.add_row(Text(f"… {len(ordered) - rows} more", "bright_black"))
    return table


def _urgency(one: dict[str, Any]) -> tuple[int, str]:
    """Rolled back, in breach, not sure, on trial, the rest."""
    verdict = one["evidence"]["verdict"] if one["evidence"] else None
    order = [BudgetVerdict.BREACH, BudgetVerdict.INCONCLUSIVE, BudgetVerdict.OK]
    if one["held"]:
        return 0, one["operation"]
    if verdict is not None and one["mode"] != Mode.PORTED:
        return 1 + order.index(BudgetVerdict(verdict)), one["operation"]
    if verdict == BudgetVerdict.BREACH:
        return 1, one["operation"]
    return (8 if one["mode"] == Mode.PORTED else 9), one["operation"]


def _cells(one: dict[str, Any]) -> Iterable[Text]:
    mode = Mode(one["mode"])
    shown = f"canary {one['share']:g}%" if mode is Mode.CANARY else mode.value
    yield Text(one["operation"])
    yield Text(shown, _STYLES[mode])
    traffic = one["traffic"]
    requests = traffic[Stack.PORTED] + traffic[Stack.LEGACY]
    yield Text(f"{traffic[Stack.PORTED]} / {traffic[Stack.LEGACY]}" if requests else "")
    evidence = one["evidence"]
    if evidence is None:
        yield from (Text(""), Text(""), Text(""))
        state = "rolled back: " + (one["why"] or "") if one["held"] else ""
        yield Text(state if one["ported"] else "not implemented", "red" if one["held"] else "dim")
        return
    port, legacy = evidence["ported"], evidence["legacy"]
    yield Text(str(port["errors"] + port["asked_errors"]))
    yield Text(f"{port['different']} of {port['compared']}")
    yield Text(f"{_ms(port['median_ms'])} / {_ms(legacy['median_ms'])}")
    verdict = BudgetVerdict(evidence["verdict"])
    reason = "" if verdict is BudgetVerdict.OK else f": {evidence['reason']}"
    yield Text(f"{verdict}{reason}", _VERDICTS[verdict])


def _change(one: dict[str, str]) -> Text:
    kind = "" if one["kind"] == "mode" else f"{one['kind']} "
    what = f"{kind}{one['operation']}: {one['from'] or 'none'} → {one['to'] or 'none'}"
    why = f" ({one['why']})" if one["why"] else ""
    at = datetime.fromisoformat(one["changed_at"]).astimezone().strftime("%H:%M:%S")
    return _line(
        Text.assemble((f"{at} {one['changed_by']}: ", "bright_black"), what, (why, "bright_black"))
    )


def _line(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}" if value >= 10 else f"{value:.1f}"
