"""`parity explain`: one difference, in full."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from parity_tests.cli.frame import console, guarded
from parity_tests.report import document as json_report
from parity_tests.report.document import Document
from parity_tests.report.exit_code import Exit
from parity_tests.report.explain import Explanation, explain
from parity_tests.report.values import described, printable

_LINES = 60


@click.command("explain")
@click.argument("wanted", metavar="ID")
@click.argument(
    "report_file", metavar="[REPORT]", default="report.json",
    type=click.Path(dir_okay=False, path_type=Path),
)  # fmt: skip
@click.option("-n", "number", default=1, show_default=True, help="Which occurrence, from 1.")
@click.option("--origin", metavar="URL", help="Where the request should go instead.")
@click.option("--json", "as_json", is_flag=True, help="As JSON instead.")
def command(wanted: str, report_file: Path, number: int, origin: str | None, as_json: bool) -> None:
    """Show the difference ID of REPORT with its request as a curl command and both replies.

    IDs are printed beside every difference, in the terminal, HTML and Markdown; they are the same
    in every run, and their beginning is enough. REPORT is what `--json` wrote (report.json).

    \b
    parity run --json report.json
    parity explain 3fa9c1d0
    """

    def work() -> Exit:
        explanation = explain(json_report.load(report_file), wanted, number)
        if origin:
            explanation.pair["curl"] = re.sub(
                r"https?://[^/'\s]+", origin.rstrip("/"), explanation.pair["curl"], count=1
            )
        if as_json:
            text = json.dumps(
                {"difference": explanation.finding, "pair": explanation.pair}, indent=2
            )
            click.echo(text)
        else:
            _show(explanation, number, console())
        return Exit.SAME

    guarded(work)


def _show(explanation: Explanation, number: int, out: Console) -> None:
    finding, pair = explanation.finding, explanation.pair
    out.print(
        Text.assemble(
            (finding["key"], "bold"), f"  {finding['operation']}  ", (finding["place"], "bold red")
        )
    )
    facts = Table.grid(padding=(0, 2))
    for name, text in (
        ("legacy", described(finding["legacy"], 2000)),
        ("ported", described(finding["ported"], 2000)),
        ("why", finding["why"]),
        ("waiver", finding["waiver"] or "none: this difference fails a run"),
        ("asked", f"{pair['method']} {pair['target']} as {pair['user'] or 'nobody'}"),
        ("from", f"{pair['journey']}, step {pair['step']}, {pair['where']}"),
        ("note", pair["note"]),
        ("beside", ", ".join(one["place"] for one in explanation.beside[:8])),
    ):
        if text:
            facts.add_row(Text(name, "dim"), Text(printable(text), overflow="fold"))
    out.print(facts)
    if explanation.others:
        out.print(
            f"It occurs {len(explanation.others) + 1} times; this is number {number} (-n chooses).",
            highlight=False,
        )
    out.print("\n[bold]Request[/] (secrets are variables of the shell and <placeholders>)")
    # not wrapped: it is there to be copied
    out.print(Text(printable(pair["curl"]), "cyan"), soft_wrap=True)
    replies = Table(expand=True)
    for side in ("legacy", "ported"):
        replies.add_column(side, ratio=1, overflow="fold")
    replies.add_row(*(_reply(pair["replies"][side]) for side in ("legacy", "ported")))
    out.print()
    out.print(replies)


def _reply(reply: Document) -> Text:
    body = reply["body"]
    with suppress(ValueError, RecursionError):
        body = json.dumps(json.loads(body), indent=1, ensure_ascii=False)
    lines = [str(reply["status"] or reply["error"])]
    lines += [f"{name}: {value}" for name, value in reply["headers"]]
    lines += ["", *body.splitlines()]
    if len(lines) > _LINES:
        lines = [*lines[:_LINES], f"… {len(lines) - _LINES} more lines"]
    for row in reply["rows"][:10]:
        key = ",".join(map(str, row["key"]))
        lines.append(f"{row['change']} {row['table']} {key}: {described(row['columns'])}")
    for name, sent in reply["effects"].items():
        lines.append(f"{name}: {described(sent)}")
    return Text(printable("\n".join(line[:400] for line in lines)))
