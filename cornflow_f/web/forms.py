"""Forms, read and refused as the legacy does: marshmallow's messages under "form"."""

import codecs
from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile
from typing import TypeVar
from urllib.parse import parse_qsl, quote_from_bytes

from pydantic import ValidationError
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from cornflow_f.errors import InvalidUsage
from cornflow_f.validation.marshmallow import RequestModel, marshmallow_messages
from cornflow_f.web.deps import let_go
from cornflow_f.web.multipart import (
    MOST_TEXT_BYTES,
    FormPart,
    MultipartReader,
    TooLarge,
    parse_options,
)

Form = TypeVar("Form", bound=RequestModel)

NAMELESS = "\x00(a part without a name)\x00"
"""Stands for the name of a part that has none: nobody names a part like this, and Pydantic takes it as a key. The legacy shows None."""

_TOO_LARGE = "The data value transmitted exceeds the capacity limit."
_PIECE_BYTES = 64 * 1024
_IN_MEMORY_BYTES = 1024 * 1024
"""Of a file; a larger one goes to the disk."""


def _keep_quoted(error: UnicodeError) -> tuple[str, int]:
    """Bytes of a plain form that are no text stay as they were sent: `%ff`."""
    assert isinstance(error, UnicodeDecodeError)
    return quote_from_bytes(error.object[error.start : error.end], safe=""), error.end


codecs.register_error("cornflow_f.keep_quoted", _keep_quoted)


async def read_form(request: Request) -> FormData:
    """What the body holds; nothing when it is no form. Raises HTTPException (413).

    Meanwhile the request's session has no connection: what was read by it before is not kept.
    """
    session = getattr(request.state, "session", None)
    if session is not None:
        # a slow client must not keep a connection from the others
        await let_go(session)
    kind, options = parse_options(request.headers.get("content-type", ""))
    # parity: a form that can't be read, or ends before its last boundary, is an empty one (werkzeug)
    if kind.lower() == "multipart/form-data":
        return await _read_multipart(request, options.get("boundary", ""))
    if kind.lower() == "application/x-www-form-urlencoded":
        try:
            text = (await request.body()).decode()
        except UnicodeDecodeError:
            return FormData()
        fields = parse_qsl(text, keep_blank_values=True, errors="cornflow_f.keep_quoted")
        return FormData([(name, value) for name, value in fields])
    return FormData()


async def _read_multipart(request: Request, boundary: str) -> FormData:
    building = _Building()
    try:
        reader = MultipartReader(boundary.encode("ascii"))
        async for piece in _pieces(request):
            for event in reader.feed(piece):
                if isinstance(event, FormPart):
                    building.open(event)
                else:
                    await building.add(event.content, is_last=event.is_last)
        reader.finish()
    except ValueError:
        await building.close()
        return FormData()
    except TooLarge as error:
        await building.close()
        raise HTTPException(413, _TOO_LARGE) from error
    except BaseException:
        await building.close()
        raise
    return FormData(building.items)


class _Building:
    """A form on its way."""

    def __init__(self) -> None:
        self.items: list[tuple[str, str | UploadFile]] = []
        self._part = FormPart(None, None, "")
        self._text = bytearray()
        self._file: UploadFile | None = None

    def open(self, part: FormPart) -> None:
        self._part, self._text, self._file = part, bytearray(), None
        if part.filename is not None:
            content = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115
            self._file = UploadFile(content, filename=part.filename, headers=Headers())  # type: ignore[arg-type]

    async def add(self, content: bytes, *, is_last: bool) -> None:
        if self._file is not None:
            await self._file.write(content)
            if is_last:
                await self._file.seek(0)
                self._keep(self._file)
                self._file = None
            return
        self._text += content
        if len(self._text) > MOST_TEXT_BYTES:
            raise TooLarge
        if is_last:
            self._keep(self._text.decode(self._part.charset, "replace"))

    def _keep(self, value: str | UploadFile) -> None:
        self.items.append((NAMELESS if self._part.name is None else self._part.name, value))

    async def close(self) -> None:
        for value in (self._file, *(value for _, value in self.items)):
            if isinstance(value, UploadFile):
                await value.close()


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces of one size: where one ends may decide how line ends are read."""
    collected = bytearray()
    async for chunk in request.stream():
        collected += chunk
        while len(collected) >= _PIECE_BYTES:
            yield bytes(collected[:_PIECE_BYTES])
            del collected[:_PIECE_BYTES]
    if collected:
        yield bytes(collected)


def first_values(form: FormData) -> dict[str, str]:
    """The fields, the first of each name."""
    fields: dict[str, str] = {}
    for name, value in form.multi_items():
        if not isinstance(value, UploadFile):
            fields.setdefault(name, value)
    return fields


def validated(form: FormData, model: type[Form]) -> Form:
    """The fields, the first of each name. Raises InvalidUsage."""
    try:
        return model.model_validate(first_values(form))
    except ValidationError as error:
        raise InvalidUsage(str({"form": form_messages(error)})) from error


def form_messages(error: ValidationError) -> dict[str | None, object]:
    """What is wrong with a form, by field; a part without a name is None, as the legacy shows it."""
    messages = marshmallow_messages(error.errors())
    return {None if name == NAMELESS else name: texts for name, texts in messages.items()}


def uploaded(form: FormData, name: str) -> UploadFile | None:
    """The first file with this name."""
    files = [value for value in form.getlist(name) if isinstance(value, UploadFile)]
    return files[0] if files else None
