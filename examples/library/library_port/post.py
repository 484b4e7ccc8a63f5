"""Letters to members. Here they only go to the log."""

import logging

_log = logging.getLogger(__name__)


def send(to: str, text: str) -> None:
    _log.info("to %s: %s", to, text)
