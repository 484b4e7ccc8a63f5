"""`python -m tests.packages`: every distribution in clean environments of every Python here, and the table."""

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tests.packages import audit, sbom, trials
from tests.packages.environments import (
    VERSIONS,
    Environment,
    Installed,
    StepError,
    interpreters,
    run,
)
from tests.packages.projects import ROOT, build, projects

LIBRARY = ROOT / "examples" / "library" / "requirements-2024.txt"
LOWEST = ROOT / "requirements" / "lowest-generic.txt"
CURRENT = ["flask", "flask-sqlalchemy"]
"""What the library itself needs."""


@dataclass(frozen=True)
class Try:
    """What is installed, and what must work then."""

    name: str
    install: tuple[str, ...]
    trials: tuple[trials.Trial, ...]
    beside: tuple[str, ...] = ()
    """Installed first, by somebody else: not in the figures."""
    versions: tuple[str, ...] = VERSIONS


BOTH = ("legacy-bridge", "parity-tests[serve]")
TRIES = (
    Try("cornflow-f", ("cornflow-f",), (trials.port,)),
    Try("legacy-bridge", ("legacy-bridge",), (trials.bridge,), (*CURRENT, "uvicorn")),
    Try("parity-tests", ("parity-tests[serve]",), (trials.comparison,), (*CURRENT, "fastapi", "aiosqlite", "sqlalchemy[asyncio]")),
    Try("both, library of 2024", (*BOTH, "-r", str(LIBRARY)), (trials.bridge, trials.comparison)),
    Try("cornflow-runner", ("cornflow-runner",), (trials.runner,), versions=("3.11", "3.12")),
    Try("cornflow-cutover", ("cornflow-cutover",), (trials.cutover,)),
    Try(
        "cornflow-cutover[runner]", ("cornflow-cutover[runner]",), (trials.cutover, trials.runner),
        versions=("3.11", "3.12"),
    ),
)  # fmt: skip

# pitfalls of the bare adapter are shown with the newest one only: older ones have others
SUBSET = [
    *(
        f"tests/bridge/test_{name}.py"
        for name in [
            "actions",
            "bridge",
            "canary",
            "capture_mask",
            "census",
            "cli",
            "control",
            "dashboard_access",
            "dispatch",
            "edge",
            "judge",
            "logs",
            "match",
            "metrics",
            "operator",
            "ownership",
            "shadow",
            "shadow_reads",
            "shapes",
            "spool",
            "upstream",
            "whole_reply",
            "wsgi_faults",
        ]
    ),
    *(
        f"tests/parity/test_{name}.py"
        for name in ["correspond", "diff", "explain", "gate", "rows", "shop", "triangle", "waivers"]
    ),
]
WORKERS = ("-n", "2", "--dist", "loadfile")
_CONFIG = (
    "[pytest]\nasyncio_mode = auto\nmarkers =\n    postgresql: a server\n    legacy: the legacy\n"
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Build the wheels, install them where nothing else is, and see them work."""


def wheels_in(folder: Path, console: Console) -> Path:
    for project in projects():
        build(project.path, "wheel", folder / "wheels")
    console.print(f"built {len(projects())} wheels")
    return folder / "wheels"


@main.command()
@click.option("--python", "chosen", multiple=True, type=click.Choice(VERSIONS), help="Only these.")
@click.option("--only", multiple=True, metavar="NAME", help="Only these distributions.")
@click.option("--before/--no-before", default=True, help="Measure the development install too.")
def install(chosen: tuple[str, ...], only: tuple[str, ...], before: bool) -> None:
    """Install each distribution alone, start its command, and print the table."""
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    known = interpreters()
    wanted = chosen or VERSIONS
    for version in wanted:
        if version not in known:
            console.print(f"[yellow]no Python {version} on this machine: not tried[/]")
    table = Table("distribution", "Python", "packages", "megabytes", "seconds", "works")
    failed = False
    with tempfile.TemporaryDirectory(prefix="packages-") as place:
        wheels = wheels_in(Path(place), console)
        for version in (version for version in wanted if version in known):
            if before and not only and version == wanted[0]:
                installed = _before(known[version], Path(place))
                table.add_row(
                    "all in one (the development install)", version, *_figures(installed), ""
                )
            for one in TRIES:
                if (only and one.name not in only) or version not in one.versions:
                    continue
                try:
                    installed = _try(one, known[version], wheels, Path(place))
                except StepError as error:
                    failed = True
                    console.print(f"[red]✗[/] {one.name} on Python {version}", error, markup=False)
                    table.add_row(one.name, version, "", "", "", "no")
                else:
                    console.print(f"✓ {one.name} on Python {version}", markup=False)
                    table.add_row(one.name, version, *_figures(installed), "yes")
    console.print(table)
    sys.exit(1 if failed else 0)


def _try(one: Try, python: Path, wheels: Path, place: Path) -> Installed:
    with tempfile.TemporaryDirectory(dir=place) as text:
        folder = Path(text)
        environment = Environment.create(python, folder / "env")
        # what the figures are of, alone; what it is tried on comes after
        installed = environment.install(*one.install, wheels=wheels)
        if one.beside:
            environment.install(*one.beside)
        for trial in one.trials:
            trial(environment, folder)
    return installed


def _before(python: Path, place: Path) -> Installed:
    """All packages in one distribution, as they were published before there were several."""
    with tempfile.TemporaryDirectory(dir=place) as folder:
        environment = Environment.create(python, Path(folder) / "env")
        return environment.install(str(ROOT))


def _figures(one: Installed) -> tuple[str, str, str]:
    return str(one.packages), f"{one.megabytes:.0f}", f"{one.seconds:.0f}"


@main.command("audit")
def audit_command() -> None:
    """Ask the service of known weaknesses (pip-audit) about our lists of versions.

    Exits 1 when there are any but those in tests/packages/vulnerable.toml, 2 when it can't be asked.
    """
    codes = [audit.ask(ROOT / "requirements" / name) for name in audit.LISTS]
    sys.exit(max(codes))


@main.command("sbom")
@click.option("--out", type=click.Path(path_type=Path), default=Path("dist"), show_default=True)
@click.option("--only", multiple=True, metavar="NAME", help="Only these distributions.")
def sbom_command(out: Path, only: tuple[str, ...]) -> None:
    """Write a bill of materials (CycloneDX) for each distribution, from a clean environment."""
    console = Console(highlight=False)
    known = interpreters()
    with tempfile.TemporaryDirectory(prefix="packages-") as place:
        wheels = wheels_in(Path(place), console)
        for project in projects():
            if only and project.name not in only:
                continue
            # its solvers are for no newer one
            version = (
                "3.12" if project.name == "cornflow-runner" and "3.12" in known else max(known)
            )
            try:
                made = sbom.write(project, known[version], wheels, out)
            except StepError as error:
                console.print(f"[red]✗[/] {project.name}", error, markup=False)
                sys.exit(1)
            console.print(f"✓ {made}", markup=False)


@main.command()
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def lowest(words: tuple[str, ...]) -> None:
    """The tests of bridge and comparison with the oldest versions they promise to work with.

    The newest are what `tox` runs with. WORDS go to pytest.
    """
    _tests(("-c", str(LOWEST)), ("3.11",), words)


def _tests(constraints: tuple[str, ...], versions: tuple[str, ...], words: tuple[str, ...]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    python = interpreters()[versions[0]]
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="packages-") as text:
        place = Path(text)
        wheels = wheels_in(place, console)
        environment = Environment.create(python, place / "env")
        tools = (
            "flask",
            "flask-sqlalchemy",
            "pyjwt[crypto]",
            "python-multipart",
            "requests",
        )
        testing = ("pytest", "pytest-asyncio", "pytest-xdist")
        environment.install(
            "legacy-bridge[postgresql]", "parity-tests[serve,services]", *tools, *testing, *constraints,
            wheels=wheels,
        )  # fmt: skip
        # the tests without the packages beside them: what is imported is what was installed
        bench = place / "bench"
        bench.mkdir()
        for name in ("tests", "docs", "examples"):
            run(["cp", "-r", str(ROOT / name), str(bench / name)])
        (bench / "pytest.ini").write_text(_CONFIG)
        command = [environment.command("python"), "-m", "pytest", "-q", "-k", "not bare", *WORKERS]
        try:
            printed = run([*command, *SUBSET, *words], cwd=bench, timeout=1500)
        except StepError as error:
            console.print(str(error), markup=False)
            sys.exit(1)
        console.print(printed.splitlines()[-1], f"({time.monotonic() - started:.0f} s in all)")


if __name__ == "__main__":
    main()
