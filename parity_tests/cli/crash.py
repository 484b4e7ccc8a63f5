"""What is said when the comparison itself is at fault: one sentence, and where the rest is."""

from __future__ import annotations

import sys
import tempfile
import traceback
from typing import Any

import click

from parity_tests.report.exit_code import Exit
from parity_tests.report.values import printable


def describe(error: BaseException) -> str:
    """The sentence. The traceback goes to a file, or into the sentence where there can be none."""
    trace = "".join(traceback.format_exception(error)).encode("utf-8", "backslashreplace")
    try:
        words = printable(" ".join(str(error).split()))[:300]
    except Exception:  # an exception may be unable to say what it is
        words = "(it can not be put into words)"
    sentence = f"parity: this is a fault of parity itself, not a difference: {type(error).__name__}: {words}"
    try:
        with tempfile.NamedTemporaryFile(
            prefix="parity-crash-", suffix=".txt", delete=False
        ) as file:
            file.write(trace)
    except OSError:
        return f"{sentence}\n{trace.decode()}"
    return f"{sentence} (traceback in {file.name})"


class Guarded(click.Group):
    """Commands whose every way to fail is exit code 2: click ends with 1 for some, which is `different`."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except (click.Abort, KeyboardInterrupt, EOFError):
            click.echo("parity: interrupted", err=True)
        except Exception as error:
            click.echo(describe(error), err=True)
        sys.exit(Exit.COULD_NOT_RUN)
