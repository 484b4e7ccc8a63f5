"""The drill's table, for a terminal of 80 columns."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from cornflow_cutover.rehearsal.faults.tally import FaultTally, WriteFate

_SHOWN = 10


def show(tallies: Sequence[FaultTally], console: Console) -> None:
    table = Table("fault", box=None, pad_edge=False, padding=(0, 1))
    for heading in ("acknow-\nledged", "lost", "dou-\nbled", "re-\nfused", "cut", "there, not\nack.", "back\nafter"):  # fmt: skip
        table.add_column(heading, justify="right")
    table.add_column("")
    for one in tallies:
        table.add_row(*_cells(one))
    console.print(table)
    for one in tallies:
        if one.not_played:
            console.print(f"{one.fault}: not played: {one.not_played}", markup=False)
            continue
        console.print(f"{one.fault}: {one.how}", markup=False)
        for word, names in (("lost", one.lost), ("doubled", one.doubled)):
            for name in names[:_SHOWN]:
                console.print(f"  {word}: {name}", markup=False)
            if len(names) > _SHOWN:
                console.print(f"  {word}: and {len(names) - _SHOWN} more", markup=False)
        if one.back_after is None:
            console.print("  writes did not come back", markup=False)


def _cells(one: FaultTally) -> list[str]:
    if one.not_played:
        return [one.fault, *["-"] * 7, "broken" if one.is_broken else "not played"]
    back = "never" if one.back_after is None else f"{one.back_after:.0f} s"
    figures = (
        one.count(WriteFate.ACKNOWLEDGED), len(one.lost), len(one.doubled),
        one.count(WriteFate.REFUSED), one.count(WriteFate.CUT), one.unacknowledged,
    )  # fmt: skip
    return [one.fault, *(str(figure) for figure in figures), back, "ok" if one.good else "WRONG"]
