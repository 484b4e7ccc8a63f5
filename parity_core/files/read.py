"""Reads a file by its model. Whatever is wrong is one sentence: file, line, key, and the nearest right word."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from parity_core.files.sentence import Loc, problem_of
from parity_core.model import ParityError

M = TypeVar("M", bound=BaseModel)

_AT_LINE = re.compile(r"\s*\(at line (\d+), column \d+\)")


def read_toml(path: Path, model: type[M], hint: str = "") -> M:
    """A TOML file as its model. `hint` is what to do when there is no such file. Raises ParityError."""
    text = read_text(path, hint)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = _AT_LINE.search(str(error))
        line = int(at[1]) if at else max(len(text.splitlines()), 1)
        message = _AT_LINE.sub("", str(error)).removesuffix(" (at end of document)")
        raise ParityError(f"{path}:{line}: this is no TOML: {message}") from None
    return validated(data, model, path, partial(toml_line, text))


def validated(data: Any, model: type[M], path: Path, line_of: Callable[[Loc], int | None]) -> M:
    """What a file holds as its model. `line_of` finds the line of a key. Raises ParityError."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problem = problem_of(error, model, data)
        raise ParityError(f"{at(path, line_of(problem.loc))}: {problem.text}") from None


def at(path: Path, line: int | None) -> str:
    return f"{path}:{line}" if line else str(path)


def read_text(path: Path, hint: str = "") -> str:
    """Raises ParityError, with the name of a file that is there and is called nearly so."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ParityError(
            f"{path}: there is no such file{near_file(path) or _after(hint)}"
        ) from None
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ParityError(f"{path} can not be read: {why}{_after(hint)}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ParityError(f"{path}:{line}: this is no UTF-8") from None


def near_file(path: Path) -> str:
    """`; did you mean …?` when a file beside it has nearly its name."""
    try:
        names = [one.name for one in path.parent.iterdir() if one.is_file()]
    except OSError:
        return ""
    close = get_close_matches(path.name, names, 1, 0.75)
    return f"; did you mean `{close[0]}`?" if close else ""


def toml_line(text: str, loc: Loc) -> int | None:
    """The line, from 1, on which the key at `loc` is said, or the nearest table around it that is.

    The parser of the standard library keeps no lines. But a beginning of a file is a file, so the key's
    statement ends with the first line that makes it appear.
    """
    lines = text.splitlines()

    def parsed(count: int) -> tuple[int, Any]:
        """The longest beginning of at most `count` lines that ends between two statements."""
        for length in range(count, -1, -1):
            try:
                return length, tomllib.loads("\n".join(lines[:length]))
            except tomllib.TOMLDecodeError:
                continue
        return 0, {}

    for length in range(len(loc), 0, -1):
        wanted = loc[:length]
        if not _has(tomllib.loads(text), wanted):
            continue
        low, high = 0, len(lines)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if _has(parsed(middle)[1], wanted) else (middle, high)
        start = parsed(high - 1)[0]
        while start < high - 1 and lines[start].lstrip()[:1] in ("", "#"):
            start += 1
        return start + 1
    return None


def _has(data: Any, loc: Loc) -> bool:
    for part in loc:
        try:
            data = data[part]
        except (LookupError, TypeError):
            return False
    return True


def _after(hint: str) -> str:
    return f"; {hint}" if hint else ""
