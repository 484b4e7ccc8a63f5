"""The one way in which a request is refused."""

from typing import Any


class Refused(Exception):
    def __init__(self, status: int, error: Any) -> None:
        self.status, self.error = status, error
