"""`parity mutants --generated`: mutants that rules make, in a sample."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from parity_core import private
from parity_core.model import ParityError
from parity_tests.config import Config
from parity_tests.report.exit_code import Exit
from parity_tests.report.terminal import TerminalProgress

if TYPE_CHECKING:
    from parity_tests.mutants.generated.run import GeneratedOptions


@dataclass(frozen=True)
class Chosen:
    """The options of the command."""

    count: int
    seed: int
    by: tuple[str, ...]
    database: str
    only: tuple[str, ...]
    jobs: int
    exchanges: int
    seconds: float
    reach: Path
    resume: Path | None
    again: bool
    json_file: Path | None


def list_generated(config: Config, chosen: Chosen, screen: Console) -> Exit:
    run, _ = _modules()
    mutants, result = run.choose(config, _options(chosen))
    view = Table("mutant", "rule", "line")
    for one in mutants:
        view.add_row(escape(one.id), one.rule, str(one.lines[0]))
    screen.print(view)
    screen.print(f"{len(mutants)} of {result.population} mutants", highlight=False)
    return Exit.SAME


def run_generated(config: Config, chosen: Chosen, screen: Console) -> Exit:
    run, report = _modules()
    with TerminalProgress(screen) as progress:
        result = run.run(config, _options(chosen), progress)
    if chosen.json_file:
        text = report.render_json(result)
        private.write_text(chosen.json_file, text)
    report.render(result, screen)
    return Exit(result.exit)


def _modules() -> tuple[ModuleType, ModuleType]:
    """The use case and its report; their library is an extra that other commands do without."""
    try:
        from parity_tests.mutants.generated import report, run
    except ModuleNotFoundError as error:
        raise ParityError(
            f"--generated needs the package {error.name}: pip install 'parity-tests[mutation]'"
        ) from None
    return run, report


def _options(chosen: Chosen) -> GeneratedOptions:
    from parity_tests.mutants.generated.model import chosen as hunters
    from parity_tests.mutants.generated.run import GeneratedOptions

    return GeneratedOptions(
        count=chosen.count,
        seed=chosen.seed,
        hunters=hunters(chosen.by),
        database=chosen.database,
        only=chosen.only,
        jobs=chosen.jobs,
        exchanges=chosen.exchanges,
        seconds=chosen.seconds,
        reach=chosen.reach,
        resume=chosen.resume,
        again=chosen.again,
    )
