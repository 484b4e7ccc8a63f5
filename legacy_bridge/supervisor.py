"""Ends a worker whose supervisor was killed: it would go on serving old code and keep the port."""

import os
import signal
import threading
import time

SUPERVISOR = "CUTOVER_SUPERVISOR"
"""The environment variable with the supervisor's process id."""

_PERIOD = 0.5
_GRACE = 35.0
"""Seconds for requests that are under way; uvicorn itself waits for 30."""


def watch_supervisor() -> None:
    """Looks from a thread, which a busy event loop can't hold up. Does nothing without a supervisor."""
    supervisor = os.environ.get(SUPERVISOR)
    if supervisor is not None and int(supervisor) != os.getpid():
        thread = threading.Thread(
            target=_watch, args=(int(supervisor),), name="supervisor watch", daemon=True
        )
        thread.start()


def _watch(supervisor: int) -> None:
    # An orphan gets another parent.
    while os.getppid() == supervisor:
        time.sleep(_PERIOD)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE)
    os._exit(1)
