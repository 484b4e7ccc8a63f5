"""Where commands print: a terminal, a pipe or a file, none of which may cost the report."""

from __future__ import annotations

import contextlib
import errno
import io
import sys
from collections.abc import Iterable
from typing import IO, Any, TextIO, cast

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from parity_tests.report.values import replaced


class SafeConsole(Console):
    """Shows no text that a terminal would obey, whoever forgot to escape it."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            text = segment.text
            if not segment.control and (safe := replaced(text)) != text:
                yield Segment(safe, segment.style)
            else:
                yield segment


class Enduring(io.TextIOBase):
    """Writes to a stream while that is possible; a lost one is remembered, and written to no more."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.error: OSError | None = None
        if isinstance(stream, io.TextIOWrapper):
            # a character that the stream's encoding has not becomes its escape
            stream.reconfigure(errors="backslashreplace")

    def write(self, text: str) -> int:
        if self.error is None:
            try:
                self.stream.write(text)
            except OSError as error:
                self.error = error
        return len(text)

    def flush(self) -> None:
        if self.error is None:
            try:
                self.stream.flush()
            except OSError as error:
                self.error = error

    def isatty(self) -> bool:
        return self.stream.isatty()

    def fileno(self) -> int:
        return self.stream.fileno()

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.stream.encoding


_opened: list[Enduring] = []


def console(file: IO[str] | None = None, **options: Any) -> Console:
    """A console on the standard output, or on another stream."""
    stream = Enduring(cast(TextIO, file or sys.stdout))
    _opened.append(stream)
    # a pipe has no width: wide enough for two replies side by side
    width = None if stream.isatty() else 160
    return SafeConsole(file=cast(IO[str], stream), width=width, **options)


def lost() -> str:
    """Why something that was to be shown was not, or nothing. Whoever closed a pipe wanted no more."""
    for stream in _opened:
        stream.flush()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    errors = [stream.error for stream in _opened if stream.error is not None]
    for error in errors:
        if error.errno != errno.EPIPE:
            return f"the report could not be shown: {error.strerror or error}"
    if errors:
        # else the interpreter tries once more, when it ends
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.close()
    return ""
