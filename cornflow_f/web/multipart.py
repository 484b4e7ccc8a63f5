"""Multipart forms as the legacy's server reads them. Pure: bytes in, parts out.

Source: werkzeug's ``MultipartDecoder`` and ``parse_options_header``. Other readers are stricter, or lenient
elsewhere: lines may end with CR or LF alone, headers may be continued, and a part without a body may
be followed by the boundary at once, as werkzeug's own client writes an empty field.
"""

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple
from urllib.parse import unquote

MOST_PARTS = 1000
MOST_TEXT_BYTES = 500_000
"""What a field's text, or what is not understood yet, may be; a file may be larger."""

_CHARSETS = frozenset(("ascii", "us-ascii", "utf-8", "iso-8859-1"))
_END_OF_LINE = b"(?:\\r\\n|\\n|\\r)"
_LINE_END = re.compile(_END_OF_LINE)
_BLANK_LINE = re.compile(b"\\r\\n\\r\\n|\\r\\r|\\n\\n")
_CONTINUED = re.compile(_END_OF_LINE + b"[ \\t]")

_NAME = re.compile(r"([\w!#$%&'*+\-.^`|~]+)=", re.ASCII)
_TOKEN = re.compile(r"[\w!#$%&'*+\-.^`|~]+", re.ASCII)
_NEXT = re.compile(r";[ \t]*")
_MARK = re.compile(r"(?:\*(\d+))?(\*)?$", re.ASCII)
_WITH_CHARSET = re.compile(
    r"([\w!#$%&*+\-.^`|~]*)'[\w!#$%&*+\-.^`|~]*'([\w!#$%&'*+\-.^`|~]+)$", re.ASCII
)
_ESCAPED = re.compile(r"\\(.)")


class TooLarge(Exception):
    """More parts, or a longer text, than are read."""


class FormPart(NamedTuple):
    """A part begins. It is a file if it has a `filename`, even an empty one."""

    name: str | None
    filename: str | None
    charset: str


class Data(NamedTuple):
    content: bytes
    is_last: bool


class _State(Enum):
    BEFORE = "before the first boundary"
    HEADERS = "in the headers of a part"
    START = "where a body starts"
    BODY = "in a body"
    AFTER = "after the last boundary"


class MultipartReader:
    """`feed` it a body in pieces, then `finish`. Both raise ValueError for what is no form, or TooLarge."""

    def __init__(self, boundary: bytes) -> None:
        if not boundary:
            raise ValueError("the content type names no boundary")
        self._boundary = b"--" + boundary
        ending = b"(--[^\\S\\n\\r]*%s?|[^\\S\\n\\r]*%s)" % (_END_OF_LINE, _END_OF_LINE)
        marked = re.escape(self._boundary) + ending
        self._first = re.compile(_END_OF_LINE + b"?" + marked)
        self._next = re.compile(_END_OF_LINE + marked)
        self._rest = bytearray()
        self._searched = 0
        self._parts = 0
        self._state = _State.BEFORE

    def feed(self, piece: bytes) -> Iterator[FormPart | Data]:
        if len(self._rest) + len(piece) > MOST_TEXT_BYTES:
            raise TooLarge
        self._rest += piece
        while self._state is not _State.AFTER:
            event = self._step()
            if event is None:
                return
            if event is not _SKIPPED:
                yield event

    def finish(self) -> None:
        if self._state is not _State.AFTER:
            raise ValueError(f"the form ends {self._state.value}")

    def _step(self) -> FormPart | Data | None:
        """The next event; None when more is needed."""
        if self._state is _State.BEFORE:
            return self._skip_preamble()
        if self._state is _State.HEADERS:
            return self._read_headers()
        return self._read_body()

    def _skip_preamble(self) -> Data | None:
        match = self._first.search(self._rest, self._searched)
        if match is None:
            self._searched = max(0, len(self._rest) - len(self._boundary) - 6)
            return None
        self._pass(match)
        del self._rest[: match.end()]
        return _SKIPPED

    def _read_headers(self) -> FormPart | None:
        match = _BLANK_LINE.search(self._rest, self._searched)
        if match is None:
            self._searched = max(0, len(self._rest) - 8)
            return None
        headers = _headers(bytes(self._rest[: match.start()]))
        # The first of the two line ends closes the last header, the second opens the body.
        del self._rest[: (match.start() + match.end()) // 2]
        if "content-disposition" not in headers:
            raise ValueError("a part says not what it is")
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise TooLarge
        self._state, self._searched = _State.START, 0
        _, options = parse_options(headers["content-disposition"])
        _, described = parse_options(headers.get("content-type", ""))
        charset = described.get("charset", "").lower()
        charset = charset if charset in _CHARSETS else "utf-8"
        return FormPart(options.get("name"), options.get("filename"), charset)

    def _read_body(self) -> Data | None:
        opens = self._state is _State.START
        line_end = _LINE_END.match(self._rest) if opens else None
        start = line_end.end() if line_end is not None else 0
        match = self._next.search(self._rest) if self._boundary in self._rest else None
        if match is not None:
            content = bytes(self._rest[start : match.start()])
            self._pass(match)
            del self._rest[: match.end()]
            return Data(content, True)
        end = start + _surely_body(self._rest[start:], len(self._boundary))
        content = bytes(self._rest[start:end])
        del self._rest[:end]
        self._state = _State.BODY
        return Data(content, False) if content or opens else None

    def _pass(self, boundary: re.Match[bytes]) -> None:
        is_last = boundary[1].startswith(b"--")
        self._state = _State.AFTER if is_last else _State.HEADERS
        self._searched = 0


_SKIPPED = Data(b"", False)


def _surely_body(text: bytearray, boundary: int) -> int:
    """How many bytes can't be the beginning of a boundary: those before a line end close to the end."""
    most = len(text) - boundary - 2
    ends = (position for position in (text.rfind(b"\n"), text.rfind(b"\r")) if position >= 0)
    return min((end for end in ends if end >= most), default=len(text))


def _headers(text: bytes) -> dict[str, str]:
    """By name in small letters, the first of each. Raises ValueError for what is not UTF-8."""
    headers: dict[str, str] = {}
    for line in _CONTINUED.sub(b" ", text).splitlines():
        if line := line.strip(b" \t"):
            name, _, value = line.decode().partition(":")
            headers.setdefault(name.strip(" \t").lower(), value.strip(" \t"))
    return headers


def parse_options(text: str) -> tuple[str, dict[str, str]]:
    """`form-data; name="a"` as its value and its parameters; parameters that are none are passed over."""
    value, _, rest = text.partition(";")
    value, rest = value.strip(" \t"), rest.strip(" \t")
    options: dict[str, str] = {}
    pieces: dict[str, list[str]] = {}
    charsets: dict[str, str] = {}
    for key, content in _parameters(rest) if value else ():
        mark = _MARK.search(key)
        is_piece, has_charset = (
            (mark[1] is not None, mark[2] is not None) if mark else (False, False)
        )
        name = key[: mark.start()] if mark else key
        charset = ""
        if has_charset:
            if match := _WITH_CHARSET.match(content):
                charset, content = match[1].lower(), match[2]
            if not charset and is_piece:
                charset = charsets.get(name, "")
            if charset in _CHARSETS:
                content = unquote(content, encoding=charset)
        else:
            content = _unquoted(content).replace("%22", '"')
        if is_piece:
            # A name in pieces replaces a whole one before it, and the other way round.
            options.pop(name, None)
            pieces.setdefault(name, []).append(content)
            if charset:
                charsets[name] = charset
        else:
            pieces.pop(name, None)
            charsets.pop(name, None)
            options[name] = content
    return value, options | {name: "".join(texts) for name, texts in pieces.items()}


def _parameters(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(text):
        if key := _NAME.match(text, position):
            position = key.end()
            if token := _TOKEN.match(text, position):
                yield key[1].lower(), token[0]
            elif text.startswith('"', position):
                quoted = _closing_quote(text, position)
                if quoted is None:
                    # A quote that is never closed leaves nothing to look for.
                    return
                yield key[1].lower(), text[position:quoted]
                position = quoted
        following = _NEXT.search(text, position)
        if following is None:
            return
        position = following.end()


def _closing_quote(text: str, position: int) -> int | None:
    """Where the text quoted from `position` on ends."""
    position += 1
    while position < len(text):
        if text.startswith(("\\\\", '\\"'), position):
            position += 2
        elif text[position] == '"':
            return position + 1
        else:
            position += 1
    return None


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text.startswith('"') and text.endswith('"'):
        return _ESCAPED.sub(r"\1", text[1:-1])
    return text
