"""Forms as the port and as the legacy's server (werkzeug) read them: fields, files, and what is no form."""

import io
import random
from typing import Any

import pytest
import werkzeug
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.test import EnvironBuilder

from cornflow_f.web import multipart
from cornflow_f.web.forms import NAMELESS, read_form
from cornflow_f.web.multipart import parse_options

Outcome = Any
BOUNDARY = 'multipart/form-data; boundary="B"'


class LegacyRequest(werkzeug.Request):
    """With the limits of a Flask application."""

    max_form_memory_size = 500_000
    max_form_parts = 1000


def legacy(body: bytes, content_type: str) -> Outcome:
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    request = LegacyRequest(environ)
    try:
        form, files = request.form, request.files
    except RequestEntityTooLarge as error:
        return error.code, error.description
    fields = [(NAMELESS if name is None else name, value) for name, value in form.items(multi=True)]
    return (
        _by_name(fields),
        _by_name(
            [
                (NAMELESS if n is None else n, (f.filename, f.read()))
                for n, f in files.items(multi=True)
            ]
        ),
    )


def _by_name(items: list[tuple[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for name, value in items:
        found.setdefault(name, []).append(value)
    return found


async def port(body: bytes, content_type: str, chunk: int = 1_000_000) -> Outcome:
    pieces = [body[start : start + chunk] for start in range(0, len(body), chunk)] or [b""]

    async def receive() -> Any:
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    headers = [(b"content-type", content_type.encode("latin-1"))]
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    try:
        form = await read_form(request)
    except HTTPException as error:
        return error.status_code, error.detail
    fields, files = [], []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            files.append((name, (value.filename, await value.read())))
        else:
            fields.append((name, value))
    await form.close()
    return _by_name(fields), _by_name(files)


def part(headers: bytes, body: bytes | None, line: bytes = b"\r\n") -> bytes:
    """A part as sent; without a blank line when its body is None."""
    return b"--B" + line + headers + line + (b"" if body is None else line + body) + line


FIELD = b'Content-Disposition: form-data; name="a"'
_LINES = st.sampled_from([b"\r\n", b"\n", b"\r", b"\n\r", b""])
_PIECES = st.one_of(
    _LINES,
    st.sampled_from(
        [b"--B", b"--B--", b"--B  ", b"--B--  ", b"--BB", b"-B", b"--", b" ", b"\t", b";", b":", b"=",
         FIELD, b"Content-Disposition: form-data", b'; name="b"', b'; filename="f.mps"', b"; filename=",
         b"Content-Type: text/plain; charset=iso-8859-1", b"content-disposition: x; name=c", b"X: y",
         b"\xe9", b"\xc3\xa9", b"text", b"\x00", b'"', b"\\"]
    ),
)  # fmt: skip
_HEADERS = st.sampled_from(
    [FIELD, b'Content-Disposition: form-data; name="a"; filename="f.mps"',
     b'CONTENT-DISPOSITION:form-data;name=a', b"Content-Disposition: form-data", b"X: y", b"",
     FIELD + b"\r\nContent-Type: text/plain; charset=iso-8859-1",
     FIELD + b"\r\nContent-Type: text/plain; charset=utf-16",
     b"Content-Disposition: form-data;\r\n name=a", b"Content-Disposition: form-data; filename*=utf-8''%c3%a9; name=a",
     b'Content-Disposition: form-data; name="a\\"b%22"', b'Content-Disposition: form-data; name="\xc3\xa9"',
     b'Content-Disposition: form-data; name="\xff"', b'Content-Disposition: form-data; name="a'
     b'"; filename="C:\\\\x\\\\y.mps"', FIELD + b"\r\nContent-Disposition: x; name=b"]
)  # fmt: skip
_BODIES = st.sampled_from(
    [None, b"", b"x", b"\r\n", b"\r\n--", b"\r\n--BB", b"--B", b"\xe9", b"\xc3\xa9", b"\n\n", b"x" * 70_000]
)  # fmt: skip
_FORMS = st.tuples(
    st.sampled_from([b"", b"preamble\r\n", b"--BB\r\n", b"\r\n"]),
    st.lists(st.builds(part, _HEADERS, _BODIES, _LINES.filter(bool)), max_size=4).map(b"".join),
    st.sampled_from([b"--B--\r\n", b"--B--", b"--B", b"", b"--B--\r\nepilogue", b"--B-- \r\n"]),
).map(b"".join)


@given(st.one_of(_FORMS, st.lists(_PIECES, max_size=25).map(b"".join)), st.integers(1, 300))
@example(part(FIELD, None) + b"--B--\r\n", 1000)
@example(part(FIELD, None) + part(FIELD, b"x") + b"--B--\r\n", 7)
@example(part(FIELD, b"") + b"--B--\r\n", 1)
async def test_same_fields_and_files(body: bytes, chunk: int) -> None:
    assert await port(body, BOUNDARY, chunk) == legacy(body, BOUNDARY)


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=B",
        "MULTIPART/FORM-DATA; BOUNDARY=B", "multipart/form-data; boundary=b", "multipart/mixed; boundary=B",
        "multipart/form-data; charset=x; boundary=B", "multipart/form-data, boundary=B", "text/plain",
        "multipart/form-data; boundary=\xe9", "multipart/form-data; boundary*=utf-8''B", " multipart/form-data;boundary=B",
        "multipart/form-data; boundary=\"B", "application/x-www-form-urlencoded", "",
    ],
)  # fmt: skip
async def test_same_content_types(content_type: str) -> None:
    body = part(FIELD, b"x") + b"--B--\r\n"
    assert await port(body, content_type) == legacy(body, content_type)


@given(
    st.lists(
        st.sampled_from(["a", "b", "=", "&", ";", "+", "%20", "%e9", "%C3%A9", "%", "%zz", "\xe9"]),
        max_size=12,
    ).map("".join)
)
async def test_same_plain_forms(text: str) -> None:
    for body in (text.encode(), text.encode("latin-1")):
        plain = "application/x-www-form-urlencoded; charset=latin-1"
        assert await port(body, plain) == legacy(body, plain)


@given(
    st.lists(
        st.sampled_from(
            ["form-data", ";", "; ", "name", "filename", "=", "*", "*0", "*1*", '"', "\\", "%22", "%c3%a9",
             "utf-8''", "iso-8859-1'en'", "x", "é", " ", "\t", "a b", ",", "'", "NAME"]
        ),
        max_size=14,
    ).map("".join)
)  # fmt: skip
@example("form-data; name*0=a; name*1=b; name=c")
@example("form-data; name*0*=utf-8''%c3; name*1*=%a9")
@example("form-data; name*=latin-9''x")
def test_same_parameters(text: str) -> None:
    assert parse_options(text) == parse_options_header(text)


@pytest.mark.parametrize(
    "body",
    [
        part(FIELD, b"x" * 499_000) + b"--B--", part(FIELD, b"x" * 500_001) + b"--B--",
        part(FIELD, b"x") * 1000 + b"--B--", part(FIELD, b"x") * 1001 + b"--B--",
        b"x" * 600_000, b"--B\r\nX: " + b"y" * 600_000,
        part(FIELD + b'; filename="f"', b"x" * 3_000_000) + b"--B--",
        part(FIELD + b'; filename="f"', b"\r\n--" * 300_000) + b"--B--",
    ],
    ids=["long", "too long", "many", "too many", "no boundary", "no blank line", "file", "line ends"],
)  # fmt: skip
async def test_same_limits(body: bytes) -> None:
    assert await port(body, BOUNDARY, 50_000) == legacy(body, BOUNDARY)


async def test_what_the_servers_own_client_sends() -> None:
    built = EnvironBuilder(
        method="POST",
        data={"name": "n", "description": "", "file": (io.BytesIO(b""), "a.mps")},
    )
    environ = built.get_environ()
    built.close()
    body = environ["wsgi.input"].read()
    fields, files = await port(body, environ["CONTENT_TYPE"])
    assert fields == {"name": ["n"], "description": [""]}
    assert files == {"file": [("a.mps", b"")]}


async def test_a_planted_fault_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that wants a line end before every boundary, as the one of before did."""
    right = multipart.MultipartReader._read_body

    def strict(self: Any) -> Any:
        if self._state is multipart._State.START:
            line_end = multipart._LINE_END.match(self._rest)
            assert line_end is not None
            del self._rest[: line_end.end()]
            self._state = multipart._State.BODY
        return right(self)

    monkeypatch.setattr(multipart.MultipartReader, "_read_body", strict)
    body = part(FIELD, None) + b"--B--\r\n"
    assert await port(body, BOUNDARY) != legacy(body, BOUNDARY)


async def test_the_files_of_a_broken_form_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []
    right = UploadFile.close

    async def watched(self: UploadFile) -> None:
        closed.append(self.filename)
        await right(self)

    monkeypatch.setattr(UploadFile, "close", watched)
    body = part(FIELD + b'; filename="f"', b"x") + part(FIELD + b'; filename="g"', b"x" * 70_000)
    assert await port(body, BOUNDARY) == ({}, {})
    assert {*closed} == {"f", "g"}
    assert len(closed) == 2


def test_random_bytes_end() -> None:
    """No input keeps the reader busy without end."""
    draw = random.Random(3)
    for _ in range(300):
        reader = multipart.MultipartReader(b"B")
        text = b"".join(draw.choices([b"--B", b"\r\n", b"\n", b"\r", FIELD, b"x", b"--"], k=60))
        try:
            list(reader.feed(text))
            reader.finish()
        except (ValueError, multipart.TooLarge):
            continue
