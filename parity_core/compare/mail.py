"""What a mail says, for comparison: the parts that a reader would notice."""

from __future__ import annotations

from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message

from parity_core.model import Json


def describe(sender: str, recipients: list[str], content: bytes) -> Json:
    """A mail as a value: its envelope, the headers that a reader sees, its decoded parts."""
    message = message_from_bytes(content)
    parts = [part for part in message.walk() if not part.is_multipart()]
    return {
        "envelope": {"from": sender, "to": list(recipients)},
        "from": _header(message, "From"),
        "to": _header(message, "To"),
        "subject": _header(message, "Subject"),
        "type": message.get_content_type(),
        "parts": [{"type": part.get_content_type(), "body": _text(part)} for part in parts],
    }


def _header(message: Message, name: str) -> str | None:
    value = message[name]
    return None if value is None else str(make_header(decode_header(str(value))))


def _text(part: Message) -> str:
    raw = part.get_payload(decode=True)
    charset = part.get_content_charset() or "utf-8"
    text = raw.decode(charset, "replace") if isinstance(raw, bytes) else str(raw)
    return text.replace("\r\n", "\n")
