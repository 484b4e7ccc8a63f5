"""Which part killed how many generated mutants, and what survived: for a person, and as JSON."""

from __future__ import annotations

import json
from collections import Counter

from rich.console import Console
from rich.markup import escape
from rich.syntax import Syntax
from rich.table import Table

from parity_tests.mutants.generated.model import GeneratedTrial, Sampled, to_json


def render(result: Sampled, console: Console) -> None:
    console.print(_rules(result))
    for trial in result.trials:
        verdict = result.verdict(trial)
        if verdict == "killed" or verdict == "equivalent":
            continue
        console.print(f"[bold red]{escape(verdict)}[/] {escape(trial.id)}", highlight=False)
        for name, attempt in trial.attempts.items():
            words = [f"{name}: {attempt.fate}, {attempt.exchanges} exchanges", attempt.asked]
            console.print(f"  {escape(', '.join(filter(None, words)))}", highlight=False)
            for line in [*attempt.places, *attempt.problem.splitlines()]:
                console.print(f"    {escape(line)}", highlight=False)
        console.print(Syntax(trial.diff, "diff", background_color="default"))
    for one in result.vanished:
        console.print(f"[bold red]equivalent, but there is no such mutant:[/] {escape(one)}")
    for note in result.notes:
        console.print(f"[yellow]note:[/] {escape(note)}", highlight=False)
    console.print(summary(result), highlight=False)


def summary(result: Sampled) -> str:
    counted = len(result.counted)
    share = f" ({100 * result.killed / counted:.1f} %)" if counted else ""
    by = ", ".join(f"{name} {count}" for name, count in result.by_hunter().most_common())
    rest = {k: v for k, v in result.tally().items() if k != "killed"}
    others = ", ".join(f"{count} {name}" for name, count in sorted(rest.items()))
    return (
        f"{len(result.trials)} of {result.population} mutants, seed {result.seed}, {result.database}: "
        f"killed {result.killed} of {counted}{share}"
        + (f" by {by}" if by else "")
        + (f"; {others}" if others else "")
    )


def _rules(result: Sampled) -> Table:
    view = Table("rule")
    columns = [*(f"by {one.value}" for one in result.hunters), "survived", "equivalent", "other"]
    for column in columns:
        view.add_column(column, justify="right")
    counts: dict[str, Counter[str]] = {}
    for trial in result.trials:
        counts.setdefault(trial.rule, Counter())[_column(result, trial)] += 1
    for rule, count in sorted(counts.items()):
        view.add_row(rule, *(str(count[column] or "") for column in columns))
    return view


def _column(result: Sampled, trial: GeneratedTrial) -> str:
    if trial.id in result.equivalent:
        return "equivalent"
    if trial.killer:
        return f"by {trial.killer}"
    return "survived" if trial.fate.is_survival else "other"


def render_json(result: Sampled) -> str:
    document = {
        "database": result.database,
        "seed": result.seed,
        "by": [one.value for one in result.hunters],
        "population": result.population,
        "killed": result.killed,
        "counted": len(result.counted),
        "verdicts": dict(result.tally()),
        "killed_by": dict(result.by_hunter()),
        "vanished": result.vanished,
        "notes": result.notes,
        "mutants": [
            {
                **to_json(trial),
                "verdict": result.verdict(trial),
                "reason": result.equivalent.get(trial.id, ""),
            }
            for trial in result.trials
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"
