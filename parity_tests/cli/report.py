"""`parity report`: a JSON report in other forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from parity_tests.cli.frame import console, guarded
from parity_tests.report import document as json_report
from parity_tests.report import outputs, summary
from parity_tests.report.exit_code import Exit


@click.command("report")
@click.argument(
    "report_file", metavar="REPORT", required=False, type=click.Path(dir_okay=False, path_type=Path)
)
@outputs.rendered
@click.option("--schema", is_flag=True, help="Print the JSON Schema of JSON reports, and end.")
def command(report_file: Path | None, schema: bool, **values: Any) -> None:
    """Turn REPORT, which --json wrote, into other forms; without any, show it here.

    \b
    parity run --json report.json
    parity report report.json --html report.html --markdown summary.md --badge parity.svg

    The exit code is 0 once the report could be read, whatever it says: `parity gate` judges.
    """
    if schema:
        click.echo(json_report.SCHEMA.read_text(encoding="utf-8"), nl=False)
        return
    if report_file is None:
        raise click.UsageError("give a REPORT, or --schema")
    file = report_file

    def work() -> Exit:
        report = json_report.load(file)
        written = outputs.write(report, outputs.chosen(values))
        for one in written:
            click.echo(f"wrote {one} ({one.stat().st_size:,} bytes)")
        if not written:
            summary.render(report, console())
        return Exit.SAME

    guarded(work)
