"""Which part found which mutant, in how many requests: for a person, and as JSON."""

from __future__ import annotations

import json
from statistics import median

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from parity_tests.mutants.model import MutantOutcome, MutantTrial, MutantVerdict, Part, Result
from parity_tests.report.values import json_safe


def table(result: Result) -> Table:
    view = Table(show_lines=False)
    view.add_column("mutant", overflow="fold")
    view.add_column("about", overflow="fold")
    view.add_column("expected at", overflow="fold")
    for part in result.parts:
        view.add_column(f"by {part}", justify="right")
    view.add_column("verdict", overflow="fold")
    for outcome in result.outcomes:
        mutant = outcome.mutant
        view.add_row(
            escape(mutant.id),
            escape(f"{mutant.kind}: {mutant.about}" if mutant.kind else mutant.about),
            escape(f"{mutant.operation} {mutant.place}"),
            *(_shown(outcome.trials.get(part)) for part in result.parts),
            _verdict(outcome),
        )
    return view


def _shown(trial: MutantTrial | None) -> str:
    """The number of requests after which it was found, or what happened instead."""
    if trial is None:
        return ""
    if trial.verdict is MutantVerdict.DETECTED:
        return f"[green]{trial.exchanges}[/]"
    if trial.verdict is MutantVerdict.MISSED:
        return f"[dim]– ({trial.exchanges})[/]"
    return (
        f"[dim]{trial.verdict}[/]"
        if trial.verdict is MutantVerdict.NOT_ASKED
        else str(trial.verdict)
    )


def _verdict(outcome: MutantOutcome) -> str:
    if outcome.is_as_it_should_be and not outcome.is_broken:
        return f"[green]{outcome.verdict}[/]"
    lines = [f"[bold red]{outcome.verdict}[/]"]
    for trial in outcome.trials.values():
        if trial.places:
            lines.append(escape("seen: " + "; ".join(trial.places)))
        if trial.problem:
            story = trial.problem.splitlines()
            lines += map(escape, [story[0], *story[-4:]])
    return "\n".join(lines)


def render(result: Result, console: Console) -> None:
    console.print(table(result))
    for note in result.notes:
        console.print(f"[yellow]note:[/] {escape(note)}", highlight=False)
    real = result.real
    for part in result.parts:
        red = result.found_by(part)
        asked = sum(outcome.trials[part].verdict is not MutantVerdict.NOT_ASKED for outcome in real)
        line = f"{part} found {len(red)} of {asked} that it asks for"
        if red:
            counts = [trial.exchanges for trial in red]
            line += f", after {median(counts):.0f} requests (median), {max(counts)} at most"
        console.print(line, highlight=False)
    equivalent = len(result.outcomes) - len(real)
    if equivalent:
        wrong = result.equivalents_found
        line = f"red although equivalent: {', '.join(wrong)}" if wrong else "none of them red"
        console.print(f"{equivalent} equivalent, {line}", highlight=False)
    console.print(f"found {result.detected} of {len(real)}", highlight=False)


def render_json(result: Result) -> str:
    document = {
        "found": result.detected,
        "total": len(result.real),
        "equivalent": len(result.outcomes) - len(result.real),
        "equivalents_found": result.equivalents_found,
        "parts": {part.value: len(result.found_by(part)) for part in result.parts},
        "notes": result.notes,
        "mutants": [_outcome(outcome, result.parts) for outcome in result.outcomes],
    }
    return json_safe(json.dumps(document, indent=2, ensure_ascii=False)) + "\n"


def _outcome(outcome: MutantOutcome, parts: tuple[Part, ...]) -> dict[str, object]:
    mutant = outcome.mutant
    return {
        "id": mutant.id,
        "kind": mutant.kind,
        "about": mutant.about,
        "file": mutant.file,
        "operation": mutant.operation,
        "place": mutant.place,
        "equivalent": mutant.equivalent,
        "verdict": str(outcome.verdict),
        "by": {
            part.value: {
                "verdict": trial.verdict.value,
                "exchanges": trial.exchanges,
                "seconds": round(trial.seconds, 2),
                "seen": trial.places,
                "problem": trial.problem,
            }
            for part in parts
            if (trial := outcome.trials.get(part))
        },
    }
