"""The commands that the documents tell of exist, with the options they are shown with."""

import re
import shlex
from importlib import import_module
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "ARCHITECTURE.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
]
COMMANDS = {
    "parity": "parity_tests.cli.main",
    "cutover": "legacy_bridge.cli.main",
    "cornflow-f": "cornflow_f.cli",
    "cornflow-runner": "embedded_runner.cli",
}
_NAMES = "|".join(COMMANDS)
_IN_TEXT = re.compile(rf"`((?:{_NAMES}) [^`]+)`")
_SHOWN = re.compile(rf"(?:\w+=\S+ )*(?:\S*/)?(?P<name>{_NAMES}) (?P<rest>.+)")
_WORD = re.compile(r"[a-z][a-z-]+")


def shown(document: Path) -> list[tuple[str, str]]:
    """Command and the words after it, of each that a document shows."""
    found, in_block = [], False
    for line in document.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            in_block = not in_block
            continue
        texts = [line.strip()] if in_block else _IN_TEXT.findall(line)
        for text in texts:
            # what follows blanks or a number sign tells of it; another command may come after
            match = _SHOWN.match(re.split(r" {2,}| #|;", text)[0])
            if match is not None:
                found.append((match["name"], match["rest"]))
    return found


def wrong(command: str, rest: str) -> str | None:
    """What of it does not exist."""
    try:
        words = shlex.split(rest)
    except ValueError:
        return None
    here: click.Command = import_module(COMMANDS[command]).main
    options = options_of(here)
    while isinstance(here, click.Group) and words and _WORD.fullmatch(words[0]):
        # some are imported when they are asked for
        inner = here.get_command(click.Context(here), words[0])
        if inner is None:
            return f"no command {words[0]}"
        here = inner
        del words[0]
        options |= options_of(here)
    for word in words:
        if word == "--":
            break
        if word.startswith("-") and word.partition("=")[0] not in options:
            return f"no option {word}"
    return None


def options_of(command: click.Command) -> set[str]:
    names = {"--help", "-h"}
    for parameter in command.params:
        names.update([*parameter.opts, *parameter.secondary_opts])
    return names


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_shows_exists(document: Path) -> None:
    found = {f"{name} {rest}": wrong(name, rest) for name, rest in shown(document)}
    assert {text: why for text, why in found.items() if why} == {}


def test_commands_are_found_and_mistakes_noticed() -> None:
    assert sum(len(shown(document)) for document in DOCUMENTS) > 100
    assert wrong("parity", "explain ID --report report.json") == "no option --report"
    assert wrong("cutover", "serv") == "no command serv"
    assert wrong("parity", "suite TARGET -- pytest --anything") is None


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8"))
    near = [link for link in links if not re.match(r"\w+:", link)]
    assert [link for link in near if not (document.parent / link).exists()] == []
