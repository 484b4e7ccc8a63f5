"""The exceptions a request can end with. The class carries the status, the raise carries the words.

CornflowError
├── InvalidUsage            400
├── NotFound                404
├── AlreadyExists           400
├── NoPermission            403
├── InvalidCredentials      400
├── EndpointNotImplemented  501
├── InvalidData             400
├── CommunicationError      400
├── InvalidPatch            400
├── ConfigurationError      501
├── BodyTooLarge            413
└── OrchestratorError       the orchestrator's own status

Statuses and default words are the legacy's (``shared/exceptions.py``).
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class CornflowError(Exception):
    """Base of all: rendered as ``{**payload, "error": message}`` with `status`."""

    status: int = 400
    message: ClassVar[str] = "Unknown error"

    def __init__(
        self,
        error: str | None = None,
        *,
        status: int | None = None,
        payload: Mapping[str, Any] | None = None,
        log: str | None = None,
    ) -> None:
        self.payload = payload or {}
        self.error = self.message if error is None else error
        self.log = self.error if log is None else log
        if status is not None:
            self.status = status
        super().__init__(self.error)


class InvalidUsage(CornflowError):
    pass


class NotFound(CornflowError):
    status = 404
    message = "The data entity does not exist on the database"


class AlreadyExists(CornflowError):
    # parity: the legacy answers 400 here, not 409 (shared/exceptions.py, ObjectAlreadyExists)
    message = "The object does exist already"


class NoPermission(CornflowError):
    status = 403
    message = "You have no permission to access the required object"


class InvalidCredentials(CornflowError):
    # parity: the legacy answers 400 here, not 401 (shared/exceptions.py, InvalidCredentials)
    message = "Invalid credentials"


class EndpointNotImplemented(CornflowError):
    status = 501
    message = "Endpoint not implemented"


class InvalidData(CornflowError):
    message = "The data sent is not valid"


class CommunicationError(CornflowError):
    message = "The communication failed"


class InvalidPatch(CornflowError):
    message = "The json patch sent is not valid"


class ConfigurationError(CornflowError):
    status = 501
    message = "No authentication method configured on the server"


class BodyTooLarge(CornflowError):
    status = 413

    def __init__(self, most: int) -> None:
        super().__init__(
            f"The body is larger than {most} bytes, which is the most this server takes here."
        )


class OrchestratorError(CornflowError):
    pass
