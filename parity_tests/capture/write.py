"""Writes imported exchanges as a capture that the bridge could have written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from parity_core import private
from parity_core.capture.mask import Masker
from parity_core.capture.raw import Raw, without_secrets
from parity_core.capture.record import PREFIX, header_line, to_line
from parity_core.compare.tokens import mint
from parity_core.model import ParityError


def write_capture(
    folder: Path, name: str, exchanges: Iterable[Raw], masker: Masker, user: str, limit: int
) -> tuple[Path, int]:
    """The file and how many exchanges it has. `user`: who asked, where the source does not tell."""
    path = folder / f"{PREFIX}{name}.jsonl"
    count = 0
    try:
        with private.open_file(path, "x", encoding="utf-8", errors="backslashreplace") as file:
            for raw in exchanges:
                one = without_secrets(_with_user(raw, user), masker, limit)
                if not count:
                    started = one.at
                    file.write(header_line(started=started, imported=name))
                file.write(to_line(one))
                count += 1
    except FileExistsError:
        raise ParityError(f"{path} exists already: remove it to import again") from None
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    if not count:
        path.unlink()
        raise ParityError(f"nothing of {name} could be imported")
    return path, count


def _with_user(raw: Raw, user: str) -> Raw:
    if not user or any(name.lower() == "authorization" for name, _ in raw.request_headers):
        return raw
    # a token that says who it was is all the record keeps of it
    token = mint({"sub": user}, "imported", 0)
    return replace(
        raw, request_headers=(*raw.request_headers, ("authorization", f"Bearer {token}"))
    )
