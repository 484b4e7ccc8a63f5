"""Records which lines this process executes, under a name that whoever started it sets for each request.

Python imports a module of this name by itself: `parity reach` puts this folder in front of the path of
the ported stack, and only then. PARITY_REACH holds JSON: `sources` (folders to record), `data` (the file
of coverage.py that is written) and `socket` (where a line is a command: `switch NAME`, `new`, `save`). Without a
socket the whole process is recorded, until it ends.
"""

import atexit
import importlib.machinery
import importlib.util
import json
import os
import socket
import sys
import threading
from typing import Any


def _record(wish: dict[str, Any]) -> None:
    import coverage

    concurrency = ["thread"]
    if importlib.util.find_spec("greenlet"):
        concurrency.append("greenlet")
    recording = coverage.Coverage(
        data_file=wish["data"],
        data_suffix=str(os.getpid()),
        branch=True,
        source=wish["sources"],
        concurrency=concurrency,
        config_file=False,
        messages=False,
    )
    if "socket" not in wish:
        recording.start()
        atexit.register(recording.save)
        atexit.register(recording.stop)
        return
    server = socket.socket(socket.AF_UNIX)
    try:
        server.bind(wish["socket"])
    except OSError:
        return  # a child of the process that is recorded
    server.listen()
    recording.start()

    known: set[tuple[str, int, int]] = set()

    def new() -> list[tuple[str, int, int]]:
        """Steps from one line to another that were not taken before this was asked last."""
        data = recording.get_data()
        taken = {
            (file, *arc) for file in data.measured_files() for arc in data.arcs(file) or ()
        } - known
        known.update(taken)
        return sorted(taken)

    def obey() -> None:
        while True:
            connection, _ = server.accept()
            with connection, connection.makefile("rw") as lines:
                for line in lines:
                    command, _, name = line.rstrip("\n").partition(" ")
                    answer = "done"
                    if command == "switch":
                        recording.switch_context(name)
                    elif command == "new":
                        answer = json.dumps(new())
                    else:
                        recording.stop()
                        recording.save()
                    lines.write(answer + "\n")
                    lines.flush()

    threading.Thread(target=obey, name="parity-reach", daemon=True).start()


def _next() -> None:
    """The module of this name that this one hides, if there is one."""
    here = os.path.dirname(os.path.abspath(__file__))
    path = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", path)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


_next()
if os.environ.get("PARITY_REACH"):
    _record(json.loads(os.environ["PARITY_REACH"]))
