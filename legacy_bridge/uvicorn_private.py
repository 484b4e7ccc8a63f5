"""What the bridge uses of uvicorn that its documents do not promise: the supervisor of several workers.

`tests/packages/test_private_apis.py` says what of it a new version broke; the upper bound of uvicorn in
`distributions/legacy-bridge` is the newest that was tested.
"""

import inspect
import socket
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess


def serve_in_processes(config: uvicorn.Config, taken: socket.socket) -> None:
    """As many processes as the configuration says, until a signal asks to stop."""
    options: dict[str, Any] = {}
    if "target" in inspect.signature(Multiprocess.__init__).parameters:
        # older versions want to be told what a worker runs
        options["target"] = uvicorn.Server(config).run
    Multiprocess(config, sockets=[taken], **options).run()
